// SPDX-License-Identifier: Apache-2.0
#include "accel/security/key_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accel/core/file.hpp"

namespace accel::security {
namespace {

namespace fs = std::filesystem;

class KeyFileTest : public testing::Test {
 protected:
  KeyFileTest()
      : home_(fs::temp_directory_path() / ("accel-keys-" + random_hex(system_random(), 8))) {
    fs::create_directories(home_);
  }
  ~KeyFileTest() override {
    std::error_code ignored;
    fs::remove_all(home_, ignored);
  }
  void write(const std::string& text, unsigned mode = 0600) {
    ASSERT_TRUE(write_file_atomic(file(), as_bytes(text), mode));
  }
  static Status add_one(std::vector<ApiKey>& keys) {
    ApiKey key;
    key.role = Role::read;
    keys.push_back(make_api_key(key, WallTime{std::chrono::hours(1)}, system_random())->key);
    return {};
  }
  fs::path file() const { return home_ / "api_keys.json"; }
  std::string code() const {
    const auto keys = KeyFile(home_).load();
    return keys ? std::to_string(keys->size()) : std::string(errc_name(keys.error().code));
  }

  fs::path home_;
};

TEST_F(KeyFileTest, keeps_keys_for_its_owner_alone) {
  EXPECT_EQ(code(), "0") << "no file: no keys";
  ASSERT_TRUE(KeyFile(home_).update(add_one));
  ASSERT_TRUE(KeyFile(home_).update(add_one));
  EXPECT_EQ(code(), "2");
  struct stat info{};
  ASSERT_EQ(::stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(KeyFileTest, is_not_replaced_by_a_change_that_fails_or_when_it_is_broken) {
  ASSERT_TRUE(KeyFile(home_).update(add_one));
  const auto no = [](std::vector<ApiKey>& keys) -> Status {
    keys.clear();
    return fail(Errc::not_found, "No.");
  };
  EXPECT_FALSE(KeyFile(home_).update(no));
  EXPECT_EQ(code(), "1");
  write("{\"version\":1,\"keys\":[");
  EXPECT_FALSE(KeyFile(home_).update(add_one)) << "what is there could be mended by hand";
  EXPECT_EQ(code(), "corrupt");
}

TEST_F(KeyFileTest, is_refused_when_others_could_have_written_it) {
  for (const unsigned mode : {0640U, 0604U, 0620U, 0666U}) {
    write(write_api_keys({}), mode);
    ASSERT_EQ(::chmod(file().c_str(), mode), 0);
    EXPECT_EQ(code(), "permission_denied") << std::oct << mode;
  }
}

TEST_F(KeyFileTest, is_refused_when_it_is_a_link_a_folder_or_too_large) {
  const fs::path other = home_ / "other";
  ASSERT_TRUE(write_file_atomic(other, as_bytes(write_api_keys({}))));
  fs::create_symlink(other, file());
  EXPECT_EQ(code(), "permission_denied");
  fs::remove(file());
  fs::create_hard_link(other, file());
  EXPECT_EQ(code(), "permission_denied");
  fs::remove(file());
  fs::create_directory(file());
  EXPECT_EQ(code(), "permission_denied");
  fs::remove(file());
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
  EXPECT_EQ(code(), "permission_denied") << "and nobody waits for who writes into it";
  fs::remove(file());
  write(std::string((8U << 20U) + 1, ' '));
  EXPECT_EQ(code(), "resource_exhausted");
}

TEST_F(KeyFileTest, tells_when_it_was_replaced) {
  const KeyFile keys(home_);
  const auto none = keys.stamp();
  ASSERT_TRUE(keys.update(add_one));
  const auto one = keys.stamp();
  EXPECT_NE(none, one);
  EXPECT_EQ(one, keys.stamp());
  ASSERT_TRUE(keys.update([](std::vector<ApiKey>&) { return Status{}; }));
  EXPECT_NE(one, keys.stamp());
}

TEST(KeptUses, are_read_as_they_are_written_and_odd_ones_are_left_out) {
  const KeptUses uses{{"ak_0123456789ab", {WallTime{std::chrono::hours(5)}, {{1, 2}, {3, 4}}}}};
  const auto read = read_uses(write_uses(uses));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->at("ak_0123456789ab").last, WallTime{std::chrono::hours(5)});
  EXPECT_EQ(read->at("ak_0123456789ab").day.at(1).count, 4U);
  for (const char* text : {"", "[]", R"({"a":1})", R"({"a":{}})", R"({"a":{"last":"x"}})",
                           R"({"a":{"last":"2026-11-21T10:40:00Z","day":[[1]]}})",
                           R"({"a":{"last":"2026-11-21T10:40:00Z","day":[[1,-2]]}})",
                           R"({"a":{"last":"2026-11-21T10:40:00Z","day":[["1",2]]}})"}) {
    EXPECT_FALSE(read_uses(text)) << text;
  }
}

}  // namespace
}  // namespace accel::security
