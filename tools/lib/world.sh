# SPDX-License-Identifier: Apache-2.0
# A private world for scripts: network namespaces, links and processes that nothing outside sees and
# that the kernel removes when the script ends, however it ends. Sourced.
#
# The script is run again as the first process of new network and process namespaces: when it
# exits, or is killed, every process in there is killed, and with the last process of a network
# namespace go the namespace and its links.

declare -A world_pids=()  # of the process that holds a host's namespace

# enter_world "$@": the first thing a script does after sourcing this. Needs root.
enter_world() {
  if [[ ${OSPREY_WORLD:-} != "$0" ]]; then
    if ((EUID != 0)); then
      echo "$0: making network namespaces needs root" >&2
      exit 3
    fi
    OSPREY_WORLD=$0 exec unshare --net --pid --fork --kill-child --mount-proc -- "$0" "$@"
  fi
  # The first process of a namespace gets only the signals that it asks for.
  trap 'exit 130' INT
  trap 'exit 143' TERM
  unset OSPREY_WORLD
  ip link set lo up
  quiet_ipv6
}

# No router solicitations or neighbour discovery on the links of this namespace.
quiet_ipv6() {
  sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null ||
    true
}

# on HOST COMMAND...: runs it on that host.
on() {
  local host=$1
  shift
  nsenter --net --target "${world_pids[$host]}" -- "$@"
}

# new_host HOST: a network namespace of its own.
new_host() {
  local ours
  ours=$(readlink /proc/self/ns/net)
  unshare --net sleep infinity &
  world_pids[$1]=$!
  until [[ $(readlink "/proc/$!/ns/net") != "$ours" ]]; do sleep 0.01; done
  on "$1" ip link set lo up
  on "$1" bash -c "$(declare -f quiet_ipv6); quiet_ipv6"
}

# link_to HOST HERE THERE ADDRESS/LENGTH: a veth pair from this namespace (device HERE, not up yet)
# to the host (device THERE with the address).
link_to() {
  ip link add "$2" type veth peer name "$3" netns "${world_pids[$1]}"
  on "$1" ip addr add "$4" dev "$3"
  on "$1" ip link set "$3" up
}

# serve HOST PORT...: TCP services that accept and close connections.
serve() {
  local host=$1 port
  shift
  for port in "$@"; do
    on "$host" perl -MSocket -e '
      socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
      setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
      bind($s, sockaddr_in(shift, INADDR_ANY)) or die "bind: $!";
      listen($s, 4096) or die "listen: $!";
      close my $c while accept($c, $s);' "$port" &
    until [[ -n $(on "$host" ss -Hltn "sport = :$port") ]]; do sleep 0.01; done
  done
}
