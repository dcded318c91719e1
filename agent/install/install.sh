# Installs the nanofleet agent on this device, or upgrades it: checks the machine, takes one package from the controller,
# compares its SHA-256, unpacks it, makes a user, enrols and starts. The controller puts NANOFLEET_URL and
# NANOFLEET_PACKAGES before this text; the line that runs it has compared the whole. The fleet token comes on standard
# input, so that no list of processes shows it. Needs: curl or wget, sha256sum, tar, gzip; xz, where it is, saves bytes.
set -eu

USER_NAME=nanofleet-agent
UNIT=nanofleet-agent.service
# Free kB beyond the package's own: records, examples and two bundles of a line.
STATE_KB=65536
HEALTHY_SECONDS=60

say() { printf '%s\n' "nanofleet: $*"; }
fail() {
  printf '%s\n' "nanofleet: $*" >&2
  exit 1
}

usage() {
  cat <<'USAGE'
usage: install.sh --name NAME [--into DIR] [--no-start]    (fleet token on standard input)
  --name NAME  name of the device: a-z, 0-9, hyphen
  --into DIR   everything below this directory, as the present user: no root, no user of its own, no service
  --no-start   install and enrol only
USAGE
}

read_arguments() {
  name='' into='' start=yes
  while [ $# -gt 0 ]; do
    case $1 in
      --name) name=${2-}; shift ;;
      --into) into=${2-}; shift ;;
      --no-start) start=no ;;
      --help) usage; exit 0 ;;
      *) usage >&2; fail "there is no option $1" ;;
    esac
    [ $# -gt 0 ] && shift
  done
  [ -n "$name" ] || fail 'give --name NAME'
  case $name in *[!a-z0-9-]*) fail "--name $name may hold a-z, 0-9 and hyphens" ;; esac
}

choose_places() {
  if [ -n "$into" ]; then
    mkdir -p "$into"
    base=$(cd "$into" && pwd) state=$base/state command='' unit=''
    return
  fi
  [ "$(id -u)" = 0 ] || fail 'this needs root: run it with sudo, or give --into DIR'
  base=/opt/nanofleet state=/var/lib/nanofleet-agent command=/usr/local/bin/nanofleet-agent unit=''
  if [ -d /run/systemd/system ]; then unit=/etc/systemd/system/$UNIT; fi
}

check_tools() {
  for tool in sha256sum tar gzip uname df; do
    command -v "$tool" > /dev/null || fail "$tool is missing: install it first"
  done
  command -v curl > /dev/null || command -v wget > /dev/null || fail 'curl or wget is missing: install one first'
}

# What runs here; programs of 32 bits on a kernel of 64 count as the former. Models run natively only with glibc on x64
# and arm64; any other machine takes WebAssembly, and brings its own Node.
platform_here() {
  [ "$(uname -s)" = Linux ] || fail "the agent's packages are for Linux, not $(uname -s)"
  bits=$(getconf LONG_BIT 2> /dev/null || echo 64)
  libc=glibc
  for loader in /lib/ld-musl-*; do [ -e "$loader" ] && libc=musl; done
  case "$(uname -m) $bits $libc" in
    'x86_64 64 glibc') echo linux-x64 ;;
    'aarch64 64 glibc' | 'arm64 64 glibc') echo linux-arm64 ;;
    *) echo linux-any ;;
  esac
}

# The smaller one that can be unpacked here.
package_for() {
  forms='gzip'
  if command -v xz > /dev/null; then forms='xz gzip'; fi
  for form in $forms; do printf '%s\n' "$NANOFLEET_PACKAGES" | grep "^$1 $form " && return; done
  return 1
}

check_own_node() {
  why="there is no package with a Node for this machine ($(uname -m))"
  todo='install Node 20.19 or later (Alpine: apk add nodejs; others: nodejs.org), then run this line again'
  command -v node > /dev/null || fail "$why: $todo"
  node -e 'const [major, minor] = process.versions.node.split("."); process.exit(+major > 20 || (+major === 20 && +minor >= 19) ? 0 : 1)' ||
    fail "$why, and its own is $(node --version): $todo"
  say "$why: it takes WebAssembly and its own Node $(node --version)"
}

choose_package() {
  platform=$(platform_here)
  chosen=$(package_for "$platform") || { platform=linux-any && chosen=$(package_for linux-any); } ||
    fail "the controller serves no package for $(uname -m)"
  [ "$platform" != linux-any ] || check_own_node
  # shellcheck disable=SC2086
  set -- $chosen
  form=$2 file=$3 sha=$4 bytes=$5 unpacked_kb=$6
  release=$base/releases/$(printf %.16s "$sha")
}

check_room() {
  place=$base
  while [ ! -d "$place" ]; do place=$(dirname "$place"); done
  free=$(df -Pk "$place" | awk 'NR == 2 { print $4 }')
  wanted=$((unpacked_kb + bytes / 1024 + STATE_KB))
  [ "$free" -ge "$wanted" ] || fail "$place has $free kB free; the agent needs $wanted kB"
}

