// SPDX-License-Identifier: Apache-2.0
#include "accel/hub/caches.hpp"

#include <gmock/gmock.h>

#include "accel/core/file.hpp"
#include "accel/core/random.hpp"

namespace accel::hub {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Caches : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("accel-caches-" + random_hex(system_random(), 8));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((folder_ / path).parent_path());
    ASSERT_TRUE(write_file_atomic(folder_ / path, as_bytes(text)));
  }
  void link(const std::string& path, const std::string& target) {
    fs::create_directories((folder_ / path).parent_path());
    fs::create_symlink(target, folder_ / path);
  }

  fs::path folder_;
};

TEST_F(Caches, of_hugging_face_are_read_through_their_links) {
  const std::string model = "hub/models--org--name/";
  write(model + "blobs/aaa", "weights");
  write(model + "blobs/bbb", "{}");
  write(model + "refs/main", "c0ffee");
  link(model + "snapshots/c0ffee/model.bin", "../../blobs/aaa");
  link(model + "snapshots/c0ffee/sub/config.json", "../../../blobs/bbb");
  link(model + "snapshots/dead/model.bin", "../../blobs/absent");
  write("hub/models--gpt2/snapshots/1/x", "y");
  write("hub/datasets--other/x", "y");
  for (const fs::path& at : {folder_, folder_ / "hub"}) {
    const auto found = find_cached(at);
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_EQ(found->size(), 3U);
    EXPECT_EQ((*found)[0].source, "hf:gpt2");
    const CachedModel& whole = (*found)[1];
    EXPECT_EQ(whole.source, "hf:org/name");
    EXPECT_EQ(whole.commit, "c0ffee");
    EXPECT_EQ(whole.revision, "main");
    EXPECT_EQ(whole.bytes, 9U);
    ASSERT_EQ(whole.files.size(), 2U);
    EXPECT_EQ(whole.files[1].path, "sub/config.json");
    EXPECT_EQ(whole.files[0].source.filename(), "aaa");
    EXPECT_THAT((*found)[2].problem, HasSubstr("model.bin leads nowhere"));
  }
}

TEST_F(Caches, of_ollama_are_read_by_their_manifests) {
  const std::string digest(64, 'c');
  write("models/blobs/sha256-" + digest, "0123456789");
  const auto manifest = [&](const std::string& of, int size) {
    return R"({"layers":[{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:)" +
           of + R"(","size":)" + std::to_string(size) + "}]}";
  };
  const std::string at = "models/manifests/registry.example/";
  write(at + "library/phi/latest", manifest(digest, 10));
  write(at + "library/cut/latest", manifest(digest, 11));
  write(at + "library/lost/latest", manifest(std::string(64, 'd'), 10));
  write(at + "me/mine/1b", "no json");
  const auto found = find_cached(folder_);
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 4U);
  EXPECT_THAT((*found)[0].problem, HasSubstr("another size"));
  EXPECT_THAT((*found)[1].problem, HasSubstr("missing"));
  EXPECT_EQ((*found)[2].source, "ollama:phi:latest");
  EXPECT_EQ((*found)[2].files[0].path, "model.gguf");
  EXPECT_EQ((*found)[2].bytes, 10U);
  EXPECT_THAT((*found)[3].problem, HasSubstr("JSON"));
}

TEST_F(Caches, of_kubo_are_folders_of_blocks) {
  write("blocks/AB/CIQXXAB.data", "block");
  write("blocks/SHARDING", "/repo/flatfs/shard/v1/next-to-last/2");
  write("datastore_spec", "{}");
  const auto found = find_cached(folder_);
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().kind, CacheKind::kubo);
  EXPECT_EQ(found->front().bytes, 5U);
}

TEST_F(Caches, anything_else_is_told) {
  EXPECT_EQ(find_cached(folder_).error().code, Errc::unsupported);
  EXPECT_EQ(find_cached(folder_ / "none").error().code, Errc::not_found);
}

}  // namespace
}  // namespace accel::hub
