// SPDX-License-Identifier: Apache-2.0
#pragma once
// What llama.cpp's grammar of a JSON Schema enforces. It passes over the keywords that it does not
// read, so an answer would fit the grammar and not the schema: such a keyword is refused here, with
// its place as a JSON Pointer. So is what would make the grammar huge. Pure.

#include <string>

#include "accel/core/result.hpp"

namespace accel::inference::llama {

constexpr std::size_t kMaxSchemaNodes = 1024;      // Schemas within the schema.
constexpr std::size_t kMaxSchemaProperties = 256;  // Of one object.
constexpr std::size_t kMaxPropertyName = 256;      // Bytes: the grammar nests by them.
constexpr std::size_t kMaxSchemaChoices = 2048;    // Values of all enums.
constexpr std::size_t kMaxSchemaCount = 2000;      // llama.cpp's own, of one repetition.
constexpr std::size_t kMaxSchemaCounts = 10'000;   // Sum of all repetitions.
constexpr std::size_t kMaxPatternBytes = 512;

// `what_can_be`: keywords of one value that no grammar enforces (bounds of numbers, formats) pass;
// what bounds a grammar's size does not.
enum class Enforce { all, what_can_be };

// Errors: invalid_argument.
Status check_schema(const std::string& text, Enforce enforce = Enforce::all);

}  // namespace accel::inference::llama
