// SPDX-License-Identifier: Apache-2.0
#include "protocols/openai_audio.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "accel/ipld/multibase.hpp"
#include "protocols/multipart.hpp"

namespace accel::server::openai {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFieldBytes = 64U << 10U;
constexpr std::size_t kMaxFields = 32;
constexpr std::string_view kFile = "file";
constexpr std::array<std::string_view, 5> kFormats{"json", "text", "verbose_json", "srt", "vtt"};

// The fields of a form: texts by their names, and the bytes of its file.
struct Form {
  json texts = json::object();
  std::optional<std::string> file;
};

class FormReader {
 public:
  Result<Form> read(std::string_view content_type, std::string_view body) {
    ACCEL_TRY(const std::string boundary, MultipartReader::boundary_of(content_type));
    MultipartReader reader(
        boundary,
        {[this](const PartHead& head) { return begin(head); },
         [this](std::string_view data) { return add(data); }, [this] { return end(); }},
        {.parts = kMaxFields});
    Status status = reader.feed(body);
    if (status) status = reader.finish();
    if (status) return std::move(form_);
    // Clients take resource_exhausted for a passing trouble and try again.
    if (status.error().code == Errc::resource_exhausted)
      status.error().code = Errc::invalid_argument;
    return fail(std::move(status).error());
  }

 private:
  Status begin(const PartHead& head) {
    name_ = head.name;
    value_.clear();
    const bool again = name_ == kFile ? form_.file.has_value() : form_.texts.contains(name_);
    if (!again || name_.ends_with("[]")) return {};
    return fail(Errc::invalid_argument, "The field \"{}\" comes twice.", name_.substr(0, 64));
  }

  Status add(std::string_view data) {
    const std::size_t most = name_ == kFile ? kMaxRecordingBytes : kMaxFieldBytes;
    if (value_.size() + data.size() > most) {
      return fail(Errc::invalid_argument, "The field \"{}\" has more than {} bytes.",
                  name_.substr(0, 64), most);
    }
    value_ += data;
    return {};
  }

  Status end() {
    if (name_ == kFile) {
      form_.file = std::move(value_);
    } else if (name_.ends_with("[]")) {
      form_.texts[name_].push_back(value_);
    } else {
      form_.texts[name_] = value_;
    }
    return {};
  }

  Form form_;
  std::string name_, value_;
};

// Times of words are not told here; segments' are, where they are asked for.
void read_granularities(BodyReader& reader, std::string_view format) {
  for (const char* const name : {"timestamp_granularities[]", "timestamp_granularities"}) {
    const json* const value = reader.value(name);
    if (value == nullptr) continue;
    const json list = value->is_array() ? *value : json::array({*value});
    for (const json& granularity : list) {
      if (granularity != "segment")
        reader.refuse(Errc::unsupported,
                      "Only the times of segments (timestamp_granularities[] segment) are told "
                      "here.");
    }
    if (format != "verbose_json")
      reader.refuse(Errc::invalid_argument,
                    "timestamp_granularities wants the response_format verbose_json.");
  }
}

void read_temperature(BodyReader& reader) {
  const std::string text = reader.text("temperature", "0");
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 1))
    return reader.refuse(Errc::invalid_argument, "temperature must be a number from 0 to 1.");
  if (value != 0)
    reader.refuse(Errc::unsupported,
                  "Only temperature 0 is there: the likeliest words are written.");
}

std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return text;
}

// "00:00:01,500" of SubRip, "00:00:01.500" of WebVTT.
std::string clock_text(double seconds, char point) {
  const auto ms = static_cast<std::uint64_t>(std::llround(std::max(seconds, 0.0) * 1000));
  return fmt::format("{:02}:{:02}:{:02}{}{:03}", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60,
                     point, ms % 1000);
}

std::string subtitles(const json& segments, bool vtt) {
  std::string out = vtt ? "WEBVTT\n\n" : "";
  const char point = vtt ? '.' : ',';
  std::size_t number = 0;
  for (const json& segment : segments) {
    if (!vtt) out += fmt::format("{}\n", ++number);
    // An arrow within a text would be taken for a cue's times.
    std::string text(trimmed(segment.at("text").get_ref<const std::string&>()));
    for (std::size_t at = 0; (at = text.find("-->", at)) != text.npos;) text.replace(at, 3, "->");
    out += fmt::format("{} --> {}\n{}\n\n", clock_text(segment.at("start").get<double>(), point),
                       clock_text(segment.at("end").get<double>(), point), text);
  }
  return out;
}

json usage_of(const json& result) {
  return {{"type", "duration"},
          {"seconds", static_cast<std::int64_t>(std::ceil(result.at("duration_s").get<double>()))}};
}

json verbose(const json& result) {
  json segments = json::array();
  for (const json& segment : result.at("segments")) {
    json row = segment;
    row["id"] = segments.size();
    row["temperature"] = 0.0;
    // In frames of 10 ms, as Whisper counts.
    row["seek"] = std::llround(segment.at("seek").get<double>() * 100);
    segments.push_back(std::move(row));
  }
  return {{"task", "transcribe"},
          {"language", result.at("language")},
          {"duration", result.at("duration_s")},
          {"text", result.at("text")},
          {"segments", std::move(segments)},
          {"usage", usage_of(result)}};
}

std::string json_text(const json& body) {
  return body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace

Result<TranscriptionRequest> transcription_request(std::string_view content_type,
                                                   std::string_view body) {
  ACCEL_TRY(Form form, FormReader().read(content_type, body));
  BodyReader reader(form.texts);
  TranscriptionRequest request{{"run", {{"record", false}}}, {}};
  request.run.params["model"] = reader.required_text("model");
  request.format = reader.text("response_format", "json");
  if (std::ranges::find(kFormats, request.format) == kFormats.end())
    reader.refuse(Errc::invalid_argument,
                  fmt::format("response_format must be one of {}.", fmt::join(kFormats, ", ")));
  if (const std::string language = reader.text("language", ""); !language.empty())
    request.run.params["language"] = language;
  read_granularities(reader, request.format);
  read_temperature(reader);
  reader.only("prompt", "");
  reader.only("stream", "false");
  ACCEL_CHECK(reader.finish());
  if (!form.file || form.file->empty())
    return fail(Errc::invalid_argument, "The form has no file, or an empty one.");
  request.run.params["task"] = "automatic-speech-recognition";
  request.run.params["audio"] = ipld::base_encode(ipld::Multibase::base64, as_bytes(*form.file));
  return request;
}

Result<TranscriptionReply> transcription_reply(std::string_view format, const json& result) {
  if (!result.contains("segments"))
    return fail(Errc::invalid_argument, "The model does not write down what is said.");
  if (format == "verbose_json")
    return TranscriptionReply{"application/json", json_text(verbose(result))};
  if (format == "json") {
    const json body{{"text", result.at("text")}, {"usage", usage_of(result)}};
    return TranscriptionReply{"application/json", json_text(body)};
  }
  if (format == "text")
    return TranscriptionReply{"text/plain; charset=utf-8",
                              result.at("text").get<std::string>() + "\n"};
  const bool vtt = format == "vtt";
  return TranscriptionReply{vtt ? "text/vtt; charset=utf-8" : "text/plain; charset=utf-8",
                            subtitles(result.at("segments"), vtt)};
}

}  // namespace accel::server::openai