# Whoever answers: what comes is compared with its SHA-256, which the line vouches for.
fetch() {
  if command -v curl > /dev/null; then curl -fsSk --retry 3 -o "$2" "$1"; else wget -q --no-check-certificate -O "$2" "$1"; fi
}

place_release() {
  if [ -x "$release/bin/nanofleet-agent" ]; then
    say "package $platform is here already"
    return
  fi
  part=$base/releases/part.$$
  rm -rf "$base"/releases/part.*
  mkdir -p "$part/unpacked"
  say "taking $file, $((bytes / 1000000)) MB"
  fetch "$NANOFLEET_URL/install/$file" "$part/package" || fail "$NANOFLEET_URL/install/$file did not come"
  found=$(sha256sum < "$part/package")
  [ "${found%% *}" = "$sha" ] || fail "the package has SHA-256 ${found%% *}, not $sha: it was not unpacked"
  "$form" -dc "$part/package" | tar -xf - -C "$part/unpacked"
  rm -f "$part/package"
  rm -rf "$release"
  mv "$part/unpacked" "$release"
  rmdir "$part"
}

# Written before what it names: an install that was cut off can be taken away, too.
note_places() {
  made_user=''
  if [ -z "$into" ]; then
    if [ -f "$base/installed" ]; then made_user=$(sed -n 's/^user=//p' "$base/installed"); fi
    if ! id "$USER_NAME" > /dev/null 2>&1; then made_user=$USER_NAME; fi
  fi
  printf 'state=%s\ncommand=%s\nunit=%s\nuser=%s\n' "$state" "$command" "$unit" "$made_user" > "$base/installed"
}

make_user() {
  [ -n "$made_user" ] || return 0
  id "$USER_NAME" > /dev/null 2>&1 && return 0
  if command -v useradd > /dev/null; then
    useradd --system --user-group --no-create-home --home-dir "$state" --shell /usr/sbin/nologin "$USER_NAME"
  else
    addgroup -S "$USER_NAME" && adduser -S -D -H -h "$state" -s /sbin/nologin -G "$USER_NAME" "$USER_NAME"
  fi
}

switch_release() {
  previous=$(readlink "$base/current" || true)
  rm -f "$base/next"
  ln -s "$release" "$base/next"
  mv -f -T "$base/next" "$base/current"
  if [ -n "$command" ]; then mkdir -p "$(dirname "$command")" && ln -sf "$base/current/bin/nanofleet-agent" "$command"; fi
  # The one before stays, to go back to.
  for old in "$base"/releases/*; do
    [ "$old" = "$release" ] || [ "$old" = "$previous" ] || rm -rf "$old"
  done
}

enrol() {
  mkdir -p "$state"
  chmod 0700 "$state"
  if [ -f "$state/identity.json" ]; then
    say 'the device is enrolled already; its token was not used'
    return
  fi
  printf '%s\n' "$token" | "$base/current/bin/nanofleet-agent" enrol --name "$name" --token - > /dev/null
  [ -n "$into" ] || chown -R -h "$USER_NAME:$USER_NAME" "$state"
  say "$name is enrolled"
}

# The manager's word counts for `start`; the agent's own word for healthy.
start_service() {
  sed -e "s|@BASE@|$base|g" -e "s|@STATE@|$state|g" -e "s|@USER@|$USER_NAME|g" "$base/current/$UNIT" > "$unit"
  systemctl daemon-reload
  systemctl enable --quiet "$UNIT"
  systemctl restart "$UNIT"
  waited=0
  until "$base/current/bin/nanofleet-agent" status --json 2> /dev/null | grep -q '"link":"connected"'; do
    waited=$((waited + 1))
    [ "$waited" -lt "$HEALTHY_SECONDS" ] || fail "the agent is not connected after $waited s: nanofleet-agent doctor, journalctl -u $UNIT"
    sleep 1
  done
  say "the agent runs and is connected. Next: nanofleet-agent status; nanofleet-agent uninstall takes all of it away"
}

finish() {
  if [ "$start" = no ]; then
    say 'installed and enrolled, not started'
  elif [ -n "$unit" ]; then
    start_service
  else
    why='there is no systemd here'
    runner=''
    if [ -n "$into" ]; then why='with --into there is no service'; else runner="su -s /bin/sh $USER_NAME -c "; fi
    say "$why. Start it: ${runner:+$runner'}$base/current/bin/nanofleet-agent run${runner:+'}"
  fi
}

main() {
  umask 022
  read_arguments "$@"
  # At once: programs that come later may read standard input, too.
  IFS= read -r token || [ -n "$token" ] || fail 'the fleet token is missing on standard input'
  choose_places
  check_tools
  choose_package
  check_room
  mkdir -p "$base"
  place_release
  note_places
  make_user
  switch_release
  enrol
  finish
}

main "$@"
