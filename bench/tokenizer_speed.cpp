// SPDX-License-Identifier: Apache-2.0
// How fast a tokenizer.json is read, and how fast texts become ids and text again.
// usage: tokenizer_speed TOKENIZER_JSON TEXTS_JSON [--rounds N] [--print]
// TEXTS_JSON is a list of texts. Prints one line of JSON; with --print, in front of it, a line for
// each text: its ids, and what they decode to. bench/tokenizer_bench compares both with
// Hugging Face `tokenizers`.
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

#include "accel/core/file.hpp"
#include "accel/models/tokenizer.hpp"

namespace {

using namespace accel;
using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

constexpr models::EncodeOptions kWhole{models::EncodeOptions::kUnlimited, true};

Result<nlohmann::json> measure(const std::string& tokenizer_path, const std::string& texts_path,
                               int rounds, bool print) {
  ACCEL_TRY(const Bytes json, read_file(tokenizer_path, models::kMaxTokenizerBytes));
  ACCEL_TRY(const Bytes texts_json, read_file(texts_path, std::size_t{1} << 30U));
  const auto texts = nlohmann::json::parse(as_text(texts_json)).get<std::vector<std::string>>();
  const auto start = Clock::now();
  ACCEL_TRY(const models::Tokenizer tokenizer, models::Tokenizer::from_json(json));
  nlohmann::json result{{"load_ms", ms_since(start)}};
  for (std::size_t i = 0; print && i < texts.size(); ++i) {
    const models::Encoding encoding = tokenizer.encode(texts[i], kWhole);
    ACCEL_TRY(const std::string decoded, tokenizer.decode(encoding.ids));
    models::TextStream stream(tokenizer);
    std::string streamed;
    for (const std::int32_t id : encoding.ids) {
      ACCEL_TRY(const std::string piece, stream.push(id));
      streamed += piece;
    }
    ACCEL_TRY(const std::string rest, stream.finish());
    streamed += rest;
    const nlohmann::json line{
        {"ids", encoding.ids}, {"decoded", decoded}, {"streamed", streamed == decoded}};
    std::puts(line.dump().c_str());
  }
  std::size_t tokens = 0;
  for (int round = 0; round < rounds; ++round) {
    tokens = 0;
    const auto begin = Clock::now();
    for (const std::string& text : texts) tokens += tokenizer.encode(text, kWhole).ids.size();
    result["encode_ms"].push_back(ms_since(begin));
  }
  result["tokens"] = tokens;
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  int rounds = 0;
  bool print = false;
  for (int i = 3; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--print") print = true;
    if (argument == "--rounds" && i + 1 < argc) rounds = std::stoi(argv[i + 1]);
  }
  if (argc < 3) {
    std::fputs("usage: tokenizer_speed TOKENIZER_JSON TEXTS_JSON [--rounds N] [--print]\n", stderr);
    return 2;
  }
  const auto result = measure(argv[1], argv[2], rounds, print);
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    return 1;
  }
  std::puts(result->dump().c_str());
  return 0;
}
