// SPDX-License-Identifier: Apache-2.0
// What hubs say, true and hostile: pure functions.
#include "accel/hub/listing.hpp"

#include <gmock/gmock.h>

#include "accel/hub/hugging_face.hpp"
#include "accel/hub/ollama.hpp"

namespace accel::hub {
namespace {

using ::testing::HasSubstr;

const std::string kDigest(64, 'a');
constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

std::string info(const std::string& siblings) {
  return fmt::format(R"({{"id":"org/name","sha":"{}","siblings":[{}]}})", kCommit, siblings);
}

TEST(HuggingFace, refs_are_read_or_refused) {
  const auto ref = parse_hugging_face_ref("org/na-me_1.0@refs/pr/3");
  ASSERT_TRUE(ref);
  EXPECT_EQ(ref->id, "org/na-me_1.0");
  EXPECT_EQ(ref->revision, "refs/pr/3");
  EXPECT_EQ(parse_hugging_face_ref("gpt2")->revision, "main");
  for (const char* text : {"", "a/b/c", "../x", "org/", "/x", "org/na me", "org/x@", "org/x@../y",
                           "org/..", "org/x?y", "o%2f/x"}) {
    EXPECT_FALSE(parse_hugging_face_ref(text)) << text;
  }
}

TEST(HuggingFace, a_listing_names_files_by_the_commit_with_sizes_and_digests) {
  const auto listing = parse_hugging_face_info(
      "http://hub", {"org/name", "main"},
      info(R"({"rfilename":"onnx/a b.onnx","size":7,"blobId":"x","lfs":{"sha256":")" + kDigest +
           R"(","size":7,"pointerSize":130}},{"rfilename":"config.json","size":2,"blobId":"b1"},)" +
           R"({"rfilename":"README.md"})"));
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_EQ(listing->commit, kCommit);
  EXPECT_EQ(listing->name, "name");
  ASSERT_EQ(listing->files.size(), 3U);
  EXPECT_FALSE(listing->files[0].bytes);
  EXPECT_EQ(listing->files[1].etag, "b1");
  EXPECT_EQ(listing->files[2].sha256, kDigest);
  EXPECT_EQ(listing->files[2].url,
            fmt::format("http://hub/org/name/resolve/{}/onnx/a%20b.onnx", kCommit));
}

TEST(HuggingFace, hostile_listings_are_refused_with_a_sentence) {
  const std::pair<std::string, const char*> cases[] = {
      {"[]", "JSON object"},
      {"{", "JSON object"},
      {std::string(1000, '[') + std::string(1000, ']'), "JSON object"},
      {R"({"sha":"abc"})", "no commit, or no files"},
      {R"({"sha":"../x","siblings":[]})", "no commit"},
      {info(R"({"rfilename":"../../etc/passwd","size":1})"), "no path below a folder"},
      {info(R"({"rfilename":"/etc/passwd","size":1})"), "no path below"},
      {info(R"({"rfilename":"a\u0000b","size":1})"), "no path below"},
      {info(R"({"rfilename":"a","size":1},{"rfilename":"a","size":1})"), "twice"},
      {info(R"({"rfilename":"a","size":18446744073709551615})"), "has 18446744073709551615"},
      {info(R"({"rfilename":"a","size":1,"lfs":{"sha256":"xyz","size":1}})"), "no SHA-256"},
      {info(R"({"rfilename":"a","size":1,"lfs":{"sha256":")" + kDigest + R"(","size":2}})"),
       "two sizes"}};
  for (const auto& [text, words] : cases) {
    const auto listing = parse_hugging_face_info("http://hub", {"org/name", "main"}, text);
    ASSERT_FALSE(listing) << text;
    EXPECT_EQ(listing.error().code, Errc::corrupt);
    EXPECT_THAT(listing.error().message, HasSubstr(words)) << text;
  }
}

