// SPDX-License-Identifier: Apache-2.0
#include "serving/sample_input.hpp"

#include <nlohmann/json.hpp>

#include "accel/ipld/multibase.hpp"

namespace accel::node {
namespace {

// A PNG of 64 x 64 gray pixels.
constexpr const char* kGrayPicture =
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+"
    "aJAAAAS0lEQVR42u3PMQ0AAAwDoEqv9ErYvQQckD4XAQEBAQEBAQEB"
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAYHLAB8+AWnmfUycAAAAAElFTkSuQmCC";
constexpr std::uint32_t kSampleRate = 16'000;
constexpr const char* kSentence = "The quick brown fox jumps over the lazy dog.";
constexpr const char* kPhonemes = "h\u0259l\u02C8o\u028A";  // What a voice takes: hello.

void put_le(Bytes& bytes, std::uint32_t value, int width) {
  for (int i = 0; i < width; ++i)
    bytes.push_back(static_cast<std::uint8_t>(value >> (8U * static_cast<unsigned>(i))));
}

// WAV: one channel of 16-bit zeros.
Bytes silent_second() {
  constexpr std::uint32_t kDataBytes = kSampleRate * 2;
  Bytes bytes;
  const auto put = [&](std::string_view text) {
    bytes.insert(bytes.end(), text.begin(), text.end());
  };
  put("RIFF");
  put_le(bytes, 36 + kDataBytes, 4);
  put("WAVEfmt ");
  put_le(bytes, 16, 4);
  put_le(bytes, 1, 2);  // PCM
  put_le(bytes, 1, 2);
  put_le(bytes, kSampleRate, 4);
  put_le(bytes, kSampleRate * 2, 4);
  put_le(bytes, 2, 2);
  put_le(bytes, 16, 2);
  put("data");
  put_le(bytes, kDataBytes, 4);
  bytes.resize(bytes.size() + kDataBytes);
  return bytes;
}

std::string base64(ByteView bytes) { return ipld::base_encode(ipld::Multibase::base64, bytes); }

}  // namespace

nlohmann::json sample_input(const models::FamilyInfo& family) {
  nlohmann::json input{{"task", family.task}};
  if (family.takes == "image") {
    input["image"] = kGrayPicture;
  } else if (family.takes == "image and texts") {
    input["image"] = kGrayPicture;
    input["inputs"] = {"a grey picture", kSentence};
  } else if (family.takes == "audio") {
    input["audio"] = base64(silent_second());
  } else if (family.takes == "file") {
    input["file"] = base64(as_bytes(kSentence));
  } else if (family.takes == "seed") {
    input["seed"] = 0;
  } else if (family.task == "text-to-speech") {
    input["inputs"] = {kPhonemes};
  } else {
    const bool masked = family.task == "fill-mask";
    input["inputs"] = {masked ? "The quick brown [MASK] jumps over the lazy dog." : kSentence};
    const bool asks = family.task == "question-answering" || family.task == "text-ranking";
    if (asks) input["query"] = "What does the fox jump over?";
  }
  return input;
}

}  // namespace accel::node
