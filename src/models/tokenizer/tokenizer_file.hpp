// SPDX-License-Identifier: Apache-2.0
#pragma once
// The file tokenizer.json, taken apart in one pass: the vocabulary as a table, the small sections
// as JSON trees. Private to models. Spec: tokenizers' serialization, version "1.0".

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "accel/core/result.hpp"
#include "tokenizer/token_model.hpp"

namespace accel::models {

struct TokenizerFile {
  std::optional<TokenModel> model;  // Set.
  std::map<std::string, nlohmann::json, std::less<>> sections;

  const nlohmann::json& section(std::string_view name) const;  // null where there is none.
};
// Errors: as TokenModel::read(); unsupported (another version).
Result<TokenizerFile> read_tokenizer_file(std::string_view text, std::string_view what);

struct Truncation {
  std::optional<std::size_t> max_length;
  bool keeps_end = false;  // Cuts the beginning off, not the end.
};
Result<Truncation> read_truncation(const nlohmann::json& section, std::string_view what);
Result<std::optional<std::int32_t>> read_pad_id(const nlohmann::json& section,
                                                std::string_view what);

}  // namespace accel::models
