// SPDX-License-Identifier: Apache-2.0
#include "accel/security/principal.hpp"

#include <algorithm>

namespace accel::security {

const Principal Principal::process{"process", Role::admin};
const Principal Principal::socket{"socket", Role::admin};
const Principal Principal::token{"token", Role::admin};
const Principal Principal::stranger{};

Status Principal::needs(Role least, std::string_view what) const {
  if (may(role, least)) return {};
  if (role == Role::stranger) {
    return fail(Errc::unauthenticated,
                "{} takes a key over TCP, Authorization: Bearer <key>: one of "
                "`ipfs-accelerate "
                "api-keys create`, or the token in the file api.token of the "
                "node's home.",
                what);
  }
  return fail(Errc::permission_denied, "{} takes the role {}; {} has the role {}.", what,
              role_name(least), who, role_name(role));
}

Status Principal::may_call(std::string_view method) const {
  // What the table lacks is for the owner alone.
  return needs(least_role(method).value_or(Role::admin), method);
}

Status Principal::may_name(std::string_view method, std::string_view parameter) const {
  const Role least = least_role_of_parameter(method, parameter);
  if (may(role, least)) return {};
  return needs(least, fmt::format("{} with \"{}\"", method, parameter));
}

Status Principal::may_run(std::string_view model) const {
  if (!key || key->key.models.empty()) return {};
  if (std::ranges::find(key->key.models, model) != key->key.models.end()) return {};
  return fail(Errc::permission_denied, "The key {} is for {}, by that name, and not for \"{}\".",
              who, fmt::join(key->key.models, ", "), model.substr(0, kMaxModelNameBytes));
}

Priority Principal::best_priority() const {
  if (!key) return Priority::high;
  const std::uint64_t limit = key->key.limits.priority;
  return limit == 0 ? Priority::normal : static_cast<Priority>(limit);
}

void Principal::spend(std::uint64_t tokens) const {
  if (key && tokens > 0) key->use->spend(tokens);
}

std::optional<Refusal> KeyUse::why_not(const KeyLimits& limits, std::uint64_t body_bytes) {
  const Moment moment = now();
  const std::scoped_lock lock(mutex_);
  return quota_.why_not(limits, moment, body_bytes);
}

std::optional<Refusal> KeyUse::begin(const KeyLimits& limits, std::uint64_t body_bytes) {
  const Moment moment = now();
  const std::scoped_lock lock(mutex_);
  last_ = moment.wall;
  return quota_.begin(limits, moment, body_bytes);
}

void KeyUse::end() {
  const std::scoped_lock lock(mutex_);
  quota_.end();
}

void KeyUse::spend(std::uint64_t tokens) {
  const Moment moment = now();
  const std::scoped_lock lock(mutex_);
  quota_.spend(moment, tokens);
}

KeyUse::Left KeyUse::left(const KeyLimits& limits) {
  const Moment moment = now();
  const std::scoped_lock lock(mutex_);
  return {quota_.requests(limits, moment), quota_.tokens(limits, moment)};
}

KeptUse KeyUse::kept() {
  const Moment moment = now();
  const std::scoped_lock lock(mutex_);
  return {last_, quota_.day().slots(moment.wall.time_since_epoch())};
}

void KeyUse::restore(const KeptUse& kept) {
  const Moment moment = now();
  const std::scoped_lock lock(mutex_);
  last_ = kept.last;
  quota_.day().restore(moment.wall.time_since_epoch(), kept.day);
}

}  // namespace accel::security
