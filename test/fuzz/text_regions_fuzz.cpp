// SPDX-License-Identifier: Apache-2.0
// Any bytes as what a model of text in images answers: a map, whose regions are cut out of an
// image, scores along a line, and the file of its characters. Regions are bounded, and what is cut
// has the pixels that it says.
#include <cstdlib>
#include <vector>

#include "accel/core/bytes.hpp"
#include "ocr/ctc.hpp"
#include "ocr/perspective.hpp"
#include "ocr/text_regions.hpp"

using namespace accel;

namespace {

void look_at_map(const std::uint8_t* data, std::size_t size) {
  const auto width = static_cast<std::uint32_t>(1 + data[0] % 64);
  const auto height = static_cast<std::uint32_t>((size - 1) / width);
  if (height == 0) return;
  std::vector<float> map;
  for (std::size_t i = 0; i < std::size_t{width} * height; ++i)
    map.push_back(static_cast<float>(data[1 + i]) / 255.0F);
  const models::Image image{width, height,
                            std::vector<std::uint8_t>(std::size_t{3} * width * height, 9)};
  const auto regions = models::text_regions({map, width, height});
  if (regions.size() > models::kMaxTextRegions) std::abort();
  for (const models::Quad& quad : regions) {
    const auto cut = models::cut_quad(image, quad);
    if (cut && cut->rgb.size() != std::size_t{3} * cut->width * cut->height) std::abort();
    if (cut && cut->rgb.front() != 9) std::abort();  // Of one colour all is of that colour.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > (1U << 14U)) return 0;
  look_at_map(data, size);
  const auto classes = models::read_ctc_classes(as_text({data, size}), "characters");
  if (!classes) return 0;
  std::vector<float> scores;
  for (std::size_t i = 0; i < size; ++i) scores.push_back(static_cast<float>(data[i]));
  const models::CtcLine line = models::read_ctc(scores, *classes);
  if (line.score < 0 || line.score > 255) std::abort();
  return 0;
}
