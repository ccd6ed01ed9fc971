# SPDX-License-Identifier: Apache-2.0
"""Runs a command inside osprey-lab and watches what it costs. Used by the scripts of this folder;
run by itself it is the watcher on the scanner's side of the lab.

Watched every 100 ms: CPU of each thread (user and system, which here includes the softirq work that
the thread's own sends cause), resident memory, the link's packet counters, the CPU time of the
whole machine, and of every other process, so that a disturbed measurement shows. Times are seconds since 1970, as in the results."""
import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PERIOD_S = 0.1
PROCESSES_EVERY = 10  # looks at all processes of the machine are rarer
GATEWAY_MAC = "02:00:00:00:00:01"  # the lab takes frames to any
NO_OFFLOADS = ["ethtool", "-K", "lab0", "tso", "off", "gso", "off", "gro", "off"]
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


# --- On the scanner's side ------------------------------------------------------------------------

def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def child_of_this_process():
    """The child's number in /proc, which may be that of an outer process namespace."""
    return read("/proc/thread-self/children").split()[0]


def processes():
    """{number: [name, CPU s]} of all processes that /proc shows, which is the whole machine."""
    found = {}
    for pid in os.listdir("/proc"):
        stat = read(f"/proc/{pid}/stat") if pid.isdigit() else ""
        if stat:
            fields = stat[stat.rindex(")") + 2:].split()
            name = stat[stat.index("(") + 1:stat.rindex(")")]
            found[pid] = [name, (int(fields[11]) + int(fields[12])) * TICK_S]
    return found


def threads_of(pid):
    """{thread id: (name, CPU s, user s, system s)}; the total is exact, its parts are ticks."""
    found = {}
    try:
        ids = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for tid in ids:
        stat = read(f"/proc/{pid}/task/{tid}/stat")
        exact = read(f"/proc/{pid}/task/{tid}/schedstat").split()
        if not stat or not exact:
            continue
        name = stat[stat.index("(") + 1:stat.rindex(")")]
        fields = stat[stat.rindex(")") + 2:].split()
        found[tid] = (name, int(exact[0]) / 1e9, int(fields[11]) * TICK_S, int(fields[12]) * TICK_S)
    return found


def sample_of(pid):
    # Counters of veths: packets in and out of the scanner's link, and out of all.
    links = {name: counts.split()
             for name, counts in re.findall(r"^ *(\w+): *(.*)$", read("/proc/net/dev"), re.M)}
    counters = links.get("lab0", ["0"] * 16)
    machine = read("/proc/stat").split("\n", 1)[0].split()[1:]
    pages = read(f"/proc/{pid}/statm").split()
    return {"time": time.time(), "threads": threads_of(pid),
            "rss": int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if pages else 0,
            "received": int(counters[1]), "sent": int(counters[9]),
            "sent_by_link": {name: int(counts[9]) for name, counts in links.items()},
            "machine": [int(ticks) * TICK_S for ticks in machine]}


def watch(out, command):
    start = time.time()
    child = subprocess.Popen(command)
    pid = child_of_this_process()
    samples = []
    while child.poll() is None:
        samples.append(sample_of(pid))
        if len(samples) % PROCESSES_EVERY == 1:
            samples[-1]["processes"] = processes()
        time.sleep(PERIOD_S)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(out, "w") as file:
        json.dump({"start": start, "end": time.time(), "status": child.returncode,
                   "user_s": usage.ru_utime, "system_s": usage.ru_stime,
                   "most_memory": usage.ru_maxrss * 1024, "samples": samples}, file)
    return child.returncode


# --- Other scanners, on the scanner's side ---------------------------------------------------------

