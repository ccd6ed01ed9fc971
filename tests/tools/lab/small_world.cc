// SPDX-License-Identifier: Apache-2.0
#include "tests/tools/lab/small_world.h"

#include "base/answers.h"
#include "base/check.h"
#include "db/text_parser.h"

namespace osprey::lab {
namespace {

constexpr std::string_view kDatabase =
    "MatchPoints\n"
    "SEQ(SP=25%GCD=75%ISR=25%TI=100%CI=50%II=100%SS=80%TS=100)\n"
    "OPS(O1=20%O2=20%O3=20%O4=20%O5=20%O6=20)\nWIN(W1=15%W2=15%W3=15%W4=15%W5=15%W6=15)\n"
    "ECN(R=100%DF=20%T=15%TG=15%W=15%O=15%CC=100%Q=20)\n"
    "T1(R=100%DF=20%T=15%TG=15%S=20%A=20%F=30%RD=20%Q=20)\n"
    "T4(R=80%DF=20%T=15%TG=15%W=25%S=20%A=20%F=30%O=10%RD=20%Q=20)\n"
    "T5(R=80%DF=20%T=15%TG=15%W=25%S=20%A=20%F=30%O=10%RD=20%Q=20)\n"
    "T6(R=80%DF=20%T=15%TG=15%W=25%S=20%A=20%F=30%O=10%RD=20%Q=20)\n"
    "U1(R=50%DF=20%T=15%TG=15%IPL=100%UN=100%RIPL=100%RID=100%RIPCK=100%RUCK=100%RUD=100)\n"
    "IE(R=50%DFI=40%T=15%TG=15%CD=100)\n\n"
    "Fingerprint Small\nClass A | B || c\n"
    "SEQ(SP=FF-109%GCD=1-6%ISR=106-110%TI=Z%CI=I%II=I%TS=7)\n"
    "OPS(O1=M5B4ST11NW7%O2=M5B4ST11NW7%O3=M5B4NNT11NW7%O4=M5B4ST11NW7%O5=M5B4ST11NW7%O6=M5B4ST11)\n"
    "WIN(W1=16A0%W2=16A0%W3=16A0%W4=16A0%W5=16A0%W6=16A0)\n"
    "ECN(R=Y%DF=Y%T=3B-45%TG=40%W=16D0%O=M5B4NNSNW7%CC=Y%Q=)\n"
    "T1(R=Y%DF=Y%T=3B-45%TG=40%S=O%A=S+%F=AS%RD=0%Q=)\n"
    "T4(R=Y%DF=Y%T=3B-45%TG=40%W=0%S=A%A=Z%F=R%O=%RD=0%Q=)\n"
    "T5(R=Y%DF=Y%T=3B-45%TG=40%W=0%S=Z%A=S+%F=AR%O=%RD=0%Q=)\n"
    "T6(R=Y%DF=Y%T=3B-45%TG=40%W=0%S=A%A=Z%F=R%O=%RD=0%Q=)\n"
    "U1(DF=N%T=3B-45%TG=40%IPL=164%UN=0%RIPL=G%RID=G%RIPCK=G%RUCK=G%RUD=G)\n"
    "IE(DFI=N%T=3B-45%TG=40%CD=S)\n";

wire::Ipv4Header IpTo(Ipv4Addr to) {
  return {.ttl = kProbeTtl, .source = kScannerAddress, .destination = to};
}

Packet Cut(std::array<std::byte, 1024>& buffer, size_t size) {
  OSPREY_CHECK(size > 0);
  return {buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(size)};
}

}  // namespace

WorldSpec SmallSpec() {
  WorldSpec spec;
  GroupSpec group;
  group.prefix = *Prefix::Parse("10.0.0.0/24");
  group.open = {{kOpenPort, 1}};
  group.hops = {3, 3};
  spec.groups.push_back(group);
  return spec;
}

std::unique_ptr<World> MakeWorld(const WorldSpec& spec) {
  const absl::StatusOr<db::Ast> ast = db::ParseReferences(kDatabase, "small");
  OSPREY_CHECK(ast.ok());
  absl::StatusOr<std::unique_ptr<World>> world = World::Create(spec, *ast);
  OSPREY_CHECK(world.ok());
  return *std::move(world);
}

Packet MakeSyn(Ipv4Addr to, HostOrderPort port, unsigned index) {
  OSPREY_CHECK(index == 0);
  auto options = ParseOptionText("WANM5B4T10S");
  OSPREY_CHECK(options.has_value());
  wire::Store32(options->bytes.data() + options->tsval_at, 0xFFFFFFFF);
  const wire::TcpHeader tcp{.source_port = 40'000,
                            .destination_port = port,
                            .seq = kProbeSeq,
                            .ack = 0x2000,
                            .flags = kTcpSyn,
                            .window = 1};
  std::array<std::byte, 1024> buffer;
  return Cut(buffer, wire::BuildTcp(IpTo(to), tcp, options->view(), {}, buffer));
}

Packet MakeTcp(Ipv4Addr to, HostOrderPort port, uint8_t flags, HostOrderPort source_port) {
  const wire::TcpHeader tcp{.source_port = source_port,
                            .destination_port = port,
                            .seq = kProbeSeq,
                            .ack = 0x2000,
                            .flags = flags,
                            .window = 1024};
  std::array<std::byte, 1024> buffer;
  return Cut(buffer, wire::BuildTcp(IpTo(to), tcp, {}, {}, buffer));
}

Packet MakeUdp(Ipv4Addr to) {
  const Packet data(300, std::byte{0x43});
  std::array<std::byte, 1024> buffer;
  return Cut(buffer, wire::BuildUdp(IpTo(to), {.source_port = 40'000, .destination_port = 33'000},
                                    data, buffer));
}

Packet MakeEcho(Ipv4Addr to, uint8_t code) {
  const Packet data(kEchoBytes);
  std::array<std::byte, 1024> buffer;
  return Cut(buffer,
             wire::BuildIcmp(IpTo(to), {.type = 8, .code = code, .rest = kEchoRest}, data, buffer));
}

}  // namespace osprey::lab
