// SPDX-License-Identifier: Apache-2.0
// WAV files of every encoding that is read, and what is wrong with others; stretches of speech.
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "accel/models/family.hpp"
#include "audio/audio_file.hpp"
#include "audio/ogg_head.hpp"
#include "audio/request_audio.hpp"
#include "audio/resample.hpp"
#include "audio/wav.hpp"
#include "speech/speech_segments.hpp"
#include "test_files.hpp"

namespace accel::models {
namespace {

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void put(Bytes& out, std::uint32_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i)
    out.push_back(static_cast<std::uint8_t>(value >> (8U * i)));
}

struct Wav {
  std::uint16_t encoding = 1, channels = 1, bits = 16;
  std::uint32_t rate = 16000;
  Bytes data = {};

  Bytes file(std::int64_t data_bytes = -1) const {
    Bytes out = to_bytes("RIFF");
    put(out, 0, 4);
    append(out, as_bytes(std::string_view("WAVELIST")));
    put(out, 3, 4);
    append(out, as_bytes(std::string_view("abc\0", 4)));  // An odd chunk has a byte of padding.
    append(out, as_bytes(std::string_view("fmt ")));
    put(out, 16, 4);
    const auto block = static_cast<std::uint32_t>(channels * (bits / 8));
    put(out, encoding, 2);
    put(out, channels, 2);
    put(out, rate, 4);
    put(out, rate * block, 4);
    put(out, block, 2);
    put(out, bits, 2);
    append(out, as_bytes(std::string_view("data")));
    put(out, static_cast<std::uint32_t>(data_bytes < 0 ? std::ssize(data) : data_bytes), 4);
    append(out, data);
    return out;
  }
};

std::vector<float> samples_of(const Bytes& file) {
  const auto audio = read_wav(file);
  EXPECT_TRUE(audio) << audio.error().to_string();
  return audio ? audio->samples : std::vector<float>();
}

TEST(WavFiles, of_each_width_give_samples_from_minus_one_to_one) {
  EXPECT_EQ(samples_of(Wav{.bits = 8, .data = {0, 128, 192}}.file()),
            (std::vector<float>{-1.0F, 0.0F, 0.5F}));
  EXPECT_EQ(samples_of(Wav{.data = {0, 0x80, 0, 0x40}}.file()), (std::vector<float>{-1.0F, 0.5F}));
  EXPECT_EQ(samples_of(Wav{.bits = 24, .data = {0, 0, 0xC0}}.file()), (std::vector<float>{-0.5F}));
  EXPECT_EQ(samples_of(Wav{.bits = 32, .data = {0, 0, 0, 0x20}}.file()),
            (std::vector<float>{0.25F}));
  Wav real{.encoding = 3, .bits = 32};
  put(real.data, std::bit_cast<std::uint32_t>(0.125F), 4);
  EXPECT_EQ(samples_of(real.file()), (std::vector<float>{0.125F}));
  EXPECT_EQ(samples_of(Wav{.channels = 2, .data = {0, 0x40, 0, 0}}.file()),
            (std::vector<float>{0.25F}));
}

TEST(WavFiles, of_writers_that_stream_end_with_the_file) {
  EXPECT_EQ(samples_of(Wav{.data = {0, 0x40}}.file(0xFFFFFFFF)), (std::vector<float>{0.5F}));
  EXPECT_EQ(samples_of(Wav{.data = {0, 0x40, 7}}.file(0)), (std::vector<float>{0.5F}));
}

std::string refusal(const Bytes& file) {
  const auto audio = read_wav(file);
  return audio ? "read" : std::string(errc_name(audio.error().code));
}

TEST(WavFiles, that_are_none_or_empty_or_cut_off_say_so) {
  EXPECT_EQ(refusal({}), "unsupported");
  EXPECT_EQ(refusal(to_bytes("OggS, and more of it")), "unsupported");
  EXPECT_EQ(refusal(Wav{}.file()), "corrupt");
  EXPECT_EQ(refusal(Wav{.data = {1}}.file()), "corrupt");
  EXPECT_EQ(refusal(Wav{.data = {0, 0}}.file(100)), "corrupt");
  EXPECT_EQ(refusal(Wav{.encoding = 2, .data = {0, 0}}.file()), "unsupported");
  EXPECT_EQ(refusal(Wav{.bits = 12, .data = {0, 0}}.file()), "unsupported");
  EXPECT_EQ(refusal(Wav{.channels = 0, .data = {0, 0}}.file()), "corrupt");
  EXPECT_EQ(refusal(Wav{.rate = 0, .data = {0, 0}}.file()), "corrupt");
  Wav real{.encoding = 3, .bits = 32};
  put(real.data, std::bit_cast<std::uint32_t>(std::numeric_limits<float>::quiet_NaN()), 4);
  EXPECT_EQ(refusal(real.file()), "corrupt");
  const Bytes whole = Wav{.data = {0, 0, 0, 0}}.file();
  for (std::size_t size = 0; size < whole.size() - 1; ++size)
    EXPECT_NE(refusal(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))),
              "internal");
}

