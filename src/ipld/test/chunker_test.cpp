// SPDX-License-Identifier: Apache-2.0
// Cuts by content, the trickle layout and blocks inside their CIDs. Vectors:
// test/data/ipld/kubo_shapes.json, minted by Kubo 0.43.1.
#include "accel/ipld/chunker.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "accel/core/file.hpp"
#include "import_support.hpp"

namespace accel::ipld {
namespace {

using nlohmann::json;
using testing::Blocks;
using testing::import_bytes;

constexpr std::size_t kLongest = 4U << 20U;

ImportProfile with_chunker(std::string_view chunker) {
  ImportProfile profile = unixfs_v1_2025();
  EXPECT_TRUE(set_chunker(profile, chunker)) << chunker;
  return profile;
}

Bytes input_of(const std::string& name) {
  static const Bytes stream = testing::hash_stream(kLongest);
  const std::size_t size = std::stoull(name.substr(name.find('_') + 1));
  return name.starts_with("zeros") ? Bytes(size, 0) : to_bytes(ByteView(stream).first(size));
}

ImportProfile profile_of(const std::string& flags) {
  ImportProfile profile = unixfs_v0_2015();
  std::istringstream words(flags);
  for (std::string flag; words >> flag;) {
    const std::string value = flag.substr(flag.find('=') + 1);
    if (flag == "--cid-version=1") profile.cid_version = 1;
    if (flag == "--cid-version=1") profile.raw_leaves = true;
    if (flag.starts_with("--raw-leaves")) profile.raw_leaves = value != "false";
    if (flag == "--trickle") profile.shape = FileShape::trickle;
    if (flag == "--inline") profile.inline_limit = 32;
    if (flag.starts_with("--inline-limit=")) profile.inline_limit = 100;
    if (flag.starts_with("--max-file-links=")) profile.max_links = 5;
    if (flag.starts_with("--chunker=") && !set_chunker(profile, value)) {
      throw std::runtime_error("no chunker " + value);
    }
  }
  return profile;
}

TEST(KuboShapes, files_get_the_cids_of_kubo_and_read_back) {
  const auto text =
      read_text_file(std::string(ACCEL_TEST_DATA) + "/ipld/kubo_shapes.json", 1 << 20);
  ASSERT_TRUE(text) << text.error().message;
  int compared = 0;
  const json vectors = json::parse(*text);
  for (const json& row : vectors["rows"]) {
    SCOPED_TRACE(row.dump());
    const ImportProfile profile = profile_of(row["flags"]);
    ASSERT_TRUE(check_profile(profile));
    const Bytes file = input_of(row["input"]);
    Blocks blocks;
    const Built built = import_bytes(profile, file, &blocks);
    EXPECT_EQ(built.root.to_string(), row["cid"]);
    Bytes back;
    const Status read = testing::read_back(built.root, blocks, back);
    EXPECT_TRUE(read) << read.error().message;
    EXPECT_EQ(back, file);
    ++compared;
  }
  EXPECT_EQ(compared, 123);
}

TEST(Chunker, cuts_depend_on_the_bytes_since_the_last_cut_alone) {
  const Bytes stream = input_of("stream_1000000");
  for (const char* name : {"rabin-1000-4096-10000", "buzhash"}) {
    const ImportProfile profile = with_chunker(name);
    ByteView rest = stream;
    while (!rest.empty()) {
      const std::size_t cut = next_leaf_bytes(profile, rest);
      ASSERT_GT(cut, 0U);
      ASSERT_LE(cut, std::min<std::size_t>(profile.chunk_size, rest.size()));
      const ByteView bounded = rest.first(std::min<std::size_t>(profile.chunk_size, rest.size()));
      ASSERT_EQ(next_leaf_bytes(profile, bounded), cut);
      rest = rest.subspan(cut);
    }
  }
}

TEST(Chunker, an_inserted_byte_moves_few_cuts) {
  const ImportProfile profile = with_chunker("rabin-1000-4096-10000");
  Bytes file = input_of("stream_1000000");
  Blocks before;
  import_bytes(profile, file, &before);
  file.insert(file.begin() + 300'000, 7);
  Blocks after;
  import_bytes(profile, file, &after);
  const auto added = std::ranges::count_if(
      after, [&](const auto& block) { return !before.contains(block.first); });
  EXPECT_LE(added, 6);
}

TEST(Chunker, what_is_no_chunker_is_refused) {
  for (const char* text : {"", "size", "size-", "size-x", "size-1-2", "rabin-", "rabin-1-2",
                           "rabin-1-2-3-4", "rabin-18446744073709551615", "buzhash-1", "cuckoo"}) {
    ImportProfile profile = unixfs_v1_2025();
    const Status set = set_chunker(profile, text);
    ASSERT_FALSE(set) << text;
    EXPECT_EQ(set.error().code, Errc::invalid_argument);
    EXPECT_EQ(profile, unixfs_v1_2025());
  }
  for (const char* text : {"rabin-15-100-300", "rabin-100-100-300", "rabin-16-300-300", "size-0",
                           "rabin-16-32-2097152", "rabin-40", "rabin-2000000"}) {
    EXPECT_FALSE(check_profile(with_chunker(text))) << text;
  }
}

}  // namespace
}  // namespace accel::ipld
