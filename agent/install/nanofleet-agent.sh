#!/bin/sh
# The installed command: the package's own Node, or the machine's where the package has none, with the settings that keep it small, on the state directory of the
# installation. Holds no command of its own.
set -eu

release=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
state=$(sed -n 's/^state=//p' "$release/../../installed")
case ${1-} in
  run | enrol | doctor | status | ask | label | examples | outbound | wipe)
    name=$1
    shift
    set -- "$name" --dir "$state" "$@"
    ;;
esac
# The loader starts the agent that is committed; uninstalling is for the one that was installed.
program=agent-loader.mjs
[ "${1-}" != uninstall ] || program=nanofleet-agent.mjs
node=$release/node
[ -x "$node" ] || node=node
MALLOC_ARENA_MAX=1 exec "$node" --max-semi-space-size=1 --single-threaded "$release/agent/$program" "$@"
