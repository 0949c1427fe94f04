// SPDX-License-Identifier: Apache-2.0
// libpng reports errors by a jump, as libjpeg does: nothing between setjmp() and its end needs a
// destructor.
#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>

#include "image/image.hpp"
#include "image/image_memory.hpp"

namespace accel::models {
namespace {

constexpr png_alloc_size_t kMaxChunkBytes = 64U << 10U;  // Of a chunk that is kept, inflated.
constexpr png_uint_32 kMaxChunks = 8;

class Decoder {
 public:
  explicit Decoder(ByteView file) : rest_(file) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, leave, stay_quiet);
    if (png_ == nullptr) return;
    if (setjmp(back_) != 0) return;
    info_ = png_create_info_struct(png_);
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { png_destroy_read_struct(&png_, &info_, nullptr); }

  Result<Image> decode() {
    if (info_ == nullptr || !attempt([&] { read_header(); })) return damaged();
    const std::uint32_t width = png_get_image_width(png_, info_);
    const std::uint32_t height = png_get_image_height(png_, info_);
    ACCEL_CHECK(check_image_size(width, height));
    int passes = 1;
    if (!attempt([&] { passes = ask_for_rgb(); })) return damaged();
    ACCEL_TRY(auto memory, image_memory().take(std::uint64_t{3} * width * height));
    Image image{width, height, {}, std::move(memory)};
    image.rgb.resize(std::size_t{3} * width * height);
    if (png_get_rowbytes(png_, info_) != std::size_t{3} * width) return damaged();
    std::uint8_t* const pixels = image.rgb.data();
    const bool read = attempt([&] {
      for (int pass = 0; pass < passes; ++pass)
        for (std::uint32_t row = 0; row < height; ++row)
          png_read_row(png_, pixels + std::size_t{3} * width * row, nullptr);
      png_read_end(png_, nullptr);
    });
    if (!read) return damaged();
    return image;
  }

 private:
  [[noreturn]] static void leave(png_structp png, png_const_charp words) {
    auto& self = *static_cast<Decoder*>(png_get_error_ptr(png));
    std::strncpy(self.words_.data(), words, self.words_.size() - 1);
    std::longjmp(self.back_, 1);
  }
  static void stay_quiet(png_structp, png_const_charp) {}
  static void read_some(png_structp png, png_bytep out, std::size_t size) {
    auto& self = *static_cast<Decoder*>(png_get_io_ptr(png));
    if (self.rest_.size() < size) png_error(png, "the file ends early");
    std::copy_n(self.rest_.begin(), size, out);
    self.rest_ = self.rest_.subspan(size);
  }

  void read_header() {
    png_set_read_fn(png_, this, read_some);
    // The size itself is checked by us, for the sake of the sentence.
    png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_chunk_malloc_max(png_, kMaxChunkBytes);
    png_set_chunk_cache_max(png_, kMaxChunks);
    // Texts, profiles and whatever else is not pixels: a small file may inflate to gigabytes.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_read_info(png_, info_);
  }

  // Rows of three bytes a pixel, whatever the file has. How many passes give them.
  int ask_for_rgb() {
    png_set_expand(png_);
    png_set_strip_16(png_);
    png_set_strip_alpha(png_);
    png_set_gray_to_rgb(png_);
    const int passes = png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
    return passes;
  }

  template <class Step>
  bool attempt(Step step) {
    if (setjmp(back_) != 0) return false;
    step();
    return true;
  }

  tl::unexpected<Error> damaged() const {
    return fail(Error{Errc::invalid_argument, "The image is a PNG that is damaged or cut off.",
                      words_.data()});
  }

  ByteView rest_;
  std::jmp_buf back_{};
  std::array<char, 128> words_{};
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace

Result<Image> decode_png(ByteView file) { return Decoder(file).decode(); }

}  // namespace accel::models
