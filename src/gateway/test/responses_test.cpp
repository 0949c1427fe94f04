// SPDX-License-Identifier: Apache-2.0
#include "responses.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "content_type.hpp"
#include "listing.hpp"

namespace accel::gateway {
namespace {

GatewayRequest request_for(std::vector<std::string> path = {}) {
  GatewayRequest request;
  request.route.root = "bafkqaaa";
  request.route.path = std::move(path);
  request.content_path = "/ipfs/bafkqaaa";
  for (const std::string& name : request.route.path) request.content_path += "/" + name;
  return request;
}

net::HttpRequest http_with(net::Headers headers) {
  net::HttpRequest http;
  http.method = "GET";
  http.headers = std::move(headers);
  return http;
}

const Representation kThousand{"\"tag\"", "text/plain", "", 1000};
const std::vector<ipld::Cid> kRoots{ipld::Cid{}};

Outline outline_of(net::Headers headers) {
  const GatewayRequest request = request_for();
  return outline(http_with(std::move(headers)), Source{request, kRoots}, kThousand, 4);
}

TEST(Outline, a_whole_file_is_cached_for_ever) {
  const Outline plan = outline_of({});
  EXPECT_EQ(plan.response.status, 200);
  ASSERT_EQ(plan.ranges.size(), 1U);
  EXPECT_EQ(plan.ranges[0], (net::ByteRange{0, 1000}));
  const net::Headers& headers = plan.response.headers;
  EXPECT_EQ(headers.get("Etag"), "\"tag\"");
  EXPECT_NE(headers.get("Cache-Control")->find("immutable"), std::string::npos);
  EXPECT_EQ(headers.get("X-Ipfs-Path"), "/ipfs/bafkqaaa");
  EXPECT_EQ(headers.get("Ipfs-Uri"), "ipfs://bafkqaaa");
  EXPECT_EQ(headers.get("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(headers.get("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(headers.get("Accept-Ranges"), "bytes");
}

TEST(Outline, a_range_is_partial_content) {
  const Outline plan = outline_of({{"Range", "bytes=10-19"}});
  EXPECT_EQ(plan.response.status, 206);
  ASSERT_EQ(plan.ranges.size(), 1U);
  EXPECT_EQ(plan.ranges[0], (net::ByteRange{10, 10}));
  EXPECT_EQ(plan.response.headers.get("Content-Range"), "bytes 10-19/1000");
}

TEST(Outline, a_range_beyond_the_end_says_how_much_there_is) {
  const Outline plan = outline_of({{"Range", "bytes=1000-"}});
  EXPECT_EQ(plan.response.status, 416);
  EXPECT_EQ(plan.response.headers.get("Content-Range"), "bytes */1000");
  EXPECT_FALSE(plan.response.headers.has("Cache-Control"));
}

TEST(Outline, absurd_ranges_are_ignored_or_refused_and_never_wrap) {
  const auto status_of = [](const char* range) {
    return outline_of({{"Range", range}}).response.status;
  };
  EXPECT_EQ(status_of("bytes=0-9,5-12"), 200);
  EXPECT_EQ(status_of("bytes=0-0,2-2,4-4,6-6,8-8"), 200);
  EXPECT_EQ(status_of("bytes=5-4"), 200);
  EXPECT_EQ(status_of("bytes=18446744073709551615-"), 416);
  EXPECT_EQ(status_of("bytes=-99999999999999999999"), 206);
  EXPECT_EQ(outline_of({{"Range", "bytes=0-1"}, {"Range", "bytes=4-5"}}).response.status, 200);
}

TEST(Outline, several_ranges_are_parts_in_their_order) {
  const Outline plan = outline_of({{"Range", "bytes=10-19, 0-4"}});
  EXPECT_EQ(plan.response.status, 206);
  EXPECT_TRUE(plan.is_multipart);
  ASSERT_EQ(plan.ranges.size(), 2U);
  EXPECT_EQ(plan.ranges[1], (net::ByteRange{0, 5}));
  EXPECT_FALSE(plan.response.headers.has("Content-Range"));
  EXPECT_TRUE(plan.response.headers.get("Content-Type")->starts_with("multipart/byteranges; bou"));
  const std::string head = part_head(kThousand, plan.ranges[0]);
  EXPECT_NE(head.find("\r\nContent-Type: text/plain\r\nContent-Range: bytes 10-19/1000\r\n\r\n"),
            std::string::npos);
}

TEST(Outline, of_a_mutable_name_is_kept_as_long_as_the_name_says) {
  GatewayRequest request = request_for();
  request.ttl = std::chrono::seconds(90);
  const auto plan = outline(http_with({}), Source{request, kRoots}, kThousand, 4);
  EXPECT_EQ(plan.response.headers.get("Cache-Control"), "public, max-age=90");
  request.ttl = std::chrono::seconds(0);
  const auto expired = outline(http_with({}), Source{request, kRoots}, kThousand, 4);
  EXPECT_FALSE(expired.response.headers.has("Cache-Control"));
}

TEST(Outline, a_page_for_errors_keeps_its_status) {
  Representation page = kThousand;
  page.status = 404;
  const GatewayRequest request = request_for();
  const net::HttpRequest http = http_with({{"If-None-Match", "\"tag\""}, {"Range", "bytes=0-1"}});
  const auto plan = outline(http, Source{request, kRoots}, page, 4);
  EXPECT_EQ(plan.response.status, 404);
  EXPECT_EQ(plan.ranges.front().length, 1000U);
}

TEST(CarRepresentation, differs_by_everything_that_changes_the_blocks) {
  std::set<std::string> tags;
  GatewayRequest request = request_for();
  tags.insert(car_representation(request, request.root).etag);
  request.car.duplicates = true;
  tags.insert(car_representation(request, request.root).etag);
  request.car.scope = blockstore::DagScope::entity;
  tags.insert(car_representation(request, request.root).etag);
  request.car.bytes = blockstore::EntityBytes{0, {}};
  tags.insert(car_representation(request, request.root).etag);
  request.car.bytes = blockstore::EntityBytes{0, 5};
  tags.insert(car_representation(request, request.root).etag);
  request.content_path += "/a";
  tags.insert(car_representation(request, request.root).etag);
  EXPECT_EQ(tags.size(), 6U);
  EXPECT_EQ(car_representation(request, request.root).content_type,
            "application/vnd.ipld.car; version=1; order=dfs; dups=y");
}

TEST(Outline, if_range_must_name_the_same_representation) {
  const auto status_of = [](const char* tag) {
    return outline_of({{"Range", "bytes=0-1"}, {"If-Range", tag}}).response.status;
  };
  EXPECT_EQ(status_of("\"tag\""), 206);
  EXPECT_EQ(status_of("\"other\""), 200);
  EXPECT_EQ(status_of("Sun, 06 Nov 1994 08:49:37 GMT"), 200);
}

TEST(Outline, what_the_client_has_is_not_sent_again) {
  const Outline plan = outline_of({{"If-None-Match", "\"x\", W/\"tag\""}});
  EXPECT_EQ(plan.response.status, 304);
  EXPECT_TRUE(plan.ranges.empty());
  EXPECT_EQ(plan.response.headers.get("Etag"), "\"tag\"");
}

TEST(Representation, of_a_block_is_saved_and_never_shown) {
  const GatewayRequest request = request_for();
  const Representation what = block_representation(request, request.root, 5);
  EXPECT_EQ(what.etag, "\"bafkqaaa.raw\"");
  EXPECT_EQ(what.content_type, "application/vnd.ipld.raw");
  EXPECT_EQ(what.disposition, "attachment; filename=\"bafkqaaa.bin\"");
}

TEST(Representation, of_a_file_takes_its_type_from_its_name) {
  const FoundFile file{ipld::Cid{}, 5};
  EXPECT_EQ(file_representation(request_for({"a", "b.PNG"}), file).content_type, "image/png");
  EXPECT_EQ(file_representation(request_for(), file).content_type, "application/octet-stream");
  GatewayRequest named = request_for({"b.png"});
  named.filename = "c.txt";
  named.download = true;
  const Representation what = file_representation(named, file);
  EXPECT_EQ(what.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(what.disposition, "attachment; filename=\"c.txt\"");
}

FoundFolder folder_with(std::vector<std::string> names) {
  FoundFolder folder;
  for (std::string& name : names) {
    blockstore::DirEntry entry;
    entry.name = std::move(name);
    entry.bytes = 1500;
    folder.entries.push_back(std::move(entry));
  }
  return folder;
}

TEST(Listing, hostile_names_stay_text) {
  const std::string page =
      listing_html(request_for(), folder_with({"<script>alert(1)</script>", "\"><b", "a b&c"}));
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_EQ(page.find("\"><b"), std::string::npos);
  EXPECT_NE(page.find("href=\"/ipfs/bafkqaaa/a%20b&amp;c\">a b&amp;c</a>"), std::string::npos)
      << page;
  EXPECT_NE(page.find("1.5 kB"), std::string::npos);
}

TEST(Listing, json_has_every_entry_and_survives_bad_utf8) {
  const auto page = nlohmann::json::parse(
      listing_json(request_for(), folder_with({"a", "\xff\xfe", "quote\"\n"})));
  ASSERT_EQ(page.at("entries").size(), 3U);
  EXPECT_EQ(page.at("entries")[2].at("name"), "quote\"\n");
  EXPECT_EQ(page.at("entries")[0].at("bytes"), 1500);
  EXPECT_EQ(page.at("truncated"), false);
  EXPECT_EQ(page.at("path"), "/ipfs/bafkqaaa");
}

TEST(Listing, says_when_it_is_cut) {
  FoundFolder folder = folder_with({"a"});
  folder.truncated = true;
  EXPECT_NE(listing_html(request_for(), folder).find("Only 1 of the entries"), std::string::npos);
}

TEST(FolderResponse, differs_by_form_and_is_conditional) {
  GatewayRequest html = request_for();
  html.format = Format::automatic;
  GatewayRequest json = request_for();
  json.format = Format::json;
  const FoundFolder folder = folder_with({"a"});
  const auto page = folder_response(http_with({}), Source{html, kRoots}, folder);
  const auto data = folder_response(http_with({}), Source{json, kRoots}, folder);
  EXPECT_NE(page.headers.get("Etag"), data.headers.get("Etag"));
  EXPECT_EQ(data.headers.get("Content-Type"), "application/json");
  const std::string tag(*page.headers.get("Etag"));
  EXPECT_EQ(
      folder_response(http_with({{"If-None-Match", tag}}), Source{html, kRoots}, folder).status,
      304);
}

TEST(ContentType, looks_at_the_bytes_where_no_name_says_it) {
  EXPECT_EQ(content_type_of("", "{\"a\": 1}"), "application/json");
  EXPECT_EQ(content_type_of("", " [1, 2]"), "application/json");
  EXPECT_EQ(content_type_of("", "[note] text"), "text/plain; charset=utf-8");
  EXPECT_EQ(content_type_of("", "<!DOCTYPE HTML><p>"), "text/html; charset=utf-8");
  EXPECT_EQ(content_type_of("", "%PDF-1.7"), "application/pdf");
  EXPECT_EQ(content_type_of("", std::string_view("a\0b", 3)), "application/octet-stream");
  EXPECT_EQ(content_type_of("a.css", "<html>"), "text/css; charset=utf-8");
}

TEST(ContentType, knows_a_few_names) {
  EXPECT_EQ(content_type_of("a.JSON"), "application/json");
  EXPECT_EQ(content_type_of("model.safetensors"), "application/octet-stream");
  EXPECT_EQ(content_type_of("json"), "application/octet-stream");
  EXPECT_EQ(content_type_of(""), "application/octet-stream");
}

}  // namespace
}  // namespace accel::gateway
