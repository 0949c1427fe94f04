// SPDX-License-Identifier: Apache-2.0
#include "audit.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "accel/core/file.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

class AuditTest : public testing::Test {
 protected:
  AuditTest() {
    std::string pattern = testing::TempDir() + "audit-XXXXXX";
    home_ = Home{mkdtemp(pattern.data())};
  }
  ~AuditTest() override { std::filesystem::remove_all(home_.root); }

  std::vector<json> lines(const std::string& file = "audit.jsonl") const {
    std::vector<json> all;
    std::istringstream text(read_text_file(home_.logs() / file, 1U << 20U).value_or(""));
    for (std::string line; std::getline(text, line);) all.push_back(json::parse(line));
    return all;
  }

  Home home_;
};

TEST_F(AuditTest, says_who_changed_what_and_how_it_ended) {
  Audit audit(home_, system_clock());
  audit.note(Caller::token, "pin.add", {{"target", "bafy"}}, json{{"cid", "bafy"}});
  audit.note(Caller::socket, "pin.rm", {{"target", "x"}}, fail(Errc::not_found, "No such pin."));
  const auto found = lines();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].at("who"), "token");
  EXPECT_EQ(found[0].at("method"), "pin.add");
  EXPECT_EQ(found[0].at("target"), "bafy");
  EXPECT_EQ(found[0].at("outcome"), "ok");
  EXPECT_EQ(found[0].at("result").at("cid"), "bafy");
  EXPECT_EQ(found[1].at("outcome"), "not_found");
  struct stat info{};
  ASSERT_EQ(::stat((home_.logs() / "audit.jsonl").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(AuditTest, names_what_was_made_and_not_how) {
  Audit audit(home_, system_clock());
  audit.note(Caller::token, "block.put", {{"codec", "raw"}}, json{{"cid", "bafk"}});
  audit.note(Caller::token, "dag.put", {{"store_codec", "dag-cbor"}}, json{{"cid", "bafy"}});
  audit.note(Caller::token, "replicate.add", {{"target", "bafy"}}, json{{"cid", "bafy"}});
  audit.note(Caller::token, "replicate.remove", {{"target", "bafy"}}, json::object());
  const auto found = lines();
  ASSERT_EQ(found.size(), 4U);
  EXPECT_FALSE(found[0].contains("target"));
  EXPECT_EQ(found[0].at("result").at("cid"), "bafk");
  EXPECT_FALSE(found[1].contains("target"));
  EXPECT_EQ(found[2].at("target"), "bafy");
  EXPECT_EQ(found[3].at("method"), "replicate.remove");
}

TEST_F(AuditTest, is_silent_about_what_only_looks_and_what_is_only_tried) {
  Audit audit(home_, system_clock());
  audit.note(Caller::process, "content.cat", {{"target", "x"}}, json::object());
  audit.note(Caller::process, "content.add", {{"path", "x"}, {"only_hash", true}}, json::object());
  audit.note(Caller::process, "store.gc", {{"dry_run", true}}, json::object());
  EXPECT_FALSE(std::filesystem::exists(home_.logs() / "audit.jsonl"));
}

TEST_F(AuditTest, names_a_key_by_its_id_and_notes_what_it_was_not_allowed_once_a_second) {
  ManualClock clock;
  Audit audit(home_, clock);
  const auto entry = std::make_shared<const security::KeyEntry>();
  const Caller key{"ak_0123456789ab", security::Role::read, entry};
  const Error no{Errc::permission_denied, "No.", {}};
  audit.note(key, "pin.add", {{"target", "bafy"}}, json{{"cid", "bafy"}});
  for (int i = 0; i < 1000; ++i) audit.note_refusal(key, "content.cat", no);
  audit.note_refusal({"ak_ba9876543210", security::Role::read, entry}, "pin.rm", no);
  clock.advance(std::chrono::seconds(1));
  audit.note_refusal(key, "pin.rm", no);
  audit.note_refusal(Caller::stranger, "pin.rm", {Errc::unauthenticated, "No.", {}});
  const auto found = lines();
  ASSERT_EQ(found.size(), 4U) << "strangers can't write into it";
  EXPECT_EQ(found[0].at("who"), "ak_0123456789ab");
  EXPECT_EQ(found[1].at("outcome"), "permission_denied");
  EXPECT_EQ(found[2].at("who"), "ak_ba9876543210");
  EXPECT_EQ(found[3].at("method"), "pin.rm");
}

TEST_F(AuditTest, never_holds_a_secret) {
  Audit audit(home_, system_clock());
  audit.note(Caller::process, "key.import",
             {{"name", "a"}, {"path", "keys/secret.key"}, {"token", "hunter2"}},
             json{{"name", "a"}, {"private", "hunter2"}});
  audit.note(Caller::process, "block.put", {{"data", "hunter2"}}, json{{"cid", "bafk"}});
  for (const json& line : lines()) EXPECT_EQ(line.dump().find("hunter2"), std::string::npos);
}

TEST_F(AuditTest, stays_within_its_bounds) {
  Audit audit(home_, system_clock(), {.file_bytes = 2000, .old_files = 2});
  for (int i = 0; i < 200; ++i) {
    audit.note(Caller::process, "pin.add", {{"target", std::string(2000, 'x')}}, json::object());
    audit.note(Caller::process, "pin.add", {{"target", std::to_string(i)}}, json::object());
  }
  std::uintmax_t bytes = 0;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(home_.logs())) {
    if (entry.path().extension() != ".jsonl") continue;
    ++files;
    bytes += entry.file_size();
  }
  EXPECT_EQ(files, 3);
  EXPECT_LE(bytes, 3 * 2000U);
  EXPECT_EQ(lines().back().at("target"), "199");
}

}  // namespace
}  // namespace accel::node
