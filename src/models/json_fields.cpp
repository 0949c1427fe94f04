// SPDX-License-Identifier: Apache-2.0
#include "json_fields.hpp"

namespace accel::models {
namespace {

tl::unexpected<Error> wrong_type(std::string_view what, std::string_view key,
                                 std::string_view wanted) {
  return fail(Errc::corrupt, "{}: {} must be {}.", what, key, wanted);
}

}  // namespace

const nlohmann::json* find_field(const nlohmann::json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(key));
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> text_field(const nlohmann::json& object, std::string_view key,
                               std::string_view fallback, std::string_view what) {
  const nlohmann::json* value = find_field(object, key);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) return wrong_type(what, key, "a string");
  return value->get_ref<const std::string&>();
}

Result<bool> bool_field(const nlohmann::json& object, std::string_view key, bool fallback,
                        std::string_view what) {
  const nlohmann::json* value = find_field(object, key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) return wrong_type(what, key, "true or false");
  return value->get<bool>();
}

Result<std::optional<std::uint64_t>> count_field(const nlohmann::json& object, std::string_view key,
                                                 std::string_view what) {
  const nlohmann::json* value = find_field(object, key);
  if (value == nullptr) return std::optional<std::uint64_t>();
  if (!value->is_number_unsigned()) return wrong_type(what, key, "an integer from 0 up");
  return std::optional<std::uint64_t>(value->get<std::uint64_t>());
}

}  // namespace accel::models
