// SPDX-License-Identifier: Apache-2.0
#include "wire/reading.hpp"

namespace accel::endpoints {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxDimensions = 1U << 16U;
constexpr std::size_t kMaxQuoted = 300;

}  // namespace

const json& member_of(const json& object, const char* key) {
  static const json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(key);
  return found == object.end() ? kNothing : *found;
}

const json& list_of(const json& object, const char* key) {
  static const json kEmpty = json::array();
  const json& found = member_of(object, key);
  return found.is_array() ? found : kEmpty;
}

std::string text_of(const json& object, const char* key) {
  const json& found = member_of(object, key);
  return found.is_string() ? found.get<std::string>() : std::string();
}

std::optional<std::uint64_t> count_of(const json& object, const char* key) {
  const json& found = member_of(object, key);
  if (!found.is_number_unsigned()) return std::nullopt;
  return found.get<std::uint64_t>();
}

std::string print(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<std::vector<float>> vector_of(const json& list) {
  if (!list.is_array() || list.empty() || list.size() > kMaxDimensions)
    return fail(Errc::protocol, "The answer has an embedding that is no list of 1 to {} numbers.",
                kMaxDimensions);
  std::vector<float> values;
  values.reserve(list.size());
  for (const json& value : list) {
    if (!value.is_number())
      return fail(Errc::protocol, "The answer has an embedding of something else than numbers.");
    values.push_back(value.get<float>());
  }
  return values;
}

std::string error_words(const json& body) {
  if (body.is_array() && !body.empty()) return error_words(body.front());  // Gemini's streams.
  const json& error = member_of(body, "error");
  if (error.is_string()) return error.get<std::string>();
  if (const std::string words = text_of(error, "message"); !words.empty()) return words;
  for (const char* const name : {"message", "detail"}) {
    if (const std::string words = text_of(body, name); !words.empty()) return words;
  }
  return error.is_object() ? print(error) : std::string();
}

std::string one_line(std::string_view text) {
  std::string clean(text.substr(0, kMaxQuoted));
  for (char& c : clean) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) c = ' ';
  }
  return clean;
}

}  // namespace accel::endpoints
