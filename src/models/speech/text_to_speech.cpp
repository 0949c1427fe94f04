// SPDX-License-Identifier: Apache-2.0
// Piper's voices (VITS): phonemes become ids, ids a recording. Phonemes and not words, because what
// turns words into them (espeak-ng) is a program of its own under the GPL, which is not shipped
// here. Spec: piper's voice files (NAME.onnx.json) and phonemes_to_ids().
#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "audio/wav.hpp"
#include "families.hpp"
#include "json_fields.hpp"
#include "labels.hpp"
#include "model_files.hpp"
#include "tokenizer/unicode.hpp"

namespace accel::models {
namespace {

using nlohmann::json;
using tensor::DType;
using tensor::Tensor;
using Ids = std::vector<std::int64_t>;

constexpr std::size_t kMaxPhonemes = 2000;  // Some two minutes; the work grows with its square.
constexpr std::size_t kMaxIds = 16;         // Of one phoneme.
constexpr std::size_t kNumbers = 4096;      // Samples that engines are compared by.
constexpr double kMaxNoise = 2, kMinLength = 0.1, kMaxLength = 10;

struct Scales {
  double noise = 0.667, length = 1, noise_w = 0.8;
};

struct Voice {
  std::uint32_t sample_rate = 0;
  std::size_t speakers = 1;
  Scales scales;
  std::map<char32_t, Ids> phonemes;
};

struct Utterance {
  Ids ids;
  Scales scales;
  std::int64_t speaker = 0;
};

// The character where a key has one alone.
std::optional<char32_t> only_character(std::string_view key) {
  if (key.empty()) return std::nullopt;
  std::size_t at = 0;
  const char32_t character = next_code_point(key, at);
  return at == key.size() ? std::optional(character) : std::nullopt;
}

Status read_phonemes(const json& root, Voice& voice, std::string_view what) {
  const json* const map = find_field(root, "phoneme_id_map");
  if (map == nullptr || !map->is_object())
    return fail(Errc::corrupt, "{} has no phoneme_id_map.", what);
  for (const auto& [key, list] : map->items()) {
    const auto character = only_character(key);
    const bool fits = list.is_array() && !list.empty() && list.size() <= kMaxIds &&
                      std::ranges::all_of(list, [](const json& id) {
                        return id.is_number_integer() && id.get<std::int64_t>() >= 0;
                      });
    if (!fits) return fail(Errc::corrupt, "{}: the phoneme '{}' has no list of ids.", what, key);
    if (character) voice.phonemes[*character] = list.get<Ids>();
  }
  for (const char32_t mark : {U'^', U'_', U'$'}) {
    if (!voice.phonemes.contains(mark))
      return fail(Errc::corrupt, "{}: phoneme_id_map lacks one of ^, _ and $.", what);
  }
  return {};
}

double number_or(const json& object, std::string_view key, double fallback) {
  const json* const value = find_field(object, key);
  return value != nullptr && value->is_number() ? value->get<double>() : fallback;
}

Result<Voice> read_voice(const json& root, std::string_view what) {
  Voice voice;
  const json none = json::object();
  const json* const audio = find_field(root, "audio");
  ACCEL_TRY(const auto rate, count_field(audio == nullptr ? none : *audio, "sample_rate", what));
  if (!rate || *rate < kMinSampleRate || *rate > kMaxSampleRate)
    return fail(Errc::corrupt, "{} says no audio.sample_rate that can be.", what);
  voice.sample_rate = static_cast<std::uint32_t>(*rate);
  ACCEL_TRY(const auto speakers, count_field(root, "num_speakers", what));
  voice.speakers = speakers.value_or(1);
  if (const json* const given = find_field(root, "inference")) {
    voice.scales.noise = number_or(*given, "noise_scale", voice.scales.noise);
    voice.scales.length = number_or(*given, "length_scale", voice.scales.length);
    voice.scales.noise_w = number_or(*given, "noise_w", voice.scales.noise_w);
  }
  ACCEL_CHECK(read_phonemes(root, voice, what));
  return voice;
}

class SpokenWorkload final : public Workload {
 public:
  SpokenWorkload(const Voice& voice, Utterance utterance)
      : voice_(voice), utterance_(std::move(utterance)) {}

  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    const Ids& ids = utterance_.ids;
    const auto count = std::ssize(ids);
    const Scales& scales = utterance_.scales;
    ACCEL_TRY(const Tensor input,
              Tensor::copy_of<std::int64_t>({1, count}, std::span<const std::int64_t>(ids)));
    ACCEL_TRY(const Tensor lengths, Tensor::of<std::int64_t>({1}, {count}));
    ACCEL_TRY(const Tensor factors, Tensor::of<float>({3}, {static_cast<float>(scales.noise),
                                                            static_cast<float>(scales.length),
                                                            static_cast<float>(scales.noise_w)}));
    ACCEL_TRY(const Tensor speaker, Tensor::of<std::int64_t>({1}, {utterance_.speaker}));
    const std::pair<std::string_view, const Tensor*> known[] = {
        {"input", &input}, {"input_lengths", &lengths}, {"scales", &factors}, {"sid", &speaker}};
    std::vector<inference::NamedTensor> given;
    for (const inference::TensorSpec& spec : session.inputs()) {
      const auto found =
          std::ranges::find(known, spec.name, [](const auto& row) { return row.first; });
      if (found == std::end(known))
        return fail(Errc::unsupported, "The model wants {}, which no voice of Piper has.",
                    to_string(spec));
      given.push_back({found->first, found->second});
    }
    ACCEL_TRY(const std::vector<Tensor> outputs, session.run(given, {}, options));
    return recording(outputs.at(0));
  }
  std::uint64_t length() const override { return utterance_.ids.size(); }

