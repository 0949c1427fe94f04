// SPDX-License-Identifier: Apache-2.0
// The official fixtures of the IPLD codecs: test/data/ipld/codec_fixtures.json, made of
// ipld/codec-fixtures (fixtures/ and negative-fixtures/); test/data/ipld/README.md says how.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "accel/core/file.hpp"
#include "accel/ipld/codec.hpp"
#include "accel/ipld/dag_cbor.hpp"
#include "accel/ipld/dag_json.hpp"
#include "accel/ipld/multibase.hpp"

namespace accel::ipld {
namespace {

using nlohmann::json;

const json& fixtures() {
  static const json loaded = [] {
    const auto text =
        read_text_file(std::string(ACCEL_TEST_DATA) + "/ipld/codec_fixtures.json", 1U << 20U);
    if (!text) throw std::runtime_error(text.error().message + " Run from the project's root.");
    return json::parse(*text);
  }();
  return loaded;
}

Codec codec_of(const std::string& name) {
  return name == "dag-cbor" ? Codec::dag_cbor : name == "dag-pb" ? Codec::dag_pb : Codec::dag_json;
}

Bytes bytes_of(const json& form) {
  if (form.contains("text")) return to_bytes(form["text"].get<std::string_view>());
  return base_decode(Multibase::base64, form["base64"].get<std::string>()).value();
}

TEST(CodecFixtures, each_form_decodes_and_becomes_every_other_form_byte_by_byte) {
  std::size_t checked = 0;
  for (const auto& [name, forms] : fixtures()["fixtures"].items()) {
    for (const auto& [from, form] : forms.items()) {
      const Bytes block = bytes_of(form);
      const auto value = decode_value(codec_of(from), block, Strictness::canonical);
      ASSERT_TRUE(value) << name << " from " << from << ": " << value.error().message;
      for (const auto& [to, other] : forms.items()) {
        const auto encoded = encode_value(codec_of(to), *value);
        ASSERT_TRUE(encoded) << name << " to " << to << ": " << encoded.error().message;
        EXPECT_EQ(as_text(*encoded), as_text(bytes_of(other))) << name << " to " << to;
        EXPECT_EQ(Cid::v1(codec_of(to), sha2_256(*encoded)).to_string(), other["cid"]) << name;
        ++checked;
      }
    }
  }
  EXPECT_GT(checked, 500U);
}

TEST(CodecFixtures, links_are_the_same_in_every_codec) {
  for (const auto& [name, forms] : fixtures()["fixtures"].items()) {
    std::vector<std::vector<Cid>> links;
    for (const auto& [codec, form] : forms.items()) {
      const Cid cid = Cid::parse(form["cid"].get<std::string>()).value();
      links.push_back(links_of(cid, bytes_of(form)).value());
      std::ranges::sort(links.back());  // The codecs order the keys of maps differently.
      EXPECT_EQ(links.back(), links.front()) << name << " " << codec;
    }
  }
}

TEST(CodecFixtures, what_must_not_decode_does_not) {
  std::size_t checked = 0;
  for (const std::string codec : {"dag-cbor", "dag-json", "dag-pb"}) {
    for (const json& one : fixtures()["negative"][codec + "/decode"]) {
      const Bytes block = from_hex(one["hex"].get<std::string>()).value();
      for (const Strictness strictness : {Strictness::canonical, Strictness::historical}) {
        EXPECT_FALSE(decode_value(codec_of(codec), block, strictness)) << codec << one["name"];
        ++checked;
      }
    }
  }
  EXPECT_EQ(checked, 22U);
}

TEST(CodecFixtures, what_must_not_encode_as_dag_pb_does_not) {
  std::size_t checked = 0;
  for (const json& one : fixtures()["negative"]["dag-pb/encode"]) {
    const auto value = decode_dag_json(one["dag-json"].dump(), Strictness::historical);
    ASSERT_TRUE(value) << one["name"] << value.error().message;
    EXPECT_EQ(encode_value(Codec::dag_pb, *value).error().code, Errc::invalid_argument)
        << one["name"];
    ++checked;
  }
  EXPECT_EQ(checked, 78U);
}

}  // namespace
}  // namespace accel::ipld
