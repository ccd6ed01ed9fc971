#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What Nmap says of one host behind each middlebox: the table of docs/lab.md.
#   sudo bench/lab_boxes.sh [BIN]
set -eu
bin=${1:-$(dirname "$0")/../build/release/bin}
host='Linux 3.2 - 4.9'
other='Microsoft Windows 7 SP1'
net=10.81.0.0/30
target=10.81.0.1

ask() { # NAME UP NMAP-PORTS [BOX]
  name=$1 up=$2 ports=$3
  shift 3
  printf '%s\n' "-- $name"
  "$bin/osprey-lab" run -q --net $net --up "$up" --mix "$host" --open 80 --timeout 90 "$@" -- \
    nmap -O -n -Pn --osscan-guess --max-os-tries 1 --min-rtt-timeout 500ms -p "$ports" $target \
    2>/dev/null | grep -E '^[0-9]+/tcp|^Running|^OS details|^Aggressive|^No |^Too many|^Warning' |
    cut -c1-150 || true
}

ask 'no box' 1 80,81
ask 'drop: closed ports and ICMP' 1 80,81 --box "drop;$net;ports=1-79,81-65535;icmp"
ask 'reject: closed ports' 1 80,81 --box "reject;$net;ports=1-79,81-65535"
ask 'reset-port 113, host up, closed ports dropped' 1 80,81,113 \
  --box "reset-port;$net;ports=113" --box "drop;$net;ports=81"
ask 'reset-port 113, no host' 0 80,81,113 --box "reset-port;$net;ports=113"
ask 'proxy 25,80, no host' 0 25,80,81 --box "proxy;$net;ports=25,80;stacks=$other"
ask 'proxy 25,80, host up' 1 25,80,81 --box "proxy;$net;ports=25,80;stacks=$other"
ask 'port-forward 80' 1 80,81 --box "port-forward;$net;ports=80;stacks=$other"
ask 'load-balancer' 1 80,81 --box "load-balancer;$net;stacks=$host,$other"
ask 'scrub: timestamps, ttl, IP ID' 1 80,81 --box "scrub;$net;strip-timestamps;ttl=255;ip-id=random"
ask 'udp-checksum' 1 80,81 --box "udp-checksum;$net"
ask 'syn-proxy' 1 80,81 --box "syn-proxy;$net"
ask 'tarpit, no host' 0 80,81 --box "tarpit;$net"
