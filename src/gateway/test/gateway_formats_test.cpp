// SPDX-License-Identifier: Apache-2.0
// CAR, TAR, documents and several ranges, over a real store.
#include <gtest/gtest.h>

#include <cstdio>

#include "accel/gateway/tar_stream.hpp"
#include "accel/ipld/dag_cbor.hpp"
#include "accel/ipld/dag_json.hpp"
#include "gateway_fixture.hpp"

namespace accel::gateway {
namespace {

using test::CollectingWriter;
using test::kMiB;
using test::random_bytes;

class GatewayFormats : public test::GatewayFixture {
 protected:
  std::string path_of(const ipld::Cid& cid) { return "/ipfs/" + cid.to_string(); }
};

TEST_F(GatewayFormats, a_car_holds_the_path_and_everything_below_in_order) {
  write("d/sub/a.txt", as_bytes("alpha"));
  write("d/sub/b.txt", as_bytes("beta"));
  const ipld::Cid root = add(folder_ / "in" / "d");
  const std::string sub = store_->resolve(root, "sub")->to_string();
  const std::string a = store_->resolve(root, "sub/a.txt")->to_string();
  const std::string b = store_->resolve(root, "sub/b.txt")->to_string();
  const auto all = get(path_of(root) + "/sub", "format=car");
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(all.headers.get("Content-Type"),
            "application/vnd.ipld.car; version=1; order=dfs; dups=n");
  EXPECT_EQ(all.headers.get("Accept-Ranges"), "none");
  EXPECT_EQ(cids_of_car(body_of(all)), (std::vector{root.to_string(), sub, a, b}));
  EXPECT_EQ(cids_of_car(body_of(get(path_of(root) + "/sub", "format=car&dag-scope=block"))),
            (std::vector{root.to_string(), sub}));
  EXPECT_EQ(cids_of_car(body_of(get(path_of(root) + "/sub", "format=car&dag-scope=entity"))),
            (std::vector{root.to_string(), sub}));
  EXPECT_EQ(get(path_of(root) + "/sub/c", "format=car").status, 404);
}

TEST_F(GatewayFormats, large_leaves_of_a_car_are_sent_from_their_place) {
  const Bytes data = random_bytes(3 * kMiB + 5, 1);
  const ipld::Cid root = add(write("f", data));
  const auto response = get(path_of(root), "format=car");
  CollectingWriter writer;
  ASSERT_TRUE(stream(response, writer).has_value());
  EXPECT_EQ(writer.slices, 3);
  EXPECT_EQ(cids_of_car(writer.text).size(), 5U);
}

TEST_F(GatewayFormats, entity_bytes_takes_the_blocks_of_the_range_alone) {
  const ipld::Cid root = add(write("f", random_bytes(4 * kMiB, 2)));
  const auto count = [&](const std::string& bytes) {
    const std::string query = "format=car&dag-scope=entity&entity-bytes=" + bytes;
    return cids_of_car(body_of(get(path_of(root), query))).size();
  };
  EXPECT_EQ(count("0:*"), 5U);
  EXPECT_EQ(count("0:0"), 2U);
  EXPECT_EQ(count("1048575:1048576"), 3U);
  EXPECT_EQ(count("-1:*"), 2U);
  EXPECT_EQ(count("-99999999:*"), 5U);
  EXPECT_EQ(count("99999999:*"), 1U);
  EXPECT_EQ(count("-9223372036854775808:9223372036854775807"), 5U);
}

TEST_F(GatewayFormats, a_missing_block_cuts_the_car_instead_of_lying) {
  const Bytes leaf = to_bytes("leaf that is not here");
  const auto absent = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(leaf));
  const auto node = ipld::encode_dag_cbor(ipld::Value::list({ipld::Value::link(absent)}));
  const ipld::Cid root = put(ipld::Codec::dag_cbor, *node);
  const auto response = get(path_of(root), "format=car");
  EXPECT_EQ(response.status, 200);
  CollectingWriter writer;
  EXPECT_FALSE(stream(response, writer).has_value());
}

TEST_F(GatewayFormats, a_car_that_the_client_has_is_304) {
  const ipld::Cid root = add(write("f", as_bytes("x")));
  const std::string tag(*get(path_of(root), "format=car").headers.get("Etag"));
  EXPECT_TRUE(tag.starts_with("W/"));
  const net::Headers have{{"If-None-Match", tag}};
  EXPECT_EQ(get(path_of(root), "format=car", have).status, 304);
  EXPECT_EQ(get(path_of(root), "format=car&dag-scope=block", have).status, 200);
}

TEST_F(GatewayFormats, duplicates_come_when_they_are_asked_for) {
  write("d/a", as_bytes("same"));
  write("d/b", as_bytes("same"));
  const ipld::Cid root = add(folder_ / "in" / "d");
  EXPECT_EQ(cids_of_car(body_of(get(path_of(root), "format=car"))).size(), 2U);
  EXPECT_EQ(cids_of_car(body_of(get(path_of(root), "format=car&car-dups=y"))).size(), 3U);
}

TEST_F(GatewayFormats, an_identity_cid_never_stands_in_a_car) {
  EXPECT_TRUE(cids_of_car(body_of(get("/ipfs/bafkqabtimvwgy3yk", "format=car"))).empty());
}

TEST_F(GatewayFormats, tar_unpacks_to_what_was_added) {
  const Bytes data = random_bytes(kMiB + 77, 3);
  write("d/big.bin", data);
  write("d/sub/\xc4\x85.txt", as_bytes("text"));
  std::filesystem::create_symlink("sub/\xc4\x85.txt", folder_ / "in" / "d" / "link");
  const ipld::Cid root = add(folder_ / "in" / "d");
  const auto response = get(path_of(root), "format=tar");
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Type"), "application/x-tar");
  const std::string archive = body_of(response);
  ASSERT_TRUE(write_file_atomic(folder_ / "a.tar", as_bytes(archive)).has_value());
  const std::string command = "tar -C " + folder_.string() + " -xf " + folder_.string() + "/a.tar";
  ASSERT_EQ(std::system(command.c_str()), 0);
  const auto out = folder_ / root.to_string();
  EXPECT_EQ(read_file(out / "big.bin", 2 * kMiB).value(), data);
  EXPECT_EQ(as_text(read_file(out / "link", 100).value()), "text");
  const ipld::Cid again = add(out);
  EXPECT_EQ(again, root);
}

TEST_F(GatewayFormats, the_owner_gets_the_same_archive_of_what_is_private_too) {
  write("d/big.bin", random_bytes(kMiB + 77, 5));
  write("d/sub/small.txt", as_bytes("text"));
  write("p/secret.txt", as_bytes("secret"));
  const ipld::Cid root = add(folder_ / "in" / "d");
  const auto archive = [this](const ipld::Cid& cid) {
    std::string text;
    const auto sink = [&text](ByteView piece) -> Status {
      text += as_text(piece);
      return {};
    };
    const Status written = write_tar(*store_, cid, cid.to_string(), sink);
    EXPECT_TRUE(written) << written.error().message;
    return text;
  };
  EXPECT_EQ(archive(root), body_of(get(path_of(root), "format=tar")));
  const ipld::Cid hidden = add(folder_ / "in" / "p", true);
  EXPECT_EQ(get(path_of(hidden), "format=tar").status, 404);
  EXPECT_NE(archive(hidden).find("secret"), std::string::npos);
  int pieces = 0;
  const auto enough = [&pieces](ByteView) -> Status {
    ++pieces;
    return fail(Errc::cancelled, "enough");
  };
  EXPECT_EQ(write_tar(*store_, root, "d", enough).error().code, Errc::cancelled);
  EXPECT_EQ(pieces, 1);
}

TEST_F(GatewayFormats, tar_refuses_names_and_links_that_lead_out) {
  std::filesystem::create_directories(folder_ / "in" / "d");
  std::filesystem::create_symlink("../../etc/passwd", folder_ / "in" / "d" / "link");
  const ipld::Cid root = add(folder_ / "in" / "d");
  const auto response = get(path_of(root), "format=tar");
  CollectingWriter writer;
  EXPECT_FALSE(stream(response, writer).has_value());
  EXPECT_EQ(writer.text.find("passwd"), std::string::npos);
}

// Each is inside by its words alone; together they lead out.
TEST_F(GatewayFormats, tar_refuses_links_that_lead_out_by_way_of_another) {
  std::filesystem::create_directories(folder_ / "in" / "d" / "p" / "q");
  std::filesystem::create_symlink("../..", folder_ / "in" / "d" / "p" / "q" / "x");
  std::filesystem::create_symlink("p/q/x/..", folder_ / "in" / "d" / "y");
  const auto response = get(path_of(add(folder_ / "in" / "d")), "format=tar");
  CollectingWriter writer;
  EXPECT_FALSE(stream(response, writer).has_value());
}

TEST_F(GatewayFormats, documents_are_served_as_they_are_and_not_converted) {
  const auto value = ipld::Value::map({{"hello", ipld::Value::text("world")}});
  const ipld::Cid json = put(ipld::Codec::dag_json, as_bytes(*ipld::encode_dag_json(value)));
  const ipld::Cid cbor = put(ipld::Codec::dag_cbor, *ipld::encode_dag_cbor(value));
  const auto plain = get(path_of(json));
  EXPECT_EQ(plain.headers.get("Content-Type"), "application/vnd.ipld.dag-json");
  EXPECT_EQ(body_of(plain), "{\"hello\":\"world\"}");
  EXPECT_EQ(get(path_of(json), "format=json").headers.get("Content-Type"), "application/json");
  EXPECT_EQ(get(path_of(json), "format=dag-cbor").status, 406);
  EXPECT_EQ(get(path_of(cbor), "format=json").status, 406);
  EXPECT_EQ(get(path_of(cbor)).headers.get("Content-Disposition"),
            "attachment; filename=\"" + cbor.to_string() + ".cbor\"");
  EXPECT_EQ(get(path_of(json) + "/hello").status, 501);
  EXPECT_EQ(get(path_of(json) + "/other").status, 404);
  const auto page = get(path_of(cbor), {}, {{"Accept", "text/html"}});
  EXPECT_EQ(page.headers.get("Content-Type"), "text/html; charset=utf-8");
  EXPECT_NE(body_of(page).find("{&quot;hello&quot;:&quot;world&quot;}"), std::string::npos);
}

TEST_F(GatewayFormats, several_ranges_come_as_parts) {
  const Bytes data = random_bytes(2 * kMiB, 4);
  const ipld::Cid root = add(write("f.txt", data));
  const auto response = get(path_of(root), {}, {{"Range", "bytes=6-16,0-4"}});
  EXPECT_EQ(response.status, 206);
  const std::string body = body_of(response);
  EXPECT_EQ(std::get<net::StreamBody>(response.body).length, body.size());
  EXPECT_NE(body.find("Content-Range: bytes 6-16/2097152\r\n\r\n" +
                      std::string(as_text(ByteView(data).subspan(6, 11)))),
            std::string::npos);
  EXPECT_NE(body.find("Content-Range: bytes 0-4/2097152"), std::string::npos);
}

TEST_F(GatewayFormats, a_folder_with_an_index_shows_it) {
  write("d/index.html", as_bytes("<h1>site</h1>"));
  const ipld::Cid root = add(folder_ / "in" / "d");
  const auto page = get(path_of(root) + "/");
  EXPECT_EQ(body_of(page), "<h1>site</h1>");
  EXPECT_EQ(page.headers.get("Etag"), "\"" + root.to_string() + "\"");
  EXPECT_EQ(page.headers.get("Content-Type"), "text/html; charset=utf-8");
}

TEST_F(GatewayFormats, only_if_cached_says_precondition_failed) {
  const auto absent = ipld::Cid::v1(ipld::Codec::dag_pb, ipld::sha2_256(as_bytes("absent")));
  EXPECT_EQ(get(path_of(absent), {}, {{"Cache-Control", "only-if-cached"}}).status, 412);
  EXPECT_EQ(get(path_of(absent), {}, {{"Cache-Control", "no-cache"}}).status, 404);
}

TEST_F(GatewayFormats, what_is_private_looks_absent_in_every_format) {
  write("d/index.html", as_bytes("secret"));
  write("d/_redirects", as_bytes("/* /index.html 200"));
  const ipld::Cid root = add(folder_ / "in" / "d", true);
  const auto absent = ipld::Cid::v1(ipld::Codec::dag_pb, ipld::sha2_256(as_bytes("absent")));
  for (const char* query : {"", "format=raw", "format=car", "format=tar", "format=json",
                            "format=dag-json", "format=cbor", "format=car&dag-scope=block"}) {
    for (const char* below : {"", "/", "/index.html", "/nothing", "/_redirects"}) {
      const auto hidden = get(path_of(root) + below, query);
      const auto missing = get(path_of(absent) + below, query);
      EXPECT_EQ(hidden.status, 404) << query << below;
      EXPECT_EQ(missing.status, 404) << query << below;
      EXPECT_EQ(hidden.headers.size(), missing.headers.size());
      EXPECT_EQ(body_of(hidden), path_of(root) + below + " is not here.\n");
    }
    const auto at_host = get_at(root.to_string() + ".ipfs.localhost", "/x");
    EXPECT_EQ(at_host.status, 404);
  }
}

TEST_F(GatewayFormats, a_car_of_something_public_lacks_what_is_private_below) {
  const ipld::Cid secret = add(write("secret", as_bytes("a secret leaf")), true);
  const auto node = ipld::encode_dag_cbor(ipld::Value::list({ipld::Value::link(secret)}));
  const ipld::Cid root = put(ipld::Codec::dag_cbor, *node);
  const auto response = get(path_of(root), "format=car");
  CollectingWriter writer;
  EXPECT_FALSE(stream(response, writer).has_value());
  EXPECT_EQ(writer.text.find("a secret leaf"), std::string::npos);
  EXPECT_EQ(get(path_of(root) + "/0", "format=raw").status, 404);
}

}  // namespace
}  // namespace accel::gateway
