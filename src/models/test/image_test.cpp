// SPDX-License-Identifier: Apache-2.0
// Pixels against Pillow 13 (test/data/models/family_cases.json), and files that mean harm.
#include "image/image.hpp"

#include <zlib.h>

#include "accel/crypto/sha256.hpp"
#include "test_files.hpp"

namespace accel::models {
namespace {

using nlohmann::json;

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

Bytes input_file(const std::string& name) {
  return read_file(std::filesystem::path(ACCEL_TEST_DATA) / "models" / "inputs" / name, 1 << 20)
      .value();
}

std::string hash_of(const Image& image) { return to_hex(crypto::sha256(image.rgb)); }

Filter filter_of(const std::string& name) {
  if (name == "box") return Filter::box;
  if (name == "bicubic") return Filter::bicubic;
  if (name == "lanczos") return Filter::lanczos;
  return name == "nearest" ? Filter::nearest : Filter::bilinear;
}

TEST(Images, have_the_pixels_that_pillow_decodes_and_resizes) {
  const json cases = testing::test_data("family_cases.json");
  for (const json& row : cases["pixels"]) {
    const auto image = decode_image(input_file(row["file"]));
    ASSERT_TRUE(image) << image.error().to_string();
    EXPECT_EQ(image->width, row["width"].get<std::uint32_t>());
    EXPECT_EQ(image->height, row["height"].get<std::uint32_t>());
    EXPECT_EQ(hash_of(*image), row["sha256"].get<std::string>()) << row["file"];
    for (const json& size : row["resized"]) {
      const auto resized = resize(*image, size["width"], size["height"], filter_of(size["filter"]));
      ASSERT_TRUE(resized) << resized.error().to_string();
      EXPECT_EQ(hash_of(*resized), size["sha256"].get<std::string>()) << size.dump();
    }
  }
}

// A PNG of our own making: its header may say what its data do not hold.
class PngMaker {
 public:
  PngMaker() { append(file_, as_bytes(std::string_view("\x89PNG\r\n\x1A\n"))); }

  PngMaker& header(std::uint32_t width, std::uint32_t height, std::uint8_t bits,
                   std::uint8_t colour) {
    Bytes data = big(width);
    append(data, big(height));
    for (const std::uint8_t byte :
         {bits, colour, std::uint8_t{0}, std::uint8_t{0}, std::uint8_t{0}})
      data.push_back(byte);
    return chunk("IHDR", data);
  }
  PngMaker& rows(const Bytes& raw) {
    uLongf size = compressBound(raw.size());
    Bytes packed(size);
    compress2(packed.data(), &size, raw.data(), raw.size(), 9);
    packed.resize(size);
    return chunk("IDAT", packed);
  }
  PngMaker& chunk(std::string_view name, const Bytes& data) {
    append(file_, big(static_cast<std::uint32_t>(data.size())));
    Bytes body(as_bytes(name).begin(), as_bytes(name).end());
    append(body, data);
    append(file_, body);
    append(file_,
           big(static_cast<std::uint32_t>(crc32(0, body.data(), static_cast<uInt>(body.size())))));
    return *this;
  }
  const Bytes& file() const { return file_; }

