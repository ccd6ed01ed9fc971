// SPDX-License-Identifier: Apache-2.0
#include "tools/osprey/scan_arguments.h"

#include "engine/messages.h"

namespace osprey::tools {
namespace {

void DescribeTargets(CLI::App& app, ScanArguments& a) {
  const char* const group = "Targets";
  app.add_option("target", a.targets,
                 "Address, CIDR, range (10.0.0.1-10.0.1.9), octets (10.0-3.*.1), name")
      ->group(group);
  app.add_option("--input-list,--iL,--import", a.input_lists,
                 "-iL: read targets from FILE (\"-\": standard input): a list, or what masscan, "
                 "ZMap, Nmap or Osprey wrote")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--exclude", a.exclude, "Never probe these (comma list)")
      ->type_name("LIST")
      ->group(group);
  app.add_option("--excludefile", a.exclude_files, "Never probe what FILE lists")
      ->type_name("FILE")
      ->group(group);
  app.add_flag("--keep-special-use", a.keep_special_use,
               "Keep private and special-use ranges inside larger targets")
      ->group(group);
  app.add_option("--shard", a.shard, "Probe only part I of N of the targets")
      ->type_name("I/N")
      ->group(group);
  app.add_option("--sample", a.sample, "Probe N targets, or N%, chosen at random")
      ->type_name("N|N%")
      ->group(group);
  app.add_option("--seed", a.seed, "Number that fixes order and probe contents")
      ->type_name("N")
      ->group(group);
  app.add_flag("--large", a.large, "Confirm a scan of more than 16,777,216 targets")->group(group);
}

void DescribeDiscovery(CLI::App& app, ScanArguments& a) {
  const char* const group = "Discovery and ports";
  app.add_option("-p,--ports", a.ports,
                 "Ports to look for an open and a closed one: 22,80-90,http,- for all")
      ->type_name("PORTS")
      ->group(group);
  app.add_flag("-F,--fast", a.fast, "The 100 most common ports")->group(group);
  app.add_option("--top-ports", a.top_ports, "The N most common ports")
      ->type_name("N")
      ->check(CLI::Range(1u, 65535u))
      ->group(group);
  app.add_option("--exclude-ports", a.exclude_ports, "Ports never to probe")
      ->type_name("PORTS")
      ->group(group);
  app.add_flag("--all-ports", a.all_ports,
               "Probe every port of the list, then choose the lowest open and closed one")
      ->group(group);
  app.add_flag("--no-ping", a.treat_all_as_up, "-Pn: treat every target as up")->group(group);
  app.add_option("--syn-ping", a.syn_ping, "-PS[PORTS]: discover with TCP SYN")
      ->type_name("PORTS")
      ->group(group);
  app.add_option("--ack-ping", a.ack_ping, "-PA[PORTS]: discover with TCP ACK")
      ->type_name("PORTS")
      ->group(group);
  app.add_option("--udp-ping", a.udp_ping, "-PU[PORTS]: discover with UDP")
      ->type_name("PORTS")
      ->group(group);
  app.add_flag("--echo-ping", a.echo_ping, "-PE: discover with ICMP echo")->group(group);
  app.add_option(
         "--retries", a.retries,
         "Repeats of an unanswered port probe; from 2 on, discovery probes go twice as well")
      ->type_name("N")
      ->check(CLI::Range(0u, 20u))
      ->group(group);
}

void DescribeOsDetection(CLI::App& app, ScanArguments& a) {
  const char* const group = "OS detection";
  app.add_option("--db", a.database, "Database: nmap-os-db text, compiled image, or \"builtin\"")
      ->type_name("FILE")
      ->group(group);
  app.add_flag("--osscan-limit", a.os_scan_limit,
               "Measure only hosts with an open and a closed port")
      ->group(group);
  app.add_flag("--osscan-guess,--fuzzy", a.guess, "Show guesses for hosts without an exact match")
      ->group(group);
  app.add_option("--max-os-tries", a.max_os_tries,
                 "Rounds for a host that does not match exactly (1-50)")
      ->type_name("N")
      ->check(CLI::Range(1u, 50u))
      ->group(group);
  app.add_flag("--gentle", a.gentle, "Leave out T2, T3 and T7, which upset fragile devices")
      ->group(group);
}

void DescribeTiming(CLI::App& app, ScanArguments& a) {
  const char* const group = "Timing";
  app.add_option("--timing", a.timing, "-T0 to -T5: waits of Nmap's timing templates")
      ->type_name("0-5")
      ->check(CLI::Range(0, 5))
      ->group(group);
  app.add_option("--max-rate", a.max_rate,
                 "Packets per second, all together; 0: no limit (default 10000)")
      ->type_name("PPS")
      ->group(group);
  app.add_option("--rate", a.rate,
                 "auto: find the highest rate that loses nothing, up to --max-rate if given")
      ->type_name("auto|PPS")
      ->group(group);
  app.add_option("--max-bandwidth", a.max_bandwidth,
                 "Bits per second, frames counted without preamble and gap: 10M, 1G")
      ->type_name("BPS")
      ->group(group);
  app.add_option("--max-hosts-per-net", a.max_hosts_per_net,
                 "Hosts of one /24 measured at a time; 0: no limit (default 16 up to -T2, else 0)")
      ->type_name("N")
      ->check(CLI::Range(0u, 256u))
      ->group(group);
  app.add_option("--max-rate-per-net", a.max_rate_per_net, "Packets per second to one /24")
      ->type_name("PPS")
      ->group(group);
  app.add_option("--window", a.window,
                 "Start hosts only at these times of day: 22:00-06:00 (local time; comma list)")
      ->type_name("FROM-TO")
      ->group(group);
  app.add_option("--host-timeout", a.host_timeout, "Give up on a host after this time")
      ->type_name("TIME")
      ->group(group);
  app.add_option("--max-hosts", a.max_hosts, "Hosts measured at a time, 1 KiB each (default 65536)")
      ->type_name("N")
      ->check(CLI::Range(1u, engine::kMaxHostsInFlight))
      ->group(group);
}

void DescribeNetwork(CLI::App& app, ScanArguments& a) {
  const char* const group = "Network";
  app.add_option("-e,--interface", a.interfaces,
                 "Use only these interfaces (comma list); routes choose among them")
      ->type_name("IFACE")
      ->delimiter(',')
      ->group(group);
  app.add_option("-S,--source-ip", a.source_ip,
                 "Our source addresses: A,A-B,CIDR; each target meets one of them")
      ->type_name("LIST")
      ->group(group);
  app.add_option("--vlan", a.vlan, "Put this 802.1Q tag on all frames, and take answers with it")
      ->type_name("ID")
      ->check(CLI::Range(1u, 4094u))
      ->group(group);
  app.add_option("--gateway-mac", a.gateway_mac,
                 "Send to this MAC instead of asking for the gateway's; with -e also what no route "
                 "leads to")
      ->type_name("MAC")
      ->group(group);
  app.add_option("--source-ports", a.source_ports, "Our source ports (default 33000-65259)")
      ->type_name("A-B")
      ->group(group);
  app.add_option("--resets", a.resets,
                 "Who resets the connections that targets open: kernel, own (at the scan's rate), "
                 "auto (own where the kernel does not own the source address)")
      ->type_name("WHO")
      ->check(CLI::IsMember({"auto", "kernel", "own"}))
      ->group(group);
  app.add_option("--ring", a.ring,
                 "How frames are sent: auto, io_uring, sendmmsg, af_xdp, af_xdp-copy, raw-ip, null")
      ->type_name("NAME")
      ->group(group);
  app.add_option(
         "--lanes", a.lanes,
         "Sending threads (default: one for two cores, and one where the rate or the number "
         "of targets needs no more)")
      ->type_name("N")
      ->check(CLI::Range(1u, 64u))
      ->group(group);
  app.add_option("--matchers", a.matchers, "Matching threads (default: two for three lanes)")
      ->type_name("N")
      ->check(CLI::Range(1u, 64u))
      ->group(group);
  app.add_flag("--no-pin", a.no_pin, "Do not keep each of several lanes on a processor of its own")
      ->group(group);
  app.add_option("--capture-threads", a.capture_threads, "Receiving threads of each interface")
      ->type_name("N")
      ->check(CLI::Range(1u, 64u))
      ->group(group);
  app.add_option("--capture-buffer", a.capture_buffer,
                 "Bytes of the ring between kernel and receiving threads\n(default: half a second "
                 "of the rate, 8M to 64M)")
      ->type_name("SIZE")
      ->group(group);
  app.add_option("--record-sends", a.record_sends, "Write every frame sent to a pcap file")
      ->type_name("FILE")
      ->group(group);
}

void DescribeOutput(CLI::App& app, ScanArguments& a) {
  const char* const group = "Output";
  app.add_option("--output-json", a.json_outputs,
                 "-oJ: NDJSON, one object a host; a file can be resumed")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--output-xml", a.xml_outputs, "-oX: Nmap's XML")->type_name("FILE")->group(group);
  app.add_option("--output-normal", a.normal_outputs, "-oN: text as on the screen")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--output-grepable", a.grepable_outputs, "-oG: one line a host")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--resume", a.resume, "Continue the scan whose -oJ file this is")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--counters", a.counters_file, "Write all counters as JSON at the end")
      ->type_name("FILE")
      ->group(group);
  app.add_flag("-v,--verbose", a.verbosity, "More detail (twice: still more)")->group(group);
  app.add_flag("-d,--debug", a.debugging, "Debugging detail; raises -v too")->group(group);
  app.add_flag("-q,--quiet", a.quiet, "No results on standard output")->group(group);
  app.add_flag("--dry-run", a.dry_run, "Say what would be sent, and send nothing")->group(group);
  app.add_flag("--list-targets", a.list_targets,
               "Print the addresses of this part of the scan in their order, and send nothing")
      ->group(group);
  app.add_flag("-n", a.accepted,
               "Accepted for Nmap's sake: names are never looked up for addresses")
      ->group(group);
  app.add_flag("-O", a.accepted, "Accepted for Nmap's sake: OS detection is what this does")
      ->group(group);
}

}  // namespace

void DescribeScanOptions(CLI::App& app, ScanArguments& a) {
  DescribeTargets(app, a);
  DescribeDiscovery(app, a);
  DescribeOsDetection(app, a);
  DescribeTiming(app, a);
  DescribeNetwork(app, a);
  DescribeOutput(app, a);
  // One value for each time an option is given: what follows "-oX FILE" is a target.
  for (CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) option->allow_extra_args(false);
  }
}

}  // namespace osprey::tools
