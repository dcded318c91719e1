#!/bin/sh
# Takes away everything that install.sh made, by the list that it left: service, unit, command, state, user, packages.
# Never touches what is not on the list.
set -eu

value_of() { sed -n "s/^$1=//p" "$base/installed"; }

# Where nothing but the script stands for a service manager: what still runs would write to the state again. The user is
# the agent's alone.
end_processes() {
  [ -n "$user" ] || return 0
  for process in /proc/[0-9]*; do
    [ "$(stat -c %U "$process" 2> /dev/null)" != "$user" ] || kill -KILL "${process#/proc/}" 2> /dev/null || true
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