TEST(HuggingFace, the_head_of_a_file_completes_the_listing) {
  HubFile file;
  file.path = "model.bin";
  const net::Headers linked{{"X-Repo-Commit", kCommit},
                            {"X-Linked-Size", "1234"},
                            {"X-Linked-Etag", "\"" + kDigest + "\""},
                            {"ETag", "\"other\""},
                            {"Location", "http://cdn/x"},
                            {"Content-Length", "9"}};
  ASSERT_TRUE(complete_hugging_face_file(file, kCommit, linked));
  EXPECT_EQ(file.bytes, 1234U);
  EXPECT_EQ(file.sha256, kDigest);
  HubFile plain;
  ASSERT_TRUE(
      complete_hugging_face_file(plain, kCommit, {{"ETag", "W/\"b1\""}, {"Content-Length", "5"}}));
  EXPECT_EQ(plain.etag, "b1");
  EXPECT_EQ(plain.bytes, 5U);
  HubFile other;
  const Status wrong = complete_hugging_face_file(other, kCommit, {{"X-Repo-Commit", "elsewhere"}});
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("elsewhere"));
}

TEST(Ollama, refs_are_read_or_refused) {
  const auto ref = parse_ollama_ref("me/llama3.2:1b");
  ASSERT_TRUE(ref);
  EXPECT_EQ(ref->space, "me");
  EXPECT_EQ(ref->name, "llama3.2");
  EXPECT_EQ(ref->tag, "1b");
  EXPECT_EQ(parse_ollama_ref("phi")->tag, "latest");
  EXPECT_EQ(ollama_manifest_url("http://r", *parse_ollama_ref("phi")),
            "http://r/v2/library/phi/manifests/latest");
  for (const char* text : {"", ":x", "a/b/c", "../x", "x:", "x:y:z", "-x"}) {
    EXPECT_FALSE(parse_ollama_ref(text)) << text;
  }
}

std::string layer(const std::string& kind, const std::string& digest, int size) {
  return fmt::format(R"({{"mediaType":"application/vnd.ollama.image.{}","digest":"{}","size":{}}})",
                     kind, digest, size);
}

TEST(Ollama, a_manifest_becomes_files_with_names) {
  const std::string digest = "sha256:" + kDigest;
  const std::string text =
      fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[{},{},{},{}]}})",
                  R"({"mediaType":"application/vnd.docker.container.image.v1+json","digest":")" +
                      digest + R"(","size":3})",
                  layer("model", digest, 10), layer("params", digest, 2),
                  layer("license", digest, 4), layer("license", digest, 5));
  const auto listing = parse_ollama_manifest("http://r", *parse_ollama_ref("phi"), text);
  ASSERT_TRUE(listing) << listing.error().message;
  std::vector<std::string> paths;
  for (const auto& file : listing->files) paths.push_back(file.path);
  EXPECT_THAT(paths, ::testing::ElementsAre("model.gguf", "params.json", "license", "license-2",
                                            "config.json"));
  EXPECT_EQ(listing->source, "ollama:phi:latest");
  EXPECT_EQ(listing->name, "phi:latest");
  EXPECT_EQ(listing->files[0].url, "http://r/v2/library/phi/blobs/" + digest);
}

TEST(Ollama, hostile_manifests_are_refused_with_a_sentence) {
  const auto refuses = [](const std::string& text, const char* words) {
    const auto listing = parse_ollama_manifest("http://r", *parse_ollama_ref("phi"), text);
    ASSERT_FALSE(listing) << text;
    EXPECT_THAT(listing.error().message, HasSubstr(words));
  };
  const std::string digest = "sha256:" + kDigest;
  refuses("{}", "no layers");
  refuses(R"({"layers":[]})", "no model layer");
  refuses(R"({"layers":[)" + layer("model", "sha256:../../x", 1) + "]}", "without a digest");
  refuses(R"({"layers":[)" + layer("model", digest, -1) + "]}", "without a digest");
  refuses(R"({"layers":[)" + layer("../x", digest, 1) + "]}", "without a digest");
}

TEST(Filter, keeps_what_is_included_and_not_excluded) {
  HubListing listing;
  for (const char* path : {"a.json", "onnx/model.onnx", "onnx/model_int8.onnx"}) {
    listing.files.emplace_back().path = path;
  }
  HubListing part = listing;
  ASSERT_TRUE(filter_files(part, {"*.onnx"}, {"*int8*"}));
  ASSERT_EQ(part.files.size(), 1U);
  EXPECT_EQ(part.files[0].path, "onnx/model.onnx");
  EXPECT_EQ(filter_files(listing, {"*.bin"}, {}).error().code, Errc::not_found);
}

}  // namespace
}  // namespace accel::hub
