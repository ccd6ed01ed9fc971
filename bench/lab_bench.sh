#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How many probe packets a second osprey-lab answers, and what memory a world takes.
#   sudo bench/lab_bench.sh [BIN]     (BIN: folder of the built programs)
# The flood runs on one core, the lab on another; the flood comes from a link address that
# nobody has, so that no scanner's kernel deals with the answers. Nothing leaves the private namespaces.
set -eu
bin=${1:-$(dirname "$0")/../build/release/bin}
net=10.0.0.0/12
flood="exec taskset -c 0 $bin/lab_flood lab0 $net"

for mix in all 'Linux 3.2 - 4.9'; do
  echo "== $net, every address up, mix: $mix"
  /usr/bin/env time -f 'memory of the lab: %M KB at most' \
    taskset -c 1 "$bin/osprey-lab" run --net $net --mix "$mix" --open 80 -- sh -c "$flood 8"
done

echo "== memory of $net with every address up, each of them asked"
/usr/bin/env time -f 'memory of the lab: %M KB at most' \
  taskset -c 1 "$bin/osprey-lab" run --net $net --mix all --open 80 -- sh -c "$flood 4 0 1"

echo "== start of a world of 10^6 addresses, 1 % up"
/usr/bin/env time -f '%e s from start to end, %M KB at most' \
  "$bin/osprey-lab" run -q --net 10.0.0.0/12 --up 0.01 --mix all -- true
