// SPDX-License-Identifier: Apache-2.0
#include "accel/server/api_frames.hpp"

#include <gtest/gtest.h>

namespace accel::server {
namespace {

using nlohmann::json;

struct Heard {
  std::vector<json> progress;
  std::string bytes;
  FrameReader::Handlers handlers() {
    return {[this](const json& step) { progress.push_back(step); },
            [this](ByteView piece) {
              bytes += as_text(piece);
              return Status{};
            }};
  }
};

TEST(ApiFrames, read_back_what_was_written_in_pieces_of_any_size) {
  const std::string stream = progress_frame({{"phase", "pull"}}) +
                             bytes_frame(as_bytes("line\nbreak")) + bytes_frame({}) +
                             result_frame({{"cid", "bafkqaaa"}});
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    Heard heard;
    FrameReader reader(heard.handlers());
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      ASSERT_TRUE(reader.feed(as_bytes(std::string_view(stream).substr(at, piece))));
    }
    EXPECT_EQ(heard.progress.size(), 1U);
    EXPECT_EQ(heard.bytes, "line\nbreak");
    EXPECT_EQ(reader.finish().value(), json({{"cid", "bafkqaaa"}}));
  }
}

TEST(ApiFrames, carry_an_error_with_its_code_and_cause) {
  FrameReader reader({});
  ASSERT_TRUE(reader.feed(as_bytes(error_frame({Errc::corrupt, "A leaf lies.", "hash"}))));
  EXPECT_EQ(reader.finish().error().code, Errc::corrupt);
  EXPECT_EQ(reader.finish().error().to_string(), "A leaf lies. (hash)");
}

TEST(ApiFrames, report_a_stream_that_ends_before_its_result) {
  FrameReader reader({});
  ASSERT_TRUE(reader.feed(as_bytes(progress_frame({{"phase", "pull"}}))));
  EXPECT_EQ(reader.finish().error().code, Errc::protocol);
}

TEST(ApiFrames, refuse_what_is_not_the_format) {
  for (const char* stream :
       {"hello\n", "[1]\n", "{\"bytes\":-1}\n", "{\"bytes\":1e30}\n", "{\"a\":1}\n",
        "{\"result\":1}\nmore\n", "{\"bytes\":2}\nab", "{\"result\":1,\"x\":2}\n"}) {
    FrameReader reader({});
    EXPECT_FALSE(reader.feed(as_bytes(stream))) << stream;
  }
}

TEST(ApiFrames, refuse_a_line_without_end) {
  FrameReader reader({});
  const std::string piece(1U << 20U, 'x');
  Status status;
  for (int i = 0; i < 80 && status; ++i) status = reader.feed(as_bytes(piece));
  EXPECT_EQ(status.error().code, Errc::protocol);
}

TEST(ApiFrames, replace_invalid_utf8_instead_of_throwing) {
  FrameReader reader({});
  ASSERT_TRUE(reader.feed(as_bytes(result_frame({{"name", "\xFF"}}))));
  EXPECT_TRUE(reader.finish());
}

}  // namespace
}  // namespace accel::server
