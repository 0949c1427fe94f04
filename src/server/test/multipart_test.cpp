// SPDX-License-Identifier: Apache-2.0
#include "protocols/multipart.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "accel/core/random.hpp"
#include "protocols/upload.hpp"

namespace accel::server {
namespace {

struct Part {
  std::string filename, type, data;
  bool ended = false;
};

struct Outcome {
  std::vector<Part> parts;
  Status status;
};

Outcome read(std::string_view text, std::size_t piece, MultipartLimits limits = {}) {
  Outcome outcome;
  MultipartReader reader("xyz",
                         {[&](const PartHead& head) {
                            outcome.parts.push_back({head.filename, head.content_type, {}});
                            return Status{};
                          },
                          [&](std::string_view data) {
                            outcome.parts.back().data += data;
                            return Status{};
                          },
                          [&] {
                            outcome.parts.back().ended = true;
                            return Status{};
                          }},
                         limits);
  while (!text.empty() && outcome.status) {
    outcome.status = reader.feed(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
  }
  if (outcome.status) outcome.status = reader.finish();
  return outcome;
}

std::string part(const std::string& filename, const std::string& data,
                 const std::string& type = "application/octet-stream") {
  return "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + filename +
         "\"\r\nContent-Type: " + type + "\r\n\r\n" + data + "\r\n";
}
constexpr const char* kEnd = "--xyz--\r\n";

TEST(Multipart, is_read_the_same_in_pieces_of_any_size) {
  const std::string tricky = "\r\n--xy\r\n--xyZ\r\n\r\n--";
  const std::string text =
      part("a", "hello") + part("b%2Fc", tricky) + part("d", "") + part("e", "\r\n") + kEnd;
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    const auto outcome = read(text, piece);
    ASSERT_TRUE(outcome.status) << piece << ": " << outcome.status.error().message;
    ASSERT_EQ(outcome.parts.size(), 4U) << piece;
    EXPECT_EQ(outcome.parts[0].data, "hello");
    EXPECT_EQ(outcome.parts[1].data, tricky);
    EXPECT_EQ(outcome.parts[1].filename, "b%2Fc");
    EXPECT_EQ(outcome.parts[2].data, "");
    EXPECT_EQ(outcome.parts[3].data, "\r\n");
    EXPECT_TRUE(outcome.parts[3].ended);
  }
}

TEST(Multipart, takes_folders_as_kubos_client_sends_them) {
  // Without bytes there is no line between the head and the boundary.
  const std::string folder =
      "--xyz\r\nContent-Disposition: form-data; name=\"dir\"; filename=\"d\"\r\n"
      "Content-Type: application/x-directory\r\n\r\n\r\n";
  const auto outcome = read(folder + part("d%2Fa", "1") + kEnd, 7);
  ASSERT_TRUE(outcome.status) << outcome.status.error().message;
  EXPECT_EQ(outcome.parts[0].type, "application/x-directory");
  EXPECT_EQ(outcome.parts[0].data, "");
}

TEST(Multipart, that_is_none_is_refused) {
  for (const std::string& text : {std::string("hello"), std::string("--xyz\r\n"), part("a", "1"),
                                  std::string("--xyzz\r\n"), std::string("--xyz hello\r\n\r\n")}) {
    const auto outcome = read(text, 4);
    ASSERT_FALSE(outcome.status) << text;
    EXPECT_EQ(outcome.status.error().code, Errc::invalid_argument);
  }
}

TEST(Multipart, has_limits) {
  EXPECT_EQ(read(part(std::string(10'000, 'a'), "1") + kEnd, 100).status.error().code,
            Errc::resource_exhausted);
  const std::string many = part("a", "") + part("b", "") + part("c", "") + kEnd;
  EXPECT_EQ(read(many, 100, {.parts = 2}).status.error().code, Errc::resource_exhausted);
  EXPECT_FALSE(read(std::string(20'000, ' '), 100).status);
}

TEST(Multipart, takes_many_parts_of_one_piece_in_linear_time) {
  std::string text;
  for (std::size_t i = 0; i < kMaxUploadParts; ++i) text += part("f", "1");
  const auto outcome = read(text + kEnd, 64 << 20U);  // Erased part by part: some 5 GB moved.
  ASSERT_TRUE(outcome.status) << outcome.status.error().message;
  EXPECT_EQ(outcome.parts.size(), kMaxUploadParts);
  EXPECT_EQ(outcome.parts.back().data, "1");
  EXPECT_EQ(read(text + part("f", "1") + kEnd, 64 << 20U).status.error().code,
            Errc::resource_exhausted);
}

TEST(Multipart, random_data_survives_random_pieces) {
  const std::uint64_t seed = system_random().next_u64();
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (int i = 0; i < 200; ++i) {
    std::string data;
    const std::size_t size = random.below(300);
    while (data.size() < size) data += "\r\n-xyz"[random.below(6)];
    if (data.find("\r\n--xyz") != data.npos || data.starts_with("--xyz")) continue;
    const auto outcome = read(part("f", data) + kEnd, 1 + random.below(50));
    ASSERT_TRUE(outcome.status) << outcome.status.error().message;
    ASSERT_EQ(outcome.parts.front().data, data);
  }
}

TEST(Multipart, boundaries_are_read_from_the_content_type) {
  EXPECT_EQ(MultipartReader::boundary_of("multipart/form-data; boundary=abc").value(), "abc");
  EXPECT_EQ(
      MultipartReader::boundary_of("Multipart/Form-Data; charset=x; Boundary=\"a b;c\"").value(),
      "a b;c");
  EXPECT_FALSE(MultipartReader::boundary_of("multipart/form-data"));
  EXPECT_FALSE(MultipartReader::boundary_of("text/plain; boundary=abc"));
  EXPECT_FALSE(
      MultipartReader::boundary_of("multipart/form-data; boundary=" + std::string(71, 'a')));
}

TEST(UploadPath, stays_in_its_folder) {
  EXPECT_EQ(upload_path("a%2Fb%20c").value(), "a/b c");
  EXPECT_EQ(upload_path("/a/b/").value(), "a/b");
  EXPECT_EQ(upload_path("").value(), "");
  for (const char* name : {"..", "a/../b", "a%2F..%2Fb", "%2e%2e/x", ".", "a//b", "a%00b", "%zz"}) {
    EXPECT_FALSE(upload_path(name)) << name;
  }
  EXPECT_FALSE(upload_path(std::string(256, 'a')));
}

TEST(Upload, that_ends_early_hands_its_folder_on_and_removes_nothing_itself) {
  std::string pattern = testing::TempDir() + "upload-XXXXXX";
  const std::filesystem::path parent(mkdtemp(pattern.data()));
  OffloadPool pool(1);
  std::optional<UploadFolder> left;
  net::HttpRequest head;
  head.headers.add("Content-Type", "multipart/form-data; boundary=xyz");
  {
    const auto upload = Upload::open(
        head, parent, pool, [&left](UploadFolder folder) { left.emplace(std::move(folder)); });
    ASSERT_TRUE(upload) << upload.error().message;
  }
  ASSERT_TRUE(left);
  const std::filesystem::path folder = left->path();
  EXPECT_TRUE(std::filesystem::is_directory(folder));
  left.reset();
  EXPECT_FALSE(std::filesystem::exists(folder));
  left.reset();
  {
    const auto upload = Upload::open(head, parent, pool,
                                     [&left](UploadFolder kept) { left.emplace(std::move(kept)); });
    (*upload)->remove();
  }
  EXPECT_FALSE(left);  // Nothing was left.
  std::filesystem::remove_all(parent);
}

}  // namespace
}  // namespace accel::server