  // The same without chance, so that engines can be compared.
  std::unique_ptr<Sample> sample() const override {
    Utterance steady = utterance_;
    steady.scales.noise = steady.scales.noise_w = 0;
    auto workload = std::make_unique<SpokenWorkload>(voice_, std::move(steady));
    return std::make_unique<Sample>(Sample{std::move(workload), 1});
  }

 private:
  Result<FamilyResult> recording(const Tensor& output) const {
    ACCEL_TRY(const auto samples, finite_values(output, "output"));
    if (samples.empty()) return fail(Errc::unsupported, "The model gave a recording of no length.");
    FamilyResult result;
    const auto compared = samples.first(std::min(samples.size(), kNumbers));
    result.numbers.emplace_back(compared.begin(), compared.end());
    result.tokens = utterance_.ids.size();
    result.media = MadeMedia{"audio/wav", write_wav(samples, voice_.sample_rate)};
    return result;
  }

  const Voice& voice_;
  const Utterance utterance_;
};

class TextToSpeech final : public Family {
 public:
  explicit TextToSpeech(Voice voice) : voice_(std::move(voice)) {}

  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(expect_texts(input, false));
    if (input.texts.size() != 1)
      return fail(Errc::invalid_argument, "A voice says one --input at a time, not {}.",
                  input.texts.size());
    if (input.seed) {
      return fail(Errc::unsupported,
                  "A voice draws its noise inside its graph, which takes no seed: --parameter "
                  "noise_scale=0 --parameter noise_w=0 make it the same each time.");
    }
    Utterance utterance;
    ACCEL_TRY(utterance.ids, ids_of(input.texts[0]));
    ACCEL_CHECK(read_parameters(input.parameters, utterance));
    return std::make_unique<SpokenWorkload>(voice_, std::move(utterance));
  }

 private:
  // ^ _ p _ p _ … $, as the voice was trained.
  Result<Ids> ids_of(std::string_view text) const {
    Ids ids;
    const auto append = [&](char32_t phoneme) {
      const Ids& found = voice_.phonemes.at(phoneme);
      ids.insert(ids.end(), found.begin(), found.end());
    };
    append(U'^');
    append(U'_');
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t begin = at;
      const char32_t character = next_code_point(text, at);
      // Voices know letters with their marks apart, where they do not know them whole.
      const bool whole = voice_.phonemes.contains(character);
      for (const char32_t phoneme : whole ? CodePoints{character} : to_nfd({character})) {
        if (!voice_.phonemes.contains(phoneme)) return fail_unknown(text.substr(begin, at - begin));
        if (++count > kMaxPhonemes)
          return fail(Errc::invalid_argument, "A voice says up to {} phonemes at a time.",
                      kMaxPhonemes);
        append(phoneme);
        append(U'_');
      }
    }
    append(U'$');
    if (count > 0) return ids;
    return fail(Errc::invalid_argument, "There is nothing to say: the text is empty.");
  }

  static tl::unexpected<Error> fail_unknown(std::string_view character) {
    return fail(Errc::invalid_argument,
                "The voice has no phoneme '{}'. It takes phonemes (IPA) and not words: həlˈoʊ, "
                "not Hello. What makes them of words is a program of its own, such as espeak-ng "
                "(espeak-ng -q --ipa).",
                is_utf8(character) ? character : "?");
  }

  Status read_parameters(const std::map<std::string, double>& given, Utterance& utterance) const {
    utterance.scales = voice_.scales;
    double speaker = 0;
    struct Known {
      std::string_view name;
      double* value;
      double least, most;
    };
    const double last = static_cast<double>(std::max<std::size_t>(voice_.speakers, 1) - 1);
    const Known known[] = {{"noise_scale", &utterance.scales.noise, 0, kMaxNoise},
                           {"length_scale", &utterance.scales.length, kMinLength, kMaxLength},
                           {"noise_w", &utterance.scales.noise_w, 0, kMaxNoise},
                           {"speaker", &speaker, 0, last}};
    for (const auto& [name, value] : given) {
      const auto found = std::ranges::find(known, name, &Known::name);
      if (found == std::end(known))
        return fail(Errc::invalid_argument,
                    "A voice takes noise_scale, length_scale, noise_w and speaker, and not {}.",
                    name);
      if (!(value >= found->least && value <= found->most))
        return fail(Errc::invalid_argument, "{} must be from {} to {}.", name, found->least,
                    found->most);
      *found->value = value;
    }
    utterance.speaker = std::llround(speaker);
    return {};
  }

  Voice voice_;
};

}  // namespace

OpenedFamily open_text_to_speech(const ModelManifest& manifest, const Fetcher& fetcher) {
  if (manifest.family != "piper" || manifest.variants.empty()) {
    return fail(Errc::unsupported, "Speech by {} is not implemented here; voices of Piper are.",
                manifest.family.empty() ? "a model of no named family" : manifest.family);
  }
  const std::string path = manifest.variants.front().entry + ".json";
  ACCEL_TRY(const json root,
            read_json_file(manifest.files, fetcher, path, "what phonemes the voice knows"));
  ACCEL_TRY(Voice voice, read_voice(root, path));
  return std::make_shared<const TextToSpeech>(std::move(voice));
}

}  // namespace accel::models
