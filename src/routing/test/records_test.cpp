// SPDX-License-Identifier: Apache-2.0
#include "accel/routing/records.hpp"

#include <gtest/gtest.h>

namespace accel::routing {
namespace {

using Form = ReplyReader::Form;

constexpr const char* kPeer = "12D3KooWLQzUv2FHWGVPXTXSZpdHs7oHbXub2G5WC8Tx4NQhyd2d";

PeerRecord record() {
  return {kPeer,
          {"/ip4/1.2.3.4/tcp/443/tls/http", "/ip6/2001:db8::1/udp/4001/quic-v1"},
          {"transport-bitswap", "transport-ipfs-gateway-http"}};
}

std::string line(const std::string& members) {
  return "{\"Schema\":\"peer\",\"ID\":\"" + std::string(kPeer) + "\"" + members + "}";
}

Result<std::vector<PeerRecord>> read(Form form, const std::string& text, std::size_t piece = 7,
                                     ReplyLimits limits = {}) {
  ReplyReader reader(form, RecordList::providers, limits);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    ACCEL_CHECK(reader.feed(as_bytes(std::string_view(text).substr(at, piece))));
  }
  return reader.finish();
}

Filters filters(const std::string& query) { return read_filters(query).value(); }

TEST(Records, read_back_as_they_were_written) {
  const std::vector<PeerRecord> records{record(), {kPeer, {}, {}}};
  EXPECT_EQ(read(Form::json, write_json(RecordList::providers, records)).value(), records);
  EXPECT_EQ(read(Form::lines, write_lines(records), 1).value(), records);
  EXPECT_EQ(read(Form::lines, write_lines(records), 1 << 20).value(), records);
}

TEST(Records, of_an_empty_answer_are_none) {
  EXPECT_EQ(write_json(RecordList::providers, {}), "{\"Providers\":[]}");
  EXPECT_EQ(write_json(RecordList::peers, {}), "{\"Peers\":[]}");
  for (const char* text : {"{\"Providers\":[]}", "{\"Providers\":null}", "{}"}) {
    EXPECT_TRUE(read(Form::json, text).value().empty()) << text;
  }
  EXPECT_TRUE(read(Form::lines, "").value().empty());
  EXPECT_TRUE(read(Form::lines, "\n \r\n").value().empty());
}

TEST(Records, pass_over_what_nobody_knows) {
  const auto records = read(
      Form::lines, "{\"Schema\":\"alien\",\"x\":[1,2]}\n[]\n7\n\"text\"\n{\"ID\":\"no peer\"}\n" +
                       line(",\"transport-bitswap\":{\"foo\":1},\"Addrs\":[7,\"no slash\","
                            "\"/ip4/1.2.3.4\",\"/a b\"],\"Protocols\":\"none\"") +
                       "\n");
  ASSERT_EQ(records.value().size(), 1U);
  EXPECT_EQ(records->front().addresses, std::vector<std::string>{"/ip4/1.2.3.4"});
  EXPECT_TRUE(records->front().protocols.empty());
}

TEST(Records, of_the_legacy_schema_have_one_protocol) {
  const auto records = read(Form::lines, line(",\"Protocol\":\"transport-bitswap\"")).value();
  EXPECT_EQ(records.at(0).protocols, std::vector<std::string>{"transport-bitswap"});
}

TEST(Records, take_peer_ids_in_every_spelling) {
  for (const char* id : {kPeer, "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
                         "k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r"}) {
    EXPECT_EQ(read(Form::lines, "{\"ID\":\"" + std::string(id) + "\"}").value().size(), 1U) << id;
  }
}

TEST(Records, of_a_hostile_answer_are_an_error_or_few) {
  for (const std::string& text :
       {std::string("["), std::string("<html>"), std::string("7"), std::string("{\"Providers\":7}"),
        std::string(100'000, '['), "{\"Providers\":[" + std::string(40, '[') + "]}"}) {
    EXPECT_FALSE(read(Form::json, text)) << text.substr(0, 20);
  }
  EXPECT_FALSE(read(Form::lines, line("") + "\nnonsense\n"));
  EXPECT_FALSE(read(Form::lines, "{\"a\":" + std::string(5000, '[') + "\n"));
  const ReplyLimits small{.max_bytes = 2000, .max_line_bytes = 500, .max_records = 3};
  EXPECT_EQ(read(Form::lines, std::string(600, ' '), 7, small).error().code,
            Errc::resource_exhausted);
  EXPECT_EQ(read(Form::json, std::string(3000, ' '), 7, small).error().code,
            Errc::resource_exhausted);
  std::string many;
  for (int i = 0; i < 10; ++i) many += line("") + "\n";
  EXPECT_EQ(read(Form::lines, many, 7, small).value().size(), 3U);
  std::string addresses = ",\"Addrs\":[\"/x\"";
  for (int i = 0; i < 1000; ++i) addresses += ",\"/ip4/1.2.3.4\"";
  EXPECT_EQ(read(Form::lines, line(addresses + "]")).value().at(0).addresses.size(), kMaxAddresses);
  EXPECT_TRUE(read(Form::lines, line(",\"Addrs\":[\"/" + std::string(2000, 'a') + "\"]"))
                  .value()
                  .at(0)
                  .addresses.empty());
}

TEST(Records, filters_keep_the_addresses_that_pass) {
  const auto kept = apply_filters(record(), filters("filter-addrs=TLS,webtransport"));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->addresses, std::vector<std::string>{"/ip4/1.2.3.4/tcp/443/tls/http"});
  EXPECT_EQ(apply_filters(record(), filters("filter-addrs=!ip6%2C!quic-v1"))->addresses.size(), 1U);
  EXPECT_EQ(apply_filters(record(), filters("filter-addrs=ip6,!quic-v1")), std::nullopt);
  EXPECT_EQ(apply_filters(record(), filters("filter-addrs=webrtc")), std::nullopt);
  EXPECT_EQ(apply_filters(record(), filters("")), record());
}

TEST(Records, filters_take_peers_without_addresses_only_as_unknown) {
  const PeerRecord bare{kPeer, {}, {}};
  EXPECT_EQ(apply_filters(bare, filters("filter-addrs=tls")), std::nullopt);
  EXPECT_EQ(apply_filters(bare, filters("filter-addrs=tls,unknown")), bare);
  EXPECT_EQ(apply_filters(bare, filters("filter-addrs=!tls")), bare);
}

TEST(Records, filters_of_protocols_keep_or_drop_the_record_whole) {
  EXPECT_EQ(apply_filters(record(), filters("filter-protocols=Transport-Bitswap")), record());
  EXPECT_EQ(apply_filters(record(), filters("filter-protocols=x,unknown")), std::nullopt);
  const PeerRecord bare{kPeer, {}, {}};
  EXPECT_EQ(apply_filters(bare, filters("filter-protocols=unknown")), bare);
  EXPECT_EQ(apply_filters(bare, filters("filter-protocols=transport-bitswap")), std::nullopt);
}

TEST(Records, filters_that_are_too_long_are_refused) {
  EXPECT_FALSE(read_filters("filter-protocols=" + std::string(64, 'a')));
  std::string many = "filter-addrs=a";
  for (int i = 0; i < 40; ++i) many += ",a";
  EXPECT_FALSE(read_filters(many));
}

}  // namespace
}  // namespace accel::routing