// Half a second of 440 Hz at half the loudest, by libsndfile of Python's soundfile 0.13.
class OtherFormats : public ::testing::TestWithParam<const char*> {
 protected:
  static Bytes file() {
    const auto path = std::filesystem::path(ACCEL_TEST_DATA) / "models/inputs" / GetParam();
    return read_file(path, kMaxMediaBytes).value();
  }
};

TEST_P(OtherFormats, are_read_by_the_library) {
  const auto audio = read_audio(file());
  if (!audio && audio.error().code == Errc::unavailable) GTEST_SKIP() << audio.error().to_string();
  ASSERT_TRUE(audio) << audio.error().to_string();
  const double rate = audio->sample_rate;
  EXPECT_NEAR(static_cast<double>(audio->samples.size()) / rate, 0.5, 0.1);
  // Within: what was asked of the spectrum, whatever delay the encoder has.
  double sine = 0, cosine = 0, count = 0;
  for (auto i = static_cast<std::size_t>(rate * 0.1); static_cast<double>(i) < rate * 0.4; ++i) {
    const double phase = 2 * std::numbers::pi * 440 * static_cast<double>(i) / rate;
    sine += std::sin(phase) * static_cast<double>(audio->samples[i]);
    cosine += std::cos(phase) * static_cast<double>(audio->samples[i]);
    ++count;
  }
  EXPECT_NEAR(2 * std::hypot(sine, cosine) / count, 0.5, 0.02);
}

