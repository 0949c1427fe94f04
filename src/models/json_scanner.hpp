// SPDX-License-Identifier: Apache-2.0
#pragma once
// A pull reader of JSON (RFC 8259) that copies nothing it need not: a vocabulary of 30,000 words
// reads in a millisecond, where a document tree takes ten. Private to models.
//
// The first violation stops it: every call from then on returns false, and error() says what was
// wrong at which byte. Trusts nothing: depth and lengths have limits.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::models {

class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text) : text_(text) {}

  // if (scanner.begin_object()) while (scanner.next_key(key)) { one value … }
  bool begin_object();
  // False at the object's end, or on failure. `key` is valid until the next call.
  bool next_key(std::string_view& key);

  // if (scanner.begin_array()) while (scanner.next_element()) { one value … }
  bool begin_array();
  bool next_element();

  // `value` is valid until the next call; its escapes are resolved, and it is UTF-8.
  bool read_string(std::string_view& value);
  bool read_integer(std::int64_t& value);
  bool read_number(double& value);  // Finite.
  // Steps over a value of any kind; `raw` are its bytes. Checks strings and brackets, not the
  // grammar between them: parse what matters with parse_json().
  bool skip_value(std::string_view& raw);

  // What comes next: '{', '[', '"', a digit, a letter, or 0 at the end.
  char peek();
  bool at_end() { return peek() == 0; }
  bool failed() const { return failed_; }
  std::size_t bytes_left() const { return text_.size() - at_; }
  // Errors: corrupt, "{what} is not JSON: … at byte …".
  Status status(std::string_view what) const;

 private:
  bool fail_here(std::string_view why);
  void skip_space();
  bool expect(char wanted);
  bool resolve_escapes(std::size_t start);
  bool append_escape();
  bool read_hex4(char32_t& value);
  bool skip_string();

  std::string_view text_;
  std::size_t at_ = 0;
  bool first_member_ = false;  // Of the innermost object or array: no comma before it.
  bool failed_ = false;
  std::string_view why_;
  std::string scratch_;
};

// A whole small document as a tree, never deeper than kMaxJsonDepth. `what` names it in messages
// ("config.json"). Errors: corrupt, resource_exhausted.
Result<nlohmann::json> parse_json(std::string_view text, std::string_view what);

}  // namespace accel::models
