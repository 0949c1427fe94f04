// SPDX-License-Identifier: Apache-2.0
// libpng writes as it reads: errors come by a jump, so nothing between setjmp() and its end needs a
// destructor (png.cpp).
#include <png.h>

#include <array>
#include <csetjmp>
#include <cstring>

#include "image/image.hpp"

namespace accel::models {
namespace {

class Encoder {
 public:
  Encoder() : png_(png_create_write_struct(PNG_LIBPNG_VER_STRING, this, leave, stay_quiet)) {
    if (png_ != nullptr && setjmp(back_) == 0) info_ = png_create_info_struct(png_);
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  ~Encoder() { png_destroy_write_struct(&png_, &info_); }

  // `rows`: big-endian samples, row by row.
  Result<Bytes> encode(const GreyImage& image, Bytes rows) {
    const std::size_t stride = rows.size() / image.height;
    if (info_ == nullptr || !attempt([&] { write(image, rows, stride); })) {
      return fail(Error{Errc::internal, "The PNG could not be made.", words_.data()});
    }
    return std::move(file_);
  }

 private:
  [[noreturn]] static void leave(png_structp png, png_const_charp words) {
    auto& self = *static_cast<Encoder*>(png_get_error_ptr(png));
    std::strncpy(self.words_.data(), words, self.words_.size() - 1);
    std::longjmp(self.back_, 1);
  }
  static void stay_quiet(png_structp, png_const_charp) {}
  static void append(png_structp png, png_bytep data, std::size_t size) {
    auto& file = static_cast<Encoder*>(png_get_io_ptr(png))->file_;
    file.insert(file.end(), data, data + size);
  }
  static void flush(png_structp) {}

  void write(const GreyImage& image, const Bytes& rows, std::size_t stride) {
    png_set_write_fn(png_, this, append, flush);
    png_set_IHDR(png_, info_, image.width, image.height, image.bits, PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png_, info_);
    for (std::size_t at = 0; at < rows.size(); at += stride) png_write_row(png_, &rows[at]);
    png_write_end(png_, nullptr);
  }

  template <class Step>
  bool attempt(Step step) {
    if (setjmp(back_) != 0) return false;
    step();
    return true;
  }

  Bytes file_;
  std::jmp_buf back_{};
  std::array<char, 128> words_{};
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace

Result<Bytes> encode_png(const GreyImage& image) {
  ACCEL_CHECK(check_image_size(image.width, image.height));
  const bool known = image.bits == 8 || image.bits == 16;
  if (!known || image.levels.size() != std::uint64_t{image.width} * image.height) {
    return fail(Errc::invalid_argument,
                "An image of {} x {} pixels can't have {} levels of {} bits.", image.width,
                image.height, image.levels.size(), image.bits);
  }
  Bytes rows;
  for (const std::uint16_t level : image.levels) {
    if (image.bits == 16) rows.push_back(static_cast<std::uint8_t>(level >> 8U));
    rows.push_back(static_cast<std::uint8_t>(level & 0xFFU));
  }
  return Encoder().encode(image, std::move(rows));
}

}  // namespace accel::models
