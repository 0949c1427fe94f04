// SPDX-License-Identifier: Apache-2.0
#include "params.hpp"

#include <algorithm>
#include <limits>

namespace accel::node {
namespace {

constexpr std::size_t kUsualReads = 16;  // Of one method, mostly.

}  // namespace

const nlohmann::json* Params::find(std::string_view name) {
  if (known_.empty()) known_.reserve(kUsualReads);
  known_.emplace_back(name);
  if (!values_->is_object()) return nullptr;
  const auto found = values_->find(name);
  return found == values_->end() || found->is_null() ? nullptr : &*found;
}

void Params::refuse(std::string_view name, std::string_view expected) {
  if (error_) return;
  error_ = Error{Errc::invalid_argument,
                 fmt::format("{}: the parameter \"{}\" must be {}.", method_, name, expected),
                 {}};
}

std::string Params::text(std::string_view name, std::string fallback) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return fallback;
  if (!value->is_string()) {
    refuse(name, "a string");
    return fallback;
  }
  return value->get<std::string>();
}

std::string Params::required_text(std::string_view name) {
  const std::string value = text(name, {});
  if (value.empty()) refuse(name, "given, a string that is not empty");
  return value;
}

std::vector<std::string> Params::texts(std::string_view name) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return {};
  std::vector<std::string> list;
  if (!value->is_array()) {
    refuse(name, "an array of strings");
    return list;
  }
  for (const nlohmann::json& item : *value) {
    if (!item.is_string()) {
      refuse(name, "an array of strings");
      return {};
    }
    list.push_back(item.get<std::string>());
  }
  return list;
}

bool Params::flag(std::string_view name, bool fallback) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) refuse(name, "true or false");
  return value->is_boolean() ? value->get<bool>() : fallback;
}

std::int64_t Params::integer(std::string_view name, std::int64_t fallback) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return fallback;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const bool too_large = value->is_number_unsigned() && value->get<std::uint64_t>() > kMax;
  if (value->is_number_integer() && !too_large) return value->get<std::int64_t>();
  refuse(name, "an integer");
  return fallback;
}

std::int64_t Params::integer_in(std::string_view name, std::int64_t fallback, std::int64_t min,
                                std::int64_t max) {
  const std::int64_t value = integer(name, fallback);
  if (value >= min && value <= max) return value;
  refuse(name, fmt::format("between {} and {}", min, max));
  return fallback;
}

double Params::number(std::string_view name, double fallback) {
  const nlohmann::json* value = find(name);
  if (value == nullptr) return fallback;
  if (!value->is_number()) refuse(name, "a number");
  return value->is_number() ? value->get<double>() : fallback;
}

Status Params::finish() const {
  if (error_) return fail(*error_);
  if (values_->is_null()) return {};
  if (!values_->is_object()) {
    return fail(Errc::invalid_argument, "{}: the parameters must be a JSON object.", method_);
  }
  for (const auto& [name, value] : values_->items()) {
    if (std::ranges::find(known_, name) == known_.end()) {
      return fail(Errc::invalid_argument, "{}: unknown parameter \"{}\".", method_, name);
    }
  }
  return {};
}

}  // namespace accel::node
