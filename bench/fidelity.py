#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does a fast scan say the same as a slow one? As root:

  bench/fidelity.py [--hosts 3000] [--slow 2500] [--fast 0]

The same hosts (osprey-lab, fixed seed) are scanned twice slowly and once fast, with the same seed.
Attributes that vary by chance (SP, GCD, ISR, TI, CI, II, SS, TS, and what a lost answer leaves out)
are counted apart from those that do not. Exit status 1 if an attribute that should not vary differs
in the fast scan, or if the fast scan's best names differ from a slow scan's in more hosts than the
slow ones differ from each other, plus one in a thousand."""
import ipaddress
import re
import sys
import tempfile

import lab_runs

CHANCE = {("SEQ", name) for name in ("SP", "GCD", "ISR", "TI", "CI", "II", "SS", "TS")}


def attributes(fingerprint):
    return {(line, part.partition("=")[0]): part
            for line, body in re.findall(r"([A-Z0-9]+)\(([^)]*)\)", fingerprint)
            for part in body.split("%")}


def differences(a, b):
    """Hosts with other names, hosts and attributes that differ though they should not."""
    names = steady = chance = 0
    examples = []
    for ip in a.keys() & b.keys():
        names += not a[ip].names & b[ip].names and a[ip].names != b[ip].names
        one, two = attributes(a[ip].fingerprint), attributes(b[ip].fingerprint)
        other = {key for key in one.keys() | two.keys() if one.get(key) != two.get(key)}
        chance += bool(other & CHANCE)
        if other - CHANCE:
            steady += 1
            examples.append((ip, sorted(other - CHANCE)))
    return names, steady, chance, examples


def main():
    options = lab_runs.parse_options(__doc__, hosts=3000, slow=2500, fast=0, seed=3)
    bits = max(8, (options.hosts - 1).bit_length())
    net = ipaddress.ip_network(f"10.64.0.0/{32 - bits}")
    lab = ["--mix", "all", "--open", "80", "--seed", str(options.seed), "--up",
           str(options.hosts / net.num_addresses)]
    rows = [("comparison", "hosts", "other names", "steady attributes", "chance attributes")]
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, rate in (("slow", options.slow), ("slow again", options.slow),
                           ("fast", options.fast)):
            run, found[name], counters = lab_runs.scan(
                options.bin, lab, net, ["--max-rate", str(rate), "--seed", "1"], folder)
            print(f"{name}: {len(found[name]):,} hosts in {run.end - run.start:.1f} s")
    by_chance = differences(found["slow"], found["slow again"])
    by_speed = differences(found["slow"], found["fast"])
    hosts = len(found["slow"])
    for label, (names, steady, chance, examples) in (("slow, slow again", by_chance),
                                                     ("slow, fast", by_speed)):
        rows.append((label, f"{hosts:,}", str(names), str(steady), str(chance)))
        for ip, other in examples[:5]:
            print(f"{label}: {ip} differs in {other}")
    lab_runs.print_rows(rows)
    same_hosts = found["slow"].keys() == found["fast"].keys()
    good = same_hosts and by_speed[1] <= by_chance[1] and (
        by_speed[0] <= by_chance[0] + hosts // 1000 + 1)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
