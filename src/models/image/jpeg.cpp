// SPDX-License-Identifier: Apache-2.0
// libjpeg-turbo reports errors by a jump: whatever runs between setjmp() and its end holds nothing
// that would need a destructor.
#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>

#include "image/image.hpp"
#include "image/image_memory.hpp"

#include <jpeglib.h>  // Wants <cstdio> before it.

#include <jerror.h>

namespace accel::models {
namespace {

constexpr int kMaxScans = 500;                            // A progressive file has some ten.
constexpr std::uint64_t kMaxScannedPixels = 400'000'000;  // Ten scans of the largest image.
constexpr long kMaxDecoderBytes = 512L << 20U;            // Coefficients of a progressive file.

struct Errors {
  jpeg_error_mgr base;
  std::jmp_buf back;
  std::array<char, JMSG_LENGTH_MAX> words;
  bool limit;  // The file may be whole: it asks for too much.
};

Errors& errors_of(j_common_ptr info) { return *reinterpret_cast<Errors*>(info->err); }

[[noreturn]] void leave(j_common_ptr info) {
  Errors& errors = errors_of(info);
  const int code = info->err->msg_code;
  if (code == JERR_NO_BACKING_STORE || code == JERR_OUT_OF_MEMORY || code == JERR_IMAGE_TOO_BIG)
    errors.limit = true;
  info->err->format_message(info, errors.words.data());
  std::longjmp(errors.back, 1);
}

// Where a file ends early, or bits make no sense, libjpeg would warn and fill with grey.
void note_damage(j_common_ptr info, int level) {
  const int code = info->err->msg_code;
  const bool counts = code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER ||
                      code == JWRN_HUFF_BAD_CODE || code == JWRN_BOGUS_PROGRESSION;
  if (level < 0 && counts) leave(info);
}

void stay_quiet(j_common_ptr) {}

// A file of a few bytes a scan, and a whole image of work for each.
void count_scans(j_common_ptr info) {
  if (!info->is_decompressor) return;
  const auto& decoder = *reinterpret_cast<j_decompress_ptr>(info);
  const auto scans = static_cast<std::uint64_t>(std::max(decoder.input_scan_number, 1));
  const std::uint64_t pixels = std::uint64_t{decoder.image_width} * decoder.image_height;
  if (scans <= kMaxScans && scans * pixels <= kMaxScannedPixels) return;
  errors_of(info).limit = true;
  errors_of(info).base.msg_code = JERR_BAD_PROGRESSION;
  leave(info);
}

class Decoder {
 public:
  explicit Decoder(ByteView file) {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = leave;
    errors_.base.emit_message = note_damage;
    errors_.base.output_message = stay_quiet;
    progress_.progress_monitor = count_scans;
    open_ = attempt([&] {
      jpeg_create_decompress(&info_);
      info_.mem->max_memory_to_use = kMaxDecoderBytes;
      info_.progress = &progress_;
      jpeg_mem_src(&info_, file.data(), file.size());
    });
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { jpeg_destroy_decompress(&info_); }

  Result<Image> decode() {
    if (!open_ || !attempt([&] { jpeg_read_header(&info_, TRUE); })) return damaged();
    ACCEL_CHECK(check_image_size(info_.image_width, info_.image_height));
    if (info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK)
      return fail(Errc::unsupported, "The JPEG has CMYK colours; save it with RGB.");
    // A JPEG of several scans is kept whole as coefficients, of two bytes each, besides its pixels.
    const std::uint64_t values = std::uint64_t{3} * info_.image_width * info_.image_height;
    const bool scans = jpeg_has_multiple_scans(&info_) != 0;
    ACCEL_TRY(auto memory, image_memory().take(scans ? 3 * values : values));
    Image image{info_.image_width, info_.image_height, {}, std::move(memory)};
    image.rgb.resize(std::size_t{3} * image.width * image.height);
    std::uint8_t* const pixels = image.rgb.data();
    const bool read = attempt([&] {
      info_.out_color_space = JCS_RGB;
      jpeg_start_decompress(&info_);
      while (info_.output_scanline < info_.output_height) {
        JSAMPROW row = pixels + std::size_t{3} * info_.output_width * info_.output_scanline;
        jpeg_read_scanlines(&info_, &row, 1);
      }
      jpeg_finish_decompress(&info_);
    });
    if (!read) return damaged();
    return image;
  }

 private:
  template <class Step>
  bool attempt(Step step) {
    if (setjmp(errors_.back) != 0) return false;
    step();
    return true;
  }

  tl::unexpected<Error> damaged() const {
    if (errors_.limit) {
      return fail(Error{Errc::resource_exhausted,
                        fmt::format("The JPEG has too many scans for its size (more than {}, or "
                                    "{} pixels in all), or needs more than {} MiB to be decoded; "
                                    "save it without progression.",
                                    kMaxScans, kMaxScannedPixels, kMaxDecoderBytes >> 20U),
                        errors_.words.data()});
    }
    return fail(Error{Errc::invalid_argument, "The image is a JPEG that is damaged or cut off.",
                      errors_.words.data()});
  }

  jpeg_decompress_struct info_{};
  jpeg_progress_mgr progress_{};
  Errors errors_{};
  bool open_ = false;
};

}  // namespace

Result<Image> decode_jpeg(ByteView file) { return Decoder(file).decode(); }

}  // namespace accel::models