 private:
  static Bytes big(std::uint32_t value) {
    return {static_cast<std::uint8_t>(value >> 24U), static_cast<std::uint8_t>(value >> 16U),
            static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)};
  }
  Bytes file_;
};

TEST(Images, become_rgb_whatever_they_are) {
  const auto grey =
      decode_image(PngMaker().header(2, 1, 8, 0).rows({0, 10, 200}).chunk("IEND", {}).file());
  ASSERT_TRUE(grey) << grey.error().to_string();
  EXPECT_EQ(grey->rgb, (std::vector<std::uint8_t>{10, 10, 10, 200, 200, 200}));
  const auto alpha =
      decode_image(PngMaker().header(1, 1, 8, 6).rows({0, 1, 2, 3, 0}).chunk("IEND", {}).file());
  ASSERT_TRUE(alpha) << alpha.error().to_string();
  EXPECT_EQ(alpha->rgb, (std::vector<std::uint8_t>{1, 2, 3}));
  const auto palette = decode_image(PngMaker()
                                        .header(2, 1, 1, 3)
                                        .chunk("PLTE", {9, 8, 7, 6, 5, 4})
                                        .rows({0, 0x40})
                                        .chunk("IEND", {})
                                        .file());
  ASSERT_TRUE(palette) << palette.error().to_string();
  EXPECT_EQ(palette->rgb, (std::vector<std::uint8_t>{9, 8, 7, 6, 5, 4}));
}

std::string code_of(const Result<Image>& image) {
  return image ? "decoded" : std::string(errc_name(image.error().code));
}

TEST(Images, that_are_bombs_are_refused_by_their_header) {
  for (const auto& [width, height] : {std::pair{20'000U, 20'000U}, {30'000U, 1U}}) {
    const Bytes file = PngMaker().header(width, height, 8, 2).rows({0}).file();
    EXPECT_EQ(code_of(decode_image(file)), "resource_exhausted") << width;
  }
  Bytes jpeg = input_file("china.jpg");
  for (std::size_t at = 0; at + 9 < jpeg.size(); ++at) {
    if (jpeg[at] != 0xFF || (jpeg[at + 1] != 0xC0 && jpeg[at + 1] != 0xC2)) continue;
    jpeg[at + 5] = jpeg[at + 7] = 0x7F;  // 32,767 pixels high and wide, or a little less.
    break;
  }
  EXPECT_EQ(code_of(decode_image(jpeg)), "resource_exhausted");
}

TEST(Images, keep_no_texts_and_profiles_however_many) {
  const Bytes zeros(4U << 20U);
  uLongf size = compressBound(zeros.size());
  Bytes text{'k', 0, 0};
  text.resize(3 + size);
  compress2(text.data() + 3, &size, zeros.data(), zeros.size(), 9);
  text.resize(3 + size);
  PngMaker maker;
  maker.header(2, 1, 8, 0);
  for (int i = 0; i < 50; ++i) maker.chunk("zTXt", text);
  const auto image = decode_image(maker.rows({0, 10, 200}).chunk("IEND", {}).file());
  ASSERT_TRUE(image) << image.error().to_string();
  EXPECT_EQ(image->rgb, (std::vector<std::uint8_t>{10, 10, 10, 200, 200, 200}));
}

// An image of 8 by 8 with `components` of one code each, and so many scans of a byte.
Bytes tiny_jpeg(std::uint8_t frame, std::uint8_t components, int scans) {
  Bytes file{0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0};
  file.insert(file.end(), 64, 1);
  file.insert(file.end(), {0xFF, 0xC4, 0, 20, 0, 1});  // The code 0 is: no difference.
  file.insert(file.end(), 16, 0);
  const auto three = static_cast<std::uint8_t>(3 * components);
  const auto two = static_cast<std::uint8_t>(2 * components);
  file.insert(file.end(), {0xFF, frame, 0, static_cast<std::uint8_t>(8 + three), 8, 0, 8, 0, 8});
  file.push_back(components);
  for (std::uint8_t id = 1; id <= components; ++id) file.insert(file.end(), {id, 0x11, 0});
  for (int scan = 0; scan < scans; ++scan) {
    file.insert(file.end(), {0xFF, 0xDA, 0, static_cast<std::uint8_t>(6 + two), components});
    for (std::uint8_t id = 1; id <= components; ++id) file.insert(file.end(), {id, 0});
    file.insert(file.end(), {0, 0, 0, 0x7F});
  }
  file.insert(file.end(), {0xFF, 0xD9});
  return file;
}

TEST(Images, that_ask_for_too_much_are_not_called_damaged) {
  EXPECT_EQ(code_of(decode_image(tiny_jpeg(0xC2, 1, 1))), "decoded");
  EXPECT_EQ(code_of(decode_image(tiny_jpeg(0xC2, 1, 1000))), "resource_exhausted");
  EXPECT_EQ(code_of(decode_image(tiny_jpeg(0xC0, 4, 1))), "unsupported");  // CMYK.
}

TEST(Images, that_are_none_or_cut_off_or_empty_say_so) {
  EXPECT_EQ(code_of(decode_image({})), "unsupported");
  EXPECT_EQ(code_of(decode_image(to_bytes("GIF89a, which is not read"))), "unsupported");
  EXPECT_EQ(code_of(decode_image(PngMaker().header(0, 5, 8, 2).file())), "invalid_argument");
  EXPECT_EQ(code_of(decode_image(PngMaker().header(4, 4, 8, 2).rows({0, 1}).file())),
            "invalid_argument");
  for (const char* const name : {"china.jpg", "cat.png"}) {
    const Bytes file = input_file(name);
    for (const std::size_t size : {std::size_t{10}, std::size_t{200}, file.size() / 2}) {
      const auto image = decode_image(ByteView(file).first(size));
      ASSERT_FALSE(image) << name << " " << size;
      EXPECT_EQ(image.error().code, Errc::invalid_argument) << image.error().to_string();
    }
    EXPECT_FALSE(decode_image(ByteView(file).first(file.size() - 40)));
  }
}

TEST(Images, are_cropped_in_the_middle_and_filled_with_black) {
  const Image image{3, 1, {1, 1, 1, 2, 2, 2, 3, 3, 3}};
  EXPECT_EQ(center_crop(image, 1, 1).rgb, (std::vector<std::uint8_t>{2, 2, 2}));
  EXPECT_EQ(center_crop(image, 5, 1).rgb,
            (std::vector<std::uint8_t>{0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0, 0, 0}));
  EXPECT_EQ(center_crop(image, 1, 3).rgb, (std::vector<std::uint8_t>{0, 0, 0, 2, 2, 2, 0, 0, 0}));
  EXPECT_FALSE(resize(image, 0, 1, Filter::bilinear));
  EXPECT_FALSE(resize(image, 30'000, 1, Filter::bilinear));
}

}  // namespace
}  // namespace accel::models