def make_link_plain():
    """Turns off what would make masscan's capture ring small: libpcap gives it slots for segments
    of 64 KB, 32 of them in all, where the link may join or split segments. It then loses most
    answers of a burst."""
    subprocess.run(NO_OFFLOADS, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def masscan(net, results, *more):
    """A command that runs masscan on port 80 of a network until it ends: which it does only when a
    packet comes in after its wait, so the gateway is asked for its link address again and again."""
    script = (f"{' '.join(NO_OFFLOADS)} >/dev/null 2>&1\n"
              "gateway=$(ip route get \"$0\" | sed -n 's/.* via \\([0-9.]*\\).*/\\1/p')\n"
              "while sleep 0.2; do ip neigh flush dev lab0; echo >\"/dev/udp/$gateway/9\"; done "
              "2>/dev/null &\n"
              'nudge=$!; log=$("$@" 2>&1); status=$?; kill $nudge\n'
              '((status == 0)) || echo "$log" >&2; exit $status')
    return ["bash", "-c", script, str(net.network_address), "masscan", str(net), "-p", "80",
            "--adapter", "lab0", "--router-mac", GATEWAY_MAC, "-oL", results, *more]


# --- Outside --------------------------------------------------------------------------------------

def timed(command, source=subprocess.DEVNULL):
    """(seconds, user and system seconds, largest resident bytes) of a command whose output nobody
    reads."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=source, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{' '.join(command)}: exit status {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


class Run:
    """What happened to one command."""

    def __init__(self, watched, output, lab_output):
        self.__dict__.update(watched)
        self.output = output
        self.lab_output = lab_output

    def between(self, begin, end):
        """The first sample at or after `begin` and the last one at or before `end`."""
        inside = [s for s in self.samples if begin <= s["time"] <= end]
        if len(inside) < 2:
            raise SystemExit("the run was too short to be measured")
        return inside[0], inside[-1]

    def cpu_by_process(self, begin, end):
        """[(name, cores)] of the busiest processes of the machine in that time."""
        inside = [s for s in self.samples if begin <= s["time"] <= end and "processes" in s]
        if len(inside) < 2:
            return []
        first, last = inside[0], inside[-1]
        seconds = last["time"] - first["time"]
        used = {}
        for pid, (name, now) in last["processes"].items():
            before = first["processes"].get(pid, (name, 0))[1]
            used[name] = used.get(name, 0) + (now - before) / seconds
        return sorted(used.items(), key=lambda entry: -entry[1])

    def lab_number(self, pattern):
        match = re.search(pattern, self.lab_output)
        return float(match[1].replace(",", "")) if match else None


def cpu_by_thread(first, last):
    """{thread name: (CPU s, user s, system s)} between two samples."""
    sums = {}
    for tid, (name, *now) in last["threads"].items():
        before = first["threads"].get(tid, (name, 0, 0, 0))[1:]
        old = sums.get(name, (0, 0, 0))
        sums[name] = tuple(o + n - b for o, n, b in zip(old, now, before))
    return sums


def run_in_lab(binaries, lab_arguments, command, quiet=True):
    """Runs `command` beside a lab; gives a Run. The command's words go to its log."""
    with tempfile.TemporaryDirectory() as folder:
        watched = os.path.join(folder, "watched.json")
        log = os.path.join(folder, "log")
        inner = [sys.executable, os.path.abspath(__file__), watched, log, "--", *command]
        lab = subprocess.run([os.path.join(binaries, "osprey-lab"), "run", *lab_arguments, "--",
                              *inner], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output = read(log)
        if not os.path.exists(watched):
            raise SystemExit(f"osprey-lab failed:\n{lab.stdout}\n{output}")
        with open(watched) as file:
            run = Run(json.load(file), output, lab.stdout)
        if run.status != 0 and not quiet:
            raise SystemExit(f"{command[0]} failed with {run.status}:\n{output}")
        return run


def scan(binaries, lab_arguments, net, scan_arguments, folder, name="osprey", wrap=None):
    """Osprey on `net` inside a lab; gives (Run, {address: Verdict}, counters). `wrap` makes another
    command of the scan's."""
    results = os.path.join(folder, f"{name}.ndjson")
    counters = os.path.join(folder, f"{name}.counters.json")
    for path in (results, results + ".checkpoint"):
        if os.path.exists(path):
            os.remove(path)
    command = [os.path.join(binaries, "osprey"), "scan", str(net), "-n", "-q", "-v", "-p", "80,81",
               "--max-os-tries", "1", "-oJ", results, "--counters", counters, *scan_arguments]
    run = run_in_lab(binaries, ["--net", str(net), *lab_arguments],
                     wrap(command) if wrap else command, quiet=False)
    with open(counters) as file:
        return run, read_verdicts(results), json.load(file)


class Verdict:
    """What was said of one host."""
    __slots__ = ("names", "families", "exact", "flagged", "fingerprint", "observation")

    def __init__(self, record):
        system = record.get("os", {})
        matches = system.get("matches", [])
        best = [m for m in matches if m["accuracy"] == matches[0]["accuracy"]]
        self.names = frozenset(m["name"] for m in best)
        self.families = frozenset(f'{c.get("vendor")}|{c.get("family")}'
                                  for m in best for c in m.get("classes", []))
        self.exact = system.get("perfect", 0) > 0
        self.flagged = "losses" in system or "unreliable" in system
        self.fingerprint = system.get("fingerprint", "")
        self.observation = record.get("observation", "")


def read_verdicts(path):
    with open(path) as file:
        return {record["ip"]: Verdict(record) for record in map(json.loads, file)}


def total(counters, *names):
    return sum(lane[name] for lane in counters["lanes"] for name in names)


def packets_sent(counters):
    """All that left, the kernel's resets included."""
    return total(counters, "sent_discovery", "sent_ports", "sent_sequence", "sent_tests",
                 "sent_resets", "kernel_resets")


def parse_options(description, **more):
    """--bin, and --NAME for each further default given."""
    parser = argparse.ArgumentParser(description=description.split("\n\n")[0])
    parser.add_argument("--bin", default=os.path.join(TOP, "build/release/bin"))
    for name, default in more.items():
        parser.add_argument("--" + name.replace("_", "-"), type=type(default), default=default)
    options = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("making network namespaces needs root")
    print(machine())
    return options


class Goals:
    """Prints what was wanted beside what was measured, and knows whether all was reached."""

    def __init__(self):
        self.missed = 0

    def check(self, what, value, wanted, good):
        self.missed += not good
        print(f"{what}: {value} (wanted: {wanted}){'' if good else '  MISSED'}", flush=True)

    def exit_status(self):
        return 1 if self.missed else 0


def print_rows(rows):
    """A table: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))))


def machine():
    """One line that says where a measurement was made."""
    model = re.search(r"model name\s*:\s*(.*)", read("/proc/cpuinfo"))
    return (f"{os.uname().sysname} {os.uname().release}, {os.cpu_count()} processors "
            f"({model[1] if model else 'unknown'})")


if __name__ == "__main__":
    if len(sys.argv) < 5 or sys.argv[3] != "--":
        raise SystemExit("usage: lab_runs.py OUT LOG -- COMMAND (see bench/compare)")
    log_fd = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log_fd, 1)
    os.dup2(log_fd, 2)
    sys.exit(watch(sys.argv[1], sys.argv[4:]))
