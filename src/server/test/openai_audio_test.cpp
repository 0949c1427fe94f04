// SPDX-License-Identifier: Apache-2.0
// Forms of /v1/audio/transcriptions and the five formats of its answers.
#include "protocols/openai_audio.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::server::openai {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kType = "multipart/form-data; boundary=b";

std::string form(const Fields& fields) {
  std::string body;
  for (const auto& [name, value] : fields) {
    const std::string filename = name == "file" ? R"(; filename="a.wav")" : "";
    body += "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"" + filename + "\r\n\r\n" +
            value + "\r\n";
  }
  return body + "--b--\r\n";
}

Fields asked(const Fields& more = {}) {
  Fields fields{{"file", "RIFF"}, {"model", "whisper"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

TEST(Transcriptions, ask_for_a_run_of_a_model_that_hears) {
  const auto wish = transcription_request(
      kType, form(asked({{"language", "en"}, {"response_format", "srt"}, {"temperature", "0.0"}})));
  ASSERT_TRUE(wish) << wish.error().to_string();
  EXPECT_EQ(wish->run.method, "run");
  EXPECT_EQ(wish->run.params, (json{{"model", "whisper"},
                                    {"audio", "UklGRg"},
                                    {"language", "en"},
                                    {"task", "automatic-speech-recognition"},
                                    {"record", false}}));
  EXPECT_EQ(wish->format, "srt");
  EXPECT_EQ(transcription_request(kType, form(asked()))->format, "json");
  const Fields times{{"response_format", "verbose_json"}, {"timestamp_granularities[]", "segment"}};
  EXPECT_TRUE(transcription_request(kType, form(asked(times))));
}

TEST(Transcriptions, refuse_by_name_what_is_wrong_or_not_here) {
  const std::pair<Fields, const char*> wrong[] = {
      {{{"model", "whisper"}}, "no file"},
      {{{"model", "whisper"}, {"file", ""}}, "no file"},
      {{{"file", "RIFF"}}, "model"},
      {asked({{"response_format", "mp4"}}), "response_format"},
      {asked({{"temperature", "0.5"}}), "temperature 0"},
      {asked({{"temperature", "nan"}}), "temperature"},
      {asked({{"temperature", "hot"}}), "temperature"},
      {asked({{"stream", "true"}}), "stream"},
      {asked({{"prompt", "Names: Ada"}}), "prompt"},
      {asked({{"chunking_strategy", "auto"}}), "chunking_strategy"},
      {asked({{"timestamp_granularities[]", "word"}}), "segment"},
      {asked({{"timestamp_granularities[]", "segment"}}), "verbose_json"},
      {asked({{"model", "other"}}), "twice"},
      {asked({{"file", "RIFF"}}), "twice"},
      {asked({{"language", std::string(70'000, 'x')}}), "language"}};
  for (const auto& [fields, words] : wrong) {
    const auto wish = transcription_request(kType, form(fields));
    ASSERT_FALSE(wish) << words;
    EXPECT_THAT(wish.error().message, HasSubstr(words));
    EXPECT_NE(wish.error().code, Errc::resource_exhausted);  // Clients would try again.
  }
  const std::string large(kMaxRecordingBytes + 1, 'x');
  EXPECT_THAT(transcription_request(kType, form({{"file", large}})).error().message,
              HasSubstr("more than"));
  EXPECT_FALSE(transcription_request("application/json", "{}"));
  const std::string whole = form(asked());
  for (std::size_t size = 0; size < whole.size() - 4; ++size)
    EXPECT_FALSE(transcription_request(kType, whole.substr(0, size))) << size;
  EXPECT_FALSE(transcription_request(kType, form(Fields(40, {"x[]", "y"}))));
}

const json kResult{
    {"text", "Hello. You --> there."},
    {"language", "en"},
    {"duration_s", 3661.5},
    {"segments",
     {{{"start", 0.0}, {"end", 1.5}, {"text", " Hello."}, {"seek", 0.0}, {"tokens", {1, 2}}},
      {{"start", 3600.25},
       {"end", 3661.5},
       {"text", " You --> there."},
       {"seek", 3590.5},
       {"tokens", {3}}}}}};

std::string written(std::string_view format) {
  const auto reply = transcription_reply(format, kResult);
  EXPECT_TRUE(reply);
  return reply->body;
}

TEST(Transcriptions, are_written_in_five_formats) {
  EXPECT_EQ(written("text"), "Hello. You --> there.\n");
  EXPECT_EQ(json::parse(written("json")),
            (json{{"text", "Hello. You --> there."},
                  {"usage", {{"type", "duration"}, {"seconds", 3662}}}}));
  EXPECT_EQ(written("srt"),
            "1\n00:00:00,000 --> 00:00:01,500\nHello.\n\n"
            "2\n01:00:00,250 --> 01:01:01,500\nYou -> there.\n\n");
  EXPECT_EQ(written("vtt"),
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHello.\n\n"
            "01:00:00.250 --> 01:01:01.500\nYou -> there.\n\n");
  const json verbose = json::parse(written("verbose_json"));
  EXPECT_EQ(verbose["task"], "transcribe");
  EXPECT_EQ(verbose["duration"], 3661.5);
  EXPECT_EQ(verbose["segments"][1]["id"], 1);
  EXPECT_EQ(verbose["segments"][1]["seek"], 359050);
  EXPECT_EQ(transcription_reply("vtt", kResult)->content_type, "text/vtt; charset=utf-8");
  EXPECT_EQ(transcription_reply("json", json{{"results", json::array()}}).error().code,
            Errc::invalid_argument);
}

}  // namespace
}  // namespace accel::server::openai
