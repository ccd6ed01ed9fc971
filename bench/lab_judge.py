#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Judges osprey-lab's personalities: one host for each of N randomly chosen references, scanned by
Nmap (or by Osprey), and how many of them the scanner lists with 100 %.

  sudo bench/lab_judge.py --count 300 --seed 1                    # Nmap is the judge
  sudo bench/lab_judge.py --count 300 --seed 1 --scanner osprey

Prints one line for each reference that is not listed, with the attributes of the measured
fingerprint that the reference does not allow, and a summary. Sends packets only inside network
namespaces that osprey-lab makes and removes."""
import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

OPEN_PORT, CLOSED_PORT = 80, 81


def read_references(path):
    references, current = [], None
    for number, line in enumerate(open(path, encoding="latin-1"), 1):
        line = line.rstrip("\n")
        if line.startswith("Fingerprint "):
            current = {"line": number, "name": line[12:].split("#")[0].strip(), "tests": {}}
            references.append(current)
        elif not line:
            current = None
        elif current is not None and (match := re.match(r"([A-Z0-9]{1,5})\(([^)]*)\)", line)):
            current["tests"][match[1]] = dict(
                part.split("=", 1) for part in match[2].split("%") if "=" in part)
    return references


def is_hex(text):
    return re.fullmatch(r"[0-9A-Fa-f]+", text) is not None


def matches(expression, value):
    """Today's rules without brackets: enough to explain a difference."""
    for alternative in expression.split("|"):
        if alternative == value:
            return True
        if not is_hex(value):
            continue
        number = int(value, 16)
        low, dash, high = alternative.partition("-")
        if dash and is_hex(low) and is_hex(high) and int(low, 16) <= number <= int(high, 16):
            return True
        if alternative[:1] in "<>" and is_hex(alternative[1:]):
            bound = int(alternative[1:], 16)
            if number < bound if alternative[0] == "<" else number > bound:
                return True
        if is_hex(alternative) and int(alternative, 16) == number:
            return True
    return False


def differences(reference, fingerprint):
    found = []
    for name, attributes in re.findall(r"([A-Z0-9]{1,5})\(([^)]*)\)", fingerprint):
        for part in filter(None, attributes.split("%")):
            key, _, value = part.partition("=")
            wanted = reference["tests"].get(name, {}).get(key)
            if name != "SCAN" and wanted is not None and not matches(wanted, value):
                found.append(f"{name}.{key}={value} (wants {wanted})")
    return found


def write_world(path, chosen, seed):
    hosts = [{"net": f"10.77.{i // 250}.{i % 250 + 1}/32", "mix": f"#{reference['line']}",
              "open": str(OPEN_PORT), "uptime_days": [1, 30]}
             for i, reference in enumerate(chosen)]
    with open(path, "w") as file:
        json.dump({"seed": seed, "hosts": hosts}, file)
    return [host["net"].split("/")[0] for host in hosts]


def scan_with_nmap(folder, addresses, args):
    xml = os.path.join(folder, "nmap.xml")
    return xml, ["nmap", "-O", "-n", "-Pn", "-d", "-sS", "--max-os-tries", str(args.tries),
                 "--max-retries", "1", "--min-rtt-timeout", "1s", "-p", f"{OPEN_PORT},{CLOSED_PORT}", "-oX", xml,
                 "-oN", "/dev/null", *addresses]


def scan_with_osprey(folder, addresses, args):
    xml = os.path.join(folder, "osprey.xml")
    return xml, [os.path.join(args.bin, "osprey"), "scan", "-Pn", "-n", "-d",
                 "--max-os-tries", str(args.tries), "-p", f"{OPEN_PORT},{CLOSED_PORT}",
                 "--db", args.db, "-oX", xml, *addresses]


def read_results(xml):
    results = {}
    for host in ElementTree.parse(xml).getroot().iter("host"):
        address = host.find("address").get("addr")
        matches_ = [(m.get("name"), int(m.get("accuracy"))) for m in host.iter("osmatch")]
        fingerprint = host.find("os/osfingerprint")
        text = "" if fingerprint is None else fingerprint.get("fingerprint")
        results[address] = (matches_, re.sub(r"\n(OS:)?", "", text.replace("OS:", "", 1)))
    return results


def judge_chunk(chosen, args, folder):
    config, truth = os.path.join(folder, "world.json"), os.path.join(folder, "truth.ndjson")
    addresses = write_world(config, chosen, args.seed)
    make = scan_with_osprey if args.scanner == "osprey" else scan_with_nmap
    xml, command = make(folder, addresses, args)
    lab = [os.path.join(args.bin, "osprey-lab"), "run", "-q", "--config", config, "--db", args.db,
           "--truth", truth, "--timeout", "300", "--", *command]
    log = os.path.join(folder, "log")
    with open(log, "w") as output:
        status = subprocess.run(lab, stdout=output, stderr=subprocess.STDOUT).returncode
    if status != 0:
        sys.exit(f"{' '.join(lab[:2])}: status {status}\n{open(log).read()[-2000:]}")
    known = {}
    for line in open(truth):
        record = json.loads(line)
        if "ip" in record:
            known[record["ip"]] = record.get("contradictions", [])
    return addresses, read_results(xml), known


def report(reference, result, contradictions):
    """True if the reference is listed with 100 %."""
    matches_, fingerprint = result
    if any(name == reference["name"] and accuracy == 100 for name, accuracy in matches_):
        return True
    wrong = differences(reference, fingerprint)
    perfect = sum(accuracy == 100 for _, accuracy in matches_)
    why = "; ".join(wrong) or f"{perfect} other references with 100 %, {len(matches_)} listed"
    print(f"line {reference['line']} {reference['name']}: {why}")
    for contradiction in contradictions:
        print(f"    the lab says: {contradiction}")
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lines", help="these references instead: LINE,LINE,...")
    parser.add_argument("--chunk", type=int, default=25, help="hosts in one scan")
    parser.add_argument("--tries", type=int, default=1)
    parser.add_argument("--scanner", choices=["nmap", "osprey"], default="nmap")
    parser.add_argument("--db", default="/usr/share/nmap/nmap-os-db")
    parser.add_argument("--bin", default=os.path.join(os.path.dirname(__file__),
                                                      "../build/release/bin"))
    parser.add_argument("--fingerprints", action="store_true", help="print what was measured")
    args = parser.parse_args()
    references = read_references(args.db)
    if args.lines:
        wanted = {int(line) for line in args.lines.split(",")}
        chosen = [r for r in references if r["line"] in wanted]
    else:
        chosen = random.Random(args.seed).sample(references, args.count)
    good = 0
    for start in range(0, len(chosen), args.chunk):
        part = chosen[start:start + args.chunk]
        with tempfile.TemporaryDirectory() as folder:
            addresses, results, known = judge_chunk(part, args, folder)
        for reference, address in zip(part, addresses):
            result = results.get(address, ([], ""))
            good += report(reference, result, known.get(address, []))
            if args.fingerprints:
                print(address, reference["line"], result[1])
    print(f"{args.scanner}: {good} of {len(chosen)} listed with 100 % ({good / len(chosen):.1%})")


if __name__ == "__main__":
    main()
