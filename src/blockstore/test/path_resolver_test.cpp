// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "accel/ipld/dag_cbor.hpp"
#include "accel/ipld/dag_json.hpp"
#include "store_fixture.hpp"

namespace accel::blockstore {
namespace {

using ipld::Codec;
using ipld::Value;

class PathResolver : public testing::Test {
 protected:
  PathResolver() {
    StoreOptions options;
    options.directory = dir_.path() / "store";
    store_ = Store::open(options).value();
  }

  ipld::Cid put(Codec codec, ByteView block) {
    const auto cid = ipld::Cid::v1(codec, ipld::sha2_256(block));
    EXPECT_TRUE(store_->put(cid, block).has_value());
    return cid;
  }
  ipld::Cid put_cbor(const Value& value) {
    return put(Codec::dag_cbor, *ipld::encode_dag_cbor(value));
  }

  test::TempDir dir_;
  std::unique_ptr<Store> store_;
};

TEST_F(PathResolver, follows_folders_and_says_what_it_passed) {
  test::write_bytes(dir_.path() / "in/sub/a b.txt", as_bytes("x"));
  const auto root = store_->add(dir_.path() / "in", {})->cid;
  const auto sub = store_->resolve(root, "sub").value();
  const auto file = store_->resolve(root, "sub/a b.txt").value();
  const auto end = store_->resolve_path(root, {"sub", "a b.txt"});
  ASSERT_TRUE(end.has_value()) << end.error().message;
  EXPECT_EQ(end->cid, file);
  EXPECT_EQ(end->passed, (std::vector{root, sub}));
  EXPECT_EQ(end->roots, (std::vector{root, sub, file}));
  EXPECT_TRUE(end->remainder.empty());
}

TEST_F(PathResolver, an_empty_path_ends_at_the_root_that_need_not_be_here) {
  const auto absent = ipld::Cid::v1(Codec::raw, ipld::sha2_256(as_bytes("absent")));
  const auto end = store_->resolve_path(absent, {});
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->cid, absent);
  EXPECT_TRUE(end->passed.empty());
}

TEST_F(PathResolver, goes_through_documents_into_links_and_back) {
  const auto leaf = put(Codec::raw, as_bytes("leaf"));
  const auto json = put(
      Codec::dag_json,
      as_bytes(*ipld::encode_dag_json(Value::map({{"deep", Value::list({Value::link(leaf)})}}))));
  const auto root = put_cbor(Value::map(
      {{"a", Value::map({{"b", Value::link(json)}})}, {"n", Value::integer(std::int64_t{5})}}));
  const auto end = store_->resolve_path(root, {"a", "b", "deep", "0"});
  ASSERT_TRUE(end.has_value()) << end.error().message;
  EXPECT_EQ(end->cid, leaf);
  EXPECT_EQ(end->passed, (std::vector{root, json}));
  const auto inside = store_->resolve_path(root, {"a"});
  EXPECT_EQ(inside->cid, root);
  EXPECT_EQ(inside->remainder, (std::vector<std::string>{"a"}));
  const auto deeper = store_->resolve_path(root, {"a", "b", "deep"});
  EXPECT_EQ(deeper->cid, json);
  EXPECT_EQ(deeper->remainder, (std::vector<std::string>{"deep"}));
}

TEST_F(PathResolver, what_is_not_there_is_not_found) {
  test::write_bytes(dir_.path() / "in/a", as_bytes("x"));
  const auto root = store_->add(dir_.path() / "in", {})->cid;
  const auto document = put_cbor(Value::map({{"n", Value::integer(std::int64_t{5})}}));
  const auto absent = ipld::Cid::v1(Codec::dag_pb, ipld::sha2_256(as_bytes("absent")));
  const auto code = [&](const ipld::Cid& at, const std::vector<std::string>& path) {
    return store_->resolve_path(at, path).error().code;
  };
  EXPECT_EQ(code(root, {"b"}), Errc::not_found);
  EXPECT_EQ(code(root, {"a", "below a file"}), Errc::not_found);
  EXPECT_EQ(code(document, {"m"}), Errc::not_found);
  EXPECT_EQ(code(document, {"n", "below a number"}), Errc::not_found);
  EXPECT_EQ(code(absent, {"a"}), Errc::not_found);
}

TEST_F(PathResolver, takes_dag_pb_that_is_no_unixfs_by_the_names_of_its_links) {
  const auto leaf = put(Codec::raw, as_bytes("leaf"));
  ipld::PbNode node;
  node.links.push_back({leaf, "x", 4});
  const auto root = put(Codec::dag_pb, ipld::encode_pb(node));
  const auto end = store_->resolve_path(root, {"x"});
  ASSERT_TRUE(end.has_value()) << end.error().message;
  EXPECT_EQ(end->cid, leaf);
}

}  // namespace
}  // namespace accel::blockstore
