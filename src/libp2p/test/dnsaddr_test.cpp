// SPDX-License-Identifier: Apache-2.0
#include "dnsaddr.hpp"

#include <gtest/gtest.h>

#include <map>

namespace accel::libp2p {
namespace {

using ipld::Multiaddr;

const std::string kPeer = "/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
const std::string kOther = "/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN";

using Zone = std::map<std::string, std::vector<std::string>>;

struct Walked {
  std::vector<std::string> found;
  std::vector<std::string> asked;
};

Walked walk(const std::string& from, const Zone& zone) {
  DnsaddrWalk steps(Multiaddr::parse(from).value());
  Walked out;
  while (const auto domain = steps.next()) {
    out.asked.push_back(*domain);
    const auto at = zone.find(*domain);
    steps.take(at == zone.end() ? std::vector<std::string>{} : at->second);
  }
  for (const Multiaddr& address : steps.found()) out.found.push_back(address.to_string());
  return out;
}

TEST(Dnsaddr, asks_below_the_name_and_takes_what_its_records_say) {
  const auto out = walk(
      "/dnsaddr/x.example",
      {{"_dnsaddr.x.example",
        {"dnsaddr=/ip4/1.2.3.4/tcp/4001" + kPeer, "dnsaddr=/dns4/y.example/tcp/80/ws" + kOther}}});
  EXPECT_EQ(out.asked, std::vector<std::string>{"_dnsaddr.x.example"});
  EXPECT_EQ(out.found, (std::vector<std::string>{"/ip4/1.2.3.4/tcp/4001" + kPeer,
                                                 "/dns4/y.example/tcp/80/ws" + kOther}));
}

TEST(Dnsaddr, takes_only_records_of_the_peer_that_is_meant) {
  const auto out = walk("/dnsaddr/x.example" + kPeer,
                        {{"_dnsaddr.x.example",
                          {"dnsaddr=/ip4/1.2.3.4/tcp/1" + kOther, "dnsaddr=/ip4/1.2.3.4/tcp/2",
                           "dnsaddr=/ip4/1.2.3.4/tcp/3" + kPeer}}});
  EXPECT_EQ(out.found, std::vector<std::string>{"/ip4/1.2.3.4/tcp/3" + kPeer});
}

// As bootstrap.libp2p.io does, in the example of the specification.
TEST(Dnsaddr, follows_names_to_names) {
  const auto out =
      walk("/dnsaddr/x.example" + kPeer,
           {{"_dnsaddr.x.example",
             {"dnsaddr=/dnsaddr/a.x.example/tcp/4001" + kPeer,
              "dnsaddr=/dnsaddr/b.x.example/tcp/4001" + kOther}},
            {"_dnsaddr.a.x.example",
             {"dnsaddr=/ip6/2604::1/tcp/4001" + kPeer, "dnsaddr=/ip6/2604::1/tcp/4002" + kPeer}}});
  EXPECT_EQ(out.asked, (std::vector<std::string>{"_dnsaddr.x.example", "_dnsaddr.a.x.example"}));
  EXPECT_EQ(out.found, std::vector<std::string>{"/ip6/2604::1/tcp/4001" + kPeer});
}

TEST(Dnsaddr, leaves_out_what_is_no_address_or_nobody_here_can_dial) {
  const auto out = walk("/dnsaddr/x.example",
                        {{"_dnsaddr.x.example",
                          {"", "dnsaddr=", "dnsaddr=/", "v=spf1 -all", "dnsaddr=nonsense",
                           "DNSADDR=/ip4/1.2.3.4/tcp/1", "dnsaddr=/ip4/1.2.3.4/udp/1/quic-v1",
                           "dnsaddr=/ip4/1.2.3.4/tcp/99999", std::string("dnsaddr=/ip4\0/", 14),
                           "dnsaddr=/dnsaddr/", "dnsaddr=" + std::string(100'000, '/')}}});
  EXPECT_TRUE(out.found.empty());
  EXPECT_EQ(out.asked.size(), 1U);
}

TEST(Dnsaddr, has_nothing_to_ask_about_other_addresses) {
  EXPECT_TRUE(walk("/ip4/1.2.3.4/tcp/1", {}).asked.empty());
  EXPECT_FALSE(is_dnsaddr(Multiaddr{}));
}

TEST(Dnsaddr, does_not_run_in_circles) {
  const auto out =
      walk("/dnsaddr/x.example",
           {{"_dnsaddr.x.example", {"dnsaddr=/dnsaddr/x.example", "dnsaddr=/dnsaddr/y.example"}},
            {"_dnsaddr.y.example", {"dnsaddr=/dnsaddr/x.example", "dnsaddr=/ip4/1.2.3.4/tcp/1"}}});
  EXPECT_EQ(out.asked.size(), 2U);
  EXPECT_EQ(out.found.size(), 1U);
}

TEST(Dnsaddr, goes_four_names_deep) {
  Zone zone;
  for (int i = 0; i < 10; ++i) {
    zone["_dnsaddr." + std::to_string(i)] = {"dnsaddr=/dnsaddr/" + std::to_string(i + 1)};
  }
  EXPECT_EQ(walk("/dnsaddr/0", zone).asked.size(), kMaxDnsaddrDepth);
}

TEST(Dnsaddr, asks_and_keeps_no_more_than_its_limits) {
  Zone wide;
  for (int i = 0; i < 200; ++i) {
    wide["_dnsaddr.x"].push_back("dnsaddr=/dnsaddr/" + std::to_string(i));
  }
  EXPECT_EQ(walk("/dnsaddr/x", wide).asked.size(), kMaxDnsaddrLookups);
  Zone many;
  for (int i = 1; i < 200; ++i) {
    many["_dnsaddr.x"].push_back("dnsaddr=/ip4/1.2.3.4/tcp/" + std::to_string(i));
  }
  EXPECT_EQ(walk("/dnsaddr/x", many).found.size(), kMaxDnsaddrResults);
}

}  // namespace
}  // namespace accel::libp2p
