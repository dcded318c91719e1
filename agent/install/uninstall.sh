#!/bin/sh
# Takes away everything that install.sh made, by the list that it left: service, unit, command, state, user, packages.
# Never touches what is not on the list.
set -eu

value_of() { sed -n "s/^$1=//p" "$base/installed"; }

# Whether a process is an agent of this place. A user of its own is the agent's alone; else its program tells.
is_ours() {
  if [ -n "$user" ]; then
    [ "$(stat -c %U "$1" 2> /dev/null)" = "$user" ]
    return
  fi
  tr '\0' '\n' 2> /dev/null < "$1/cmdline" | while IFS= read -r word; do
    case $word in "$base"/releases/*/agent/*.mjs | "$state"/agent/versions/*.mjs) echo ours ;; esac
  done | grep -q ours
}

# Where nothing but the script stands for a service manager: what still runs would write to the state again.
end_processes() {
  for process in /proc/[0-9]*; do
    pid=${process#/proc/}
    # The agent's command that runs this script.
    [ "$pid" != "$PPID" ] || continue
    if is_ours "$process"; then kill -KILL "$pid" 2> /dev/null || true; fi
  done
}

main() {
  base=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
  [ -f "$base/installed" ] || { echo "nanofleet: $base was not made by the install script: nothing was removed" >&2; exit 1; }
  [ -w "$base" ] || { echo "nanofleet: $base belongs to somebody else: run this with sudo" >&2; exit 1; }
  state=$(value_of state) command=$(value_of command) unit=$(value_of unit) user=$(value_of user)
  if [ -n "$unit" ]; then
    systemctl disable --now --quiet "$(basename "$unit")" || true
    rm -f "$unit"
    systemctl daemon-reload
  fi
  end_processes
  [ -z "$command" ] || rm -f "$command"
  rm -rf "$state"
  if [ -n "$user" ] && id "$user" > /dev/null 2>&1; then
    if command -v userdel > /dev/null; then userdel "$user"; else deluser "$user"; fi
  fi
  rm -rf "$base"
  echo "nanofleet: the agent is gone. At the controller the device stays until: nanofleet devices revoke NAME"
}

# A function, so that the shell has read all of it before it removes it.
main