TEST_P(OtherFormats, that_are_cut_off_or_damaged_are_told_or_shorter) {
  const Bytes whole = file();
  const auto check = [](const Bytes& bytes) {
    const auto audio = read_audio(bytes);
    if (audio) {
      EXPECT_LE(audio->samples.size(), 100'000U);
    } else {
      EXPECT_NE(audio.error().code, Errc::internal) << audio.error().to_string();
    }
  };
  for (std::size_t size = 0; size < whole.size(); size += 61)
    check(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
  for (std::size_t at = 4; at < whole.size(); at += 37) {
    Bytes damaged = whole;
    damaged[at] ^= 0x55U;
    check(damaged);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, OtherFormats,
                         ::testing::Values("tone.flac", "tone.ogg", "tone_opus.ogg", "tone.mp3"));

// A page of Ogg. `goes_on`: its last packet does, in the next page.
struct OggPage {
  std::uint8_t flags = 0;
  std::uint32_t number = 0;
  Bytes body = {};
  bool goes_on = false;
  std::uint32_t stream = 7;

  Bytes file() const {
    Bytes out = to_bytes("OggS");
    put(out, 0, 1);
    put(out, flags, 1);
    append(out, Bytes(8));  // The position.
    put(out, stream, 4);
    put(out, number, 4);
    put(out, 0, 4);  // The checksum, for now.
    Bytes lengths(body.size() / 255, 255);
    if (!goes_on) put(lengths, static_cast<std::uint32_t>(body.size() % 255), 1);
    put(out, static_cast<std::uint32_t>(lengths.size()), 1);
    append(out, lengths);
    append(out, body);
    std::uint32_t sum = 0;
    for (const std::uint8_t byte : out) {
      sum ^= std::uint32_t{byte} << 24U;
      for (int bit = 0; bit < 8; ++bit) sum = (sum << 1U) ^ ((sum >> 31U) == 1 ? 0x04C11DB7U : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) out[22 + i] = static_cast<std::uint8_t>(sum >> (8 * i));
    return out;
  }
};

std::string ogg_refusal(const std::vector<OggPage>& pages) {
  Bytes file;
  for (const OggPage& page : pages) append(file, page.file());
  const Status status = check_ogg_head(file);
  return status ? "" : status.error().cause;
}

TEST(OggHeads, are_whole_before_a_library_sees_them) {
  const Bytes vorbis = to_bytes("\x01vorbis");
  const Bytes long_one(510, 'x');
  const OggPage first{2, 0, vorbis}, comments{0, 1, long_one, true}, rest{1, 2, to_bytes("y")},
      setup{0, 3, to_bytes("z")}, other{0, 9, to_bytes("w"), false, 8};
  EXPECT_EQ(ogg_refusal({first, comments, other, rest, setup}), "");
  EXPECT_EQ(ogg_refusal({{2, 0, to_bytes("OpusHead")}, {0, 1, to_bytes("OpusTags")}}), "");
  EXPECT_EQ(ogg_refusal({{2, 0,
                          to_bytes("\x7F"
                                   "FLAC")}}),
            "")
      << "another codec's head";
  for (const auto& pages : {std::vector{first, comments, rest}, std::vector{first},
                            std::vector{OggPage{2, 0, to_bytes("OpusHead")}}})
    EXPECT_EQ(ogg_refusal(pages), "there is no page where one should be") << "cut off";
  EXPECT_EQ(ogg_refusal({first, rest, setup}), "a page of the head is missing");
  EXPECT_EQ(ogg_refusal({first, comments, setup}), "a page of the head is missing");
  EXPECT_EQ(ogg_refusal({first, comments, OggPage{0, 2, to_bytes("y")}, setup}),
            "a page of the head is missing")
      << "what should go on does not";
  EXPECT_EQ(ogg_refusal({first, OggPage{4, 1, to_bytes("y")}, setup}),
            "the stream ends within its head");
  EXPECT_EQ(ogg_refusal({setup}), "the first page does not begin a stream");
  Bytes damaged = first.file();
  damaged.back() ^= 1U;
  EXPECT_EQ(check_ogg_head(damaged).error().cause, "a page's checksum is wrong");
  damaged.resize(damaged.size() - 1);
  EXPECT_EQ(check_ogg_head(damaged).error().cause, "a page is cut off");
}

// An MP3 says its length in places that need not agree with what follows.
TEST(Mp3Files, that_promise_what_they_have_not_are_told_or_shorter) {
  const Bytes whole =
      read_file(std::filesystem::path(ACCEL_TEST_DATA) / "models/inputs/tone.mp3", kMaxMediaBytes)
          .value();
  const auto heard = [](const Bytes& bytes) {
    const auto audio = read_audio(bytes);
    return audio ? fmt::format("{}", audio->samples.size() < 100'000)
                 : std::string(errc_name(audio.error().code));
  };
  if (heard(whole) == "unavailable") GTEST_SKIP() << "libsndfile is not here";
  EXPECT_EQ(heard(whole), "true");
  const auto xing = as_text(whole).find("Xing");
  ASSERT_NE(xing, std::string_view::npos);
  Bytes endless = whole;
  std::fill_n(endless.begin() + static_cast<std::ptrdiff_t>(xing) + 8, 4, 0xFF);  // Its frames.
  EXPECT_TRUE(heard(endless) == "true" || heard(endless) == "corrupt") << heard(endless);
  Bytes tagged = to_bytes(std::string_view("ID3\x04\0\0\x7F\x7F\x7F\x7F", 10));  // 256 MB of tags.
  append(tagged, whole);
  EXPECT_EQ(heard(tagged), "corrupt");
  EXPECT_EQ(heard(to_bytes("ID3")), "corrupt");
  EXPECT_EQ(heard(Bytes(whole.begin(), whole.begin() + 4)), "corrupt") << "a frame's head alone";
  EXPECT_EQ(heard(Bytes(4096, 0xFF)), "unsupported") << "no layer III";
}

TEST(Resampling, keeps_a_tone_that_both_rates_hold) {
  Audio audio{44100, 1, {}};
  const auto tone = [](double second) { return std::sin(2 * std::numbers::pi * 440 * second); };
  for (int i = 0; i < 44100; ++i)
    audio.samples.push_back(static_cast<float>(tone(static_cast<double>(i) / 44100)));
  const auto out = resample(std::move(audio), 16000);
  if (!out && out.error().code == Errc::unavailable) GTEST_SKIP() << out.error().to_string();
  ASSERT_TRUE(out) << out.error().to_string();
  EXPECT_NEAR(static_cast<double>(out->samples.size()), 16000, 200);
  for (std::size_t i = 2000; i < 12000; ++i)
    ASSERT_NEAR(out->samples[i], tone(static_cast<double>(i) / 16000), 2e-3) << i;
}

TEST(RequestAudio, that_is_wrong_or_too_long_is_the_callers_mistake) {
  constexpr std::uint32_t kRates[] = {16'000, 8'000};
  const Bytes half(32'000, 0), not_a_number(4, 0xFF), long_one(10'000'000, 0);
  const Wav cases[] = {{.rate = 0, .data = half},
                       {.rate = 8, .data = half},
                       {.channels = 0, .data = half},
                       {.channels = 65535, .data = half},
                       {.encoding = 3, .bits = 32, .data = not_a_number},
                       {.rate = 1000, .data = long_one},
                       {.data = {}}};
  for (const Wav& wav : cases) {
    const auto audio = request_audio(wav.file(), kRates);
    ASSERT_FALSE(audio) << wav.rate << " Hz, " << wav.channels << " channels";
    EXPECT_EQ(audio.error().code, Errc::invalid_argument) << audio.error().to_string();
  }
  const auto kept = request_audio(Wav{.rate = 8000, .data = half}.file(), kRates);
  ASSERT_TRUE(kept) << kept.error().to_string();
  EXPECT_EQ(kept->sample_rate, 8000U);
}

TEST(Resampling, has_a_limit) {
  Audio audio{1000, 1, std::vector<float>(5'000'000)};
  EXPECT_EQ(resample(std::move(audio), 16000).error().code, Errc::resource_exhausted);
}

TEST(SpeechSegments, bridge_short_pauses_and_drop_short_sounds) {
  std::vector<float> windows(100, 0.0F);
  std::fill_n(windows.begin() + 10, 20, 0.9F);  // 640 ms.
  std::fill_n(windows.begin() + 15, 2, 0.1F);   // A pause of 64 ms.
  std::fill_n(windows.begin() + 50, 4, 0.9F);   // 128 ms: too short.
  const auto segments = speech_segments(windows, 512, 51200, 16000);
  ASSERT_EQ(segments.size(), 1U);
  EXPECT_EQ(segments[0].begin, 10U * 512 - 480);
  EXPECT_EQ(segments[0].end, 30U * 512 + 480);
  EXPECT_NEAR(segments[0].probability, (18 * 0.9 + 2 * 0.1) / 20, 1e-6);
}

TEST(SpeechSegments, end_with_the_recording_and_begin_with_it) {
  const std::vector<float> windows(40, 0.8F);
  const auto segments = speech_segments(windows, 512, 20000, 16000);
  ASSERT_EQ(segments.size(), 1U);
  EXPECT_EQ(segments[0].begin, 0U);
  EXPECT_EQ(segments[0].end, 20000U);
  EXPECT_TRUE(speech_segments({}, 512, 0, 16000).empty());
}

TEST(Recordings, are_tried_on_their_first_two_seconds) {
  const auto family = find_family("voice-activity-detection")->open({}, {}).value();
  const auto prepared = [&](std::size_t windows) {
    const Wav wav{.data = Bytes(windows * 512 * 2)};
    return family->prepare({.media_kind = "audio", .media = wav.file()}).value();
  };
  EXPECT_EQ(prepared(64)->sample(), nullptr);
  const auto sample = prepared(160)->sample();
  ASSERT_NE(sample, nullptr);
  EXPECT_EQ(sample->workload->length(), 64U);
  EXPECT_EQ(sample->calls, 2.5);
}

}  // namespace
}  // namespace accel::models
