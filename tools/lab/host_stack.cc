// SPDX-License-Identifier: Apache-2.0
#include "tools/lab/host_stack.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/answers.h"
#include "base/clock.h"

namespace osprey::lab {
namespace {

constexpr int64_t kTickNs = 10 * kNsPerMs;

uint8_t TtlAfter(uint8_t ttl, uint8_t hops) {
  return static_cast<uint8_t>(std::max(1, ttl - (hops - 1)));
}

// Random but the same for one connection.
uint32_t ConnectionHash(const Host& host, const Probe& probe, unsigned port_offset) {
  const auto port = static_cast<uint16_t>(probe.tcp.source_port - port_offset);
  const uint64_t tuple = uint64_t{probe.ip.source.host_order} << 32 |
                         uint64_t{probe.tcp.destination_port} << 16 | port;
  const auto hash = static_cast<uint32_t>(Mix(host.key, tuple));
  return hash == 0 ? 1 : hash;
}

void BeginReply(const Probe& probe, Reply& reply) {
  reply.ip = {};
  reply.ip.source = probe.ip.destination;
  reply.ip.destination = probe.ip.source;
  reply.payload_size = 0;
}

uint32_t AckOf(AckRule rule, const Probe& probe) {
  switch (rule) {
    case AckRule::kZero:
      return 0;
    case AckRule::kSeq:
      return probe.tcp.seq;
    case AckRule::kSeqPlusOne:
      return probe.tcp.seq + 1;
    case AckRule::kOther:
      break;
  }
  const uint32_t other = probe.tcp.seq + 0x2A5A5A5A;
  return other == 0 ? 0x77 : other;
}

// A counter that may not wrap within a series of at most eight packets of that step.
uint16_t Advance(uint16_t last, uint32_t step, uint32_t floor, uint32_t range, uint64_t hash,
                 bool series) {
  const uint32_t next = last + step;
  const uint32_t limit = series ? std::min<uint32_t>(0xFFFF, floor + 2 * range) : 0xFFFF;
  if (last != 0 && next + (series ? 8 * step : 0) <= limit) return static_cast<uint16_t>(next);
  return static_cast<uint16_t>(floor + 1 + hash % range);
}

uint16_t Swapped(uint16_t value) { return static_cast<uint16_t>(value << 8 | value >> 8); }

}  // namespace

uint16_t NextIpId(const IpIdPlan& plan, const Host& host, bool series) {
  if (plan.kind == IpIdKind::kZero) return 0;
  if (plan.kind == IpIdKind::kConstant) return plan.constant;
  uint16_t& state = host.counters->ip_id[plan.counter];
  const uint64_t hash = Mix(host.key, 0x100000000 + uint64_t{state} * 3 + plan.counter);
  const auto random = static_cast<uint32_t>(hash & 0xFFFF);
  switch (plan.kind) {
    case IpIdKind::kIncrement:
      return state = Advance(state, 1, plan.floor, plan.range, hash, series);
    case IpIdKind::kBroken:
      // Counts in the swapped order: high bytes as the sender sees them are the low ones.
      state = Advance(state, 1, plan.floor >> 8, 0x20, hash, series);
      return Swapped(state);
    case IpIdKind::kRandomPositive:
      return state = Advance(state, 1001 + random % 200 * 2, plan.floor, 0x1000, hash, series);
    case IpIdKind::kIrregular:
      return state = Advance(state, 20 + random % 300, plan.floor, plan.range, hash, series);
    default:
      break;
  }
  // Random: low and high by turns, so that any three in a row step backwards or by over 20000.
  state = static_cast<uint16_t>(state + 1);
  return static_cast<uint16_t>((state & 1) != 0 ? 1 + random % 9000 : 40000 + random % 20000);
}

HostStack::HostStack(const NetworkSpec& network, int64_t start_ns) : start_ns_(start_ns) {
  if (network.icmp_per_second <= 0) return;
  const double period = std::clamp(100 / network.icmp_per_second, 1.0, 1000.0);
  error_period_ = static_cast<uint16_t>(period);
  error_burst_ = static_cast<uint16_t>(std::clamp(network.icmp_burst, 1.0, 20.0) * period);
}

void HostStack::Answer(const Host& host, const Probe& probe, Reply& reply) const {
  reply.kind = Reply::Kind::kNone;
  if (probe.ip.protocol == wire::kProtocolUdp) return AnswerUdp(host, probe, reply);
  if (probe.ip.protocol == wire::kProtocolIcmp) return AnswerEcho(host, probe, reply);
  if ((probe.tcp.flags & kTcpRst) != 0) return;
  switch (host.State(probe.tcp.destination_port)) {
    case PortState::kOpen:
      return AnswerOpen(host, probe, reply);
    case PortState::kClosed:
      return AnswerClosed(host, probe, reply);
    case PortState::kFiltered:
      return;
  }
}

void HostStack::AnswerOpen(const Host& host, const Probe& probe, Reply& reply) const {
  const Personality& p = *host.personality;
  const uint8_t flags = probe.tcp.flags;
  if ((flags & (kTcpSyn | kTcpAck | kTcpFin)) == kTcpSyn) {
    const int index = SynIndex(probe);
    if ((flags & (kTcpEce | kTcpCwr)) == (kTcpEce | kTcpCwr)) {
      return AnswerTcp(host, probe, p.ecn(), -1, p.open_ids(), reply);
    }
    const TcpBehaviour& how = index >= 0 ? p.syn(static_cast<unsigned>(index)) : p.plain_syn();
    // A reset amid SYN-ACKs does not count: the distance between TCP's and ICMP's numbers is
    // measured from the last SYN-ACK (SS).
    static constexpr IpIdPlan kNoId{.kind = IpIdKind::kZero};
    const bool reset = index > 0 && (how.flags & kTcpRst) != 0;
    return AnswerTcp(host, probe, how, index, reset ? kNoId : p.open_ids(), reply);
  }
  // Of a connection that was accepted, whose number is known without state: the service stays
  // quiet.
  if ((flags & kTcpAck) != 0 && probe.tcp.ack - 1 == ConnectionHash(host, probe, 0)) return;
  const Segment segment = (flags & kTcpAck) != 0   ? Segment::kAckOpen
                          : (flags & kTcpSyn) != 0 ? Segment::kSynFinOpen
                                                   : Segment::kNullOpen;
  AnswerTcp(host, probe, p.segment(segment), -1, p.open_ids(), reply);
}

void HostStack::AnswerClosed(const Host& host, const Probe& probe, Reply& reply) const {
  const Personality& p = *host.personality;
  const uint8_t flags = probe.tcp.flags;
  const Segment segment = (flags & kTcpAck) != 0   ? Segment::kAckClosed
                          : (flags & kTcpSyn) != 0 ? Segment::kSynClosed
                                                   : Segment::kFinClosed;
  AnswerTcp(host, probe, p.segment(segment), -1, p.closed_ids(), reply);
}

void HostStack::AnswerTcp(const Host& host, const Probe& probe, const TcpBehaviour& how,
                          int syn_index, const IpIdPlan& ids, Reply& reply) const {
  if (!how.answers) return;
  BeginReply(probe, reply);
  reply.kind = Reply::Kind::kTcp;
  reply.ip.df = how.df;
  reply.ip.ttl = TtlAfter(how.ttl, host.hops);
  const bool is_syn = (probe.tcp.flags & (kTcpSyn | kTcpAck)) == kTcpSyn;
  reply.ip.id = NextIpId(ids, host, is_syn && syn_index <= 0);
  reply.tcp = {.source_port = probe.tcp.destination_port,
               .destination_port = probe.tcp.source_port,
               .seq = SequenceOf(host, probe, how, syn_index),
               .ack = AckOf(how.ack, probe),
               .reserved = how.reserved,
               .flags = how.flags,
               .window = how.window,
               .urgent = how.urgent};
  if (syn_index < 0 && (how.flags & kTcpSyn) != 0 && &how == &host.personality->plain_syn()) {
    reply.options = KeepOffered(how.options, probe.options.offered);
  } else {
    reply.options = how.options;
  }
  StampOptions(host, probe, syn_index, reply.options);
  reply.payload_size = how.data_size;
  std::copy_n(how.data.begin(), how.data_size, reply.payload.begin());
}

uint32_t HostStack::SequenceOf(const Host& host, const Probe& probe, const TcpBehaviour& how,
                               int syn_index) const {
  const SequencePlan& plan = host.personality->sequence();
  const bool clock = plan.kind() == SequencePlan::Kind::kClock;
  const bool planned = syn_index >= 0 && (how.flags & kTcpSyn) != 0 && !plan.constant();
  const unsigned index = syn_index < 0 ? 0 : static_cast<unsigned>(syn_index);
  const int64_t since_ns = probe.arrival_ns - start_ns_;
  switch (how.seq) {
    case SeqRule::kZero:
      return 0;
    case SeqRule::kAck:
      // The first number is the probe's acknowledgement number, which is that of all six.
      return planned && !clock ? plan.Number(probe.tcp.ack, index, since_ns) : probe.tcp.ack;
    case SeqRule::kAckPlusOne:
      return planned && !clock ? plan.Number(probe.tcp.ack + 1, index, since_ns)
                               : probe.tcp.ack + 1;
    case SeqRule::kOther:
      break;
  }
  if (syn_index >= 0 && (how.flags & kTcpSyn) != 0) {
    // Clocks go on from connection to connection; steps begin anywhere with each series.
    const uint32_t base =
        clock ? static_cast<uint32_t>(host.key) : ConnectionHash(host, probe, index);
    return plan.Number(base, index, since_ns);
  }
  const uint32_t number = ConnectionHash(host, probe, 0);
  return number - probe.tcp.ack <= 1 ? number + 0x1000 : number;
}

uint32_t HostStack::TimestampOf(const Host& host, const Probe& probe, int syn_index) const {
  const Personality& p = *host.personality;
  if (p.clock() == ClockKind::kPerConnection) {
    constexpr double kSpacing = 0.1003;
    const unsigned index = syn_index < 0 ? 0 : static_cast<unsigned>(syn_index);
    const auto step = static_cast<uint32_t>(p.clock_hz() * kSpacing);
    return ConnectionHash(host, probe, index) + index * step;
  }
  const auto up_ns = static_cast<double>(probe.arrival_ns - start_ns_ + host.uptime_ns);
  return static_cast<uint32_t>(static_cast<uint64_t>(up_ns * 1e-9 * p.clock_hz()));
}

void HostStack::StampOptions(const Host& host, const Probe& probe, int syn_index,
                             OptionTemplate& options) const {
  if (!options.has_timestamp) return;
  if (options.tsval_at != 0) {
    const uint32_t tsval = TimestampOf(host, probe, syn_index);
    wire::Store32(options.bytes.data() + options.tsval_at, tsval == 0 ? 1 : tsval);
  }
  if (options.tsecr_at != 0 && probe.options.offered.timestamp) {
    wire::Store32(options.bytes.data() + options.tsecr_at, probe.options.tsval);
  }
}

void HostStack::AnswerEcho(const Host& host, const Probe& probe, Reply& reply) const {
  const EchoBehaviour& how = host.personality->echo();
  if (probe.icmp.type != wire::kIcmpEchoRequest || !how.answers) return;
  const wire::ConstBytes data = probe.transport.subspan(wire::kIcmpBytes);
  if (data.size() > reply.payload.size() - wire::kIcmpBytes) return;
  BeginReply(probe, reply);
  reply.kind = Reply::Kind::kIcmp;
  using Df = EchoBehaviour::Df;
  reply.ip.df = how.df == Df::kAlways || (how.df == Df::kSame && probe.ip.df) ||
                (how.df == Df::kOpposite && !probe.ip.df);
  reply.ip.ttl = TtlAfter(how.ttl, host.hops);
  reply.ip.tos = probe.ip.tos;
  reply.ip.id = NextIpId(host.personality->icmp_ids(), host, probe.icmp.code != 0);
  uint8_t code = 0;
  if (how.code == EchoBehaviour::Code::kSame) code = probe.icmp.code;
  if (how.code == EchoBehaviour::Code::kFixed) code = how.fixed_code;
  if (how.code == EchoBehaviour::Code::kOdd) code = probe.icmp.code == 0 ? 1 : 0;
  reply.icmp = {.type = wire::kIcmpEchoReply, .code = code, .rest = probe.icmp.rest};
  std::copy(data.begin(), data.end(), reply.payload.begin());
  reply.payload_size = data.size();
}

// Spaced by the period, with a burst: the counter is the tick at which the debt is paid.
bool HostStack::MaySendError(HostCounters& counters, int64_t now_ns) const {
  if (error_period_ == 0) return true;
  const auto now = static_cast<uint16_t>(now_ns / kTickNs);
  auto ahead = static_cast<uint16_t>(counters.icmp_debt - now);
  if (ahead > error_burst_ + error_period_) ahead = 0;  // paid long ago
  if (ahead > error_burst_ - error_period_) return false;
  counters.icmp_debt = static_cast<uint16_t>(now + ahead + error_period_);
  return true;
}

namespace {

// The quoted packet, as the personality mangles it. Returns the bytes written.
size_t WriteQuote(const Host& host, const Probe& probe, std::span<std::byte> out) {
  using Checksum = UnreachableBehaviour::Checksum;
  const UnreachableBehaviour& how = host.personality->unreachable();
  const size_t size = std::min<size_t>(out.size(), how.total_length - 28u);
  const size_t copied = std::min(size, probe.packet.size());
  std::copy_n(probe.packet.begin(), copied, out.begin());
  std::fill_n(out.begin() + static_cast<ptrdiff_t>(copied), size - copied, std::byte{0x43});
  const int lost = host.hops - 1 + host.personality->quote_ttl_loss();
  wire::Store8(out.data() + wire::kIpv4TtlAt,
               static_cast<uint8_t>(std::max(1, probe.ip.ttl - lost)));
  if (how.change_quoted_length) wire::Store16(out.data() + 2, how.quoted_length);
  if (how.change_quoted_id) wire::Store16(out.data() + wire::kIpv4IdAt, how.quoted_id);
  const size_t udp_at = probe.ip.header_bytes;
  if (how.change_udp_checksum && udp_at + wire::kUdpBytes <= size) {
    wire::Store16(out.data() + udp_at + wire::kUdpChecksumAt, how.udp_checksum);
  }
  if (how.spoil_data && size > udp_at + wire::kUdpBytes) out[size - 1] = std::byte{0};
  wire::Store16(out.data() + wire::kIpv4ChecksumAt, 0);
  uint16_t sum =
      wire::FinishChecksum(wire::SumBytes(wire::ConstBytes(out.data(), wire::kIpv4Bytes)));
  if (how.quoted_checksum == Checksum::kZero) sum = 0;
  if (how.quoted_checksum == Checksum::kInvalid) sum = sum == 0x5555 ? 0x1111 : sum ^ 0x5555;
  wire::Store16(out.data() + wire::kIpv4ChecksumAt, sum);
  return size;
}

}  // namespace

void HostStack::AnswerUdp(const Host& host, const Probe& probe, Reply& reply) const {
  const UnreachableBehaviour& how = host.personality->unreachable();
  if (!how.answers || host.closed_filtered) return;
  if (!MaySendError(*host.counters, probe.arrival_ns)) return;
  BeginReply(probe, reply);
  reply.kind = Reply::Kind::kIcmp;
  reply.ip.df = how.df;
  reply.ip.ttl = TtlAfter(how.ttl, host.hops);
  reply.ip.id = NextIpId(host.personality->icmp_ids(), host, false);
  reply.icmp = {
      .type = wire::kIcmpUnreachable, .code = wire::kIcmpPortUnreachable, .rest = how.unused};
  reply.payload_size = WriteQuote(host, probe, reply.payload);
}

}  // namespace osprey::lab
