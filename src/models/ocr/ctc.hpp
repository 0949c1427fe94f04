// SPDX-License-Identifier: Apache-2.0
#pragma once
// From scores for each step along a line to its text: the best class of each step, repeats and
// blanks left out (Graves et al. 2006, best path). Private to models; pure functions.

#include <span>
#include <string>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::models {

struct CtcLine {
  std::string text;
  double score = 0;  // Mean over the characters; 0 where there are none.
};

// The characters that the classes stand for; the first is the blank. `text` has one a line; a space
// is the last class, as PP-OCR has it. Errors: corrupt (not UTF-8, none, or too many), named
// `what`.
Result<std::vector<std::string>> read_ctc_classes(std::string_view text, std::string_view what);

// `scores`: float32[steps, classes.size()].
CtcLine read_ctc(std::span<const float> scores, const std::vector<std::string>& classes);

}  // namespace accel::models
