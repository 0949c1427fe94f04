// SPDX-License-Identifier: Apache-2.0
#include "ocr/ctc.hpp"

#include <algorithm>

#include "tokenizer/unicode.hpp"

namespace accel::models {
namespace {

constexpr std::size_t kMaxClasses = 100'000;

}  // namespace

Result<std::vector<std::string>> read_ctc_classes(std::string_view text, std::string_view what) {
  if (!is_utf8(text) || text.empty())
    return fail(Errc::corrupt, "{} must hold one character a line, in UTF-8.", what);
  std::vector<std::string> classes{""};
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    classes.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (classes.size() > kMaxClasses)
      return fail(Errc::corrupt, "{} has more than {} lines.", what, kMaxClasses);
  }
  classes.emplace_back(" ");
  return classes;
}

CtcLine read_ctc(std::span<const float> scores, const std::vector<std::string>& classes) {
  CtcLine line;
  std::size_t before = 0, count = 0;
  for (; scores.size() >= classes.size(); scores = scores.subspan(classes.size())) {
    const auto step = scores.first(classes.size());
    const auto best = static_cast<std::size_t>(std::ranges::max_element(step) - step.begin());
    if (best != 0 && best != before) {
      line.text += classes[best];
      line.score += static_cast<double>(step[best]);
      ++count;
    }
    before = best;
  }
  if (count > 0) line.score /= static_cast<double>(count);
  return line;
}

}  // namespace accel::models
