// SPDX-License-Identifier: Apache-2.0
#pragma once
// The XML that S3 answers, read without trust: elements and their text, of bounded depth, number
// and size. Attributes are skipped; a document type, processing instructions and entities of its
// own are refused, so nothing expands. Private to hub. Spec: XML 1.0, of which S3 uses this much.

#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::hub {

inline constexpr std::size_t kMaxXmlBytes = 16U << 20U;
inline constexpr std::size_t kMaxXmlDepth = 8;
inline constexpr std::size_t kMaxXmlElements = 100'000;
inline constexpr std::size_t kMaxXmlTextBytes = 16U << 10U;  // Of one element.

struct XmlElement {
  std::string name;
  std::string text;  // What stands directly in it.
  std::vector<XmlElement> children;

  const XmlElement* child(std::string_view wanted) const;  // The first, or nullptr.
  std::string text_of(std::string_view wanted) const;      // Its text; empty when absent.
};

// RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// The root. Errors: corrupt ("… is no XML that S3 writes: …").
Result<XmlElement> parse_xml(std::string_view text);

}  // namespace accel::hub
