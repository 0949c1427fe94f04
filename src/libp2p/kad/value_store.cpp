// SPDX-License-Identifier: Apache-2.0
#include "kad/value_store.hpp"

#include "accel/ipld/ipns_record.hpp"
#include "accel/ipld/peer_id.hpp"
#include "accel/libp2p/kad.hpp"
#include "kad/message.hpp"

namespace accel::libp2p::kad {
namespace {

bool has_prefix(ByteView key, std::string_view prefix) { return as_text(key).starts_with(prefix); }

Result<ipld::IpnsName> name_of(ByteView key) {
  ACCEL_TRY(const auto hash, ipld::Multihash::from_bytes(key.subspan(kIpnsKeyPrefix.size())));
  return ipld::IpnsName::of_hash(hash);
}

Status check_ipns(ByteView key, ByteView value, WallTime now) {
  ACCEL_TRY(const auto name, name_of(key));
  ACCEL_TRY(const auto record, ipld::read_ipns_record(name, value));
  return ipld::check_validity(name, record, now);
}

Status check_public_key(ByteView key, ByteView value) {
  ACCEL_TRY(const auto peer, PeerId::from_bytes(key.subspan(kPublicKeyPrefix.size())));
  ACCEL_TRY(const auto decoded, ipld::decode_public_key(value));
  if (PeerId::of_public_key(ipld::encode_public_key(decoded)) == peer) return {};
  return fail(Errc::corrupt, "The public key is not that of {}.", peer);
}

}  // namespace

Status check_value(ByteView key, ByteView value, WallTime now) {
  if (value.size() > kMaxValueBytes) {
    return fail(Errc::resource_exhausted, "A value has {} bytes; {} are allowed.", value.size(),
                kMaxValueBytes);
  }
  if (has_prefix(key, kIpnsKeyPrefix)) return check_ipns(key, value, now);
  if (has_prefix(key, kPublicKeyPrefix)) return check_public_key(key, value);
  return fail(Errc::invalid_argument,
              "Only keys below /ipns/ and /pk/ have values; others can't be checked.");
}

bool is_better(ByteView key, ByteView candidate, ByteView present) {
  if (!has_prefix(key, kIpnsKeyPrefix)) return false;  // All public keys of a name are the same.
  const auto name = name_of(key);
  if (!name) return false;
  const auto newer = ipld::read_ipns_record(*name, candidate);
  const auto older = ipld::read_ipns_record(*name, present);
  return newer && (!older || ipld::is_newer(*newer, *older));
}

void ValueStore::erase(const Bytes& key) {
  const auto found = values_.find(key);
  if (found == values_.end()) return;
  by_time_.erase({found->second.until, key});
  values_.erase(found);
}

// The farthest one goes, for its own neighbours keep it as well; what this node put itself goes
// for another value of its own only.
Status ValueStore::make_room(const Entry& newcomer, std::size_t most, const Rivals& rivals) {
  const Bytes* farthest = nullptr;
  const KadId nearest{};
  const bool own = !newcomer.from.peer;
  const KadId* distance = own ? &nearest : &newcomer.distance;
  std::size_t present = 0;
  for (const auto& [key, entry] : values_) {
    if (!rivals(entry)) continue;
    ++present;
    if ((!own && !entry.from.peer) || entry.distance <= *distance) continue;
    farthest = &key;
    distance = &entry.distance;
  }
  if (present < most) return {};
  if (farthest == nullptr) {
    return fail(Errc::resource_exhausted, "There is no room for a value so far from this node.");
  }
  erase(Bytes(*farthest));
  return {};
}

Status ValueStore::make_room(const Entry& newcomer) {
  const ValueSender& from = newcomer.from;
  if (from.peer) {
    ACCEL_CHECK(make_room(newcomer, limits_.of_one_peer,
                          [&](const Entry& entry) { return entry.from.peer == from.peer; }));
  }
  if (!from.group.empty()) {
    ACCEL_CHECK(make_room(newcomer, limits_.of_one_group,
                          [&](const Entry& entry) { return entry.from.group == from.group; }));
  }
  return make_room(newcomer, limits_.values, [](const Entry&) { return true; });
}

Status ValueStore::put(const Bytes& key, Bytes value, SteadyTime now, WallTime wall_now,
                       const ValueSender& from) {
  ACCEL_CHECK(check_value(key, value, wall_now));
  const auto present = get(key, now, wall_now);
  if (present && present->value != value && !is_better(key, value, present->value)) {
    return fail(Errc::already_exists, "A newer value of this key is known.");
  }
  Entry entry{{std::move(value), wall_now}, now + limits_.validity, {}, from};
  entry.distance = distance(self_, kad_id_of(key));
  if (const auto known = values_.find(key); known != values_.end()) {
    // Who repeats a value does not take it over; who brings a newer one answers for it.
    const bool is_repeated = known->second.kept.value == entry.kept.value;
    if (from.peer && is_repeated) entry.from = known->second.from;
  } else {
    ACCEL_CHECK(make_room(entry));
  }
  erase(key);
  by_time_.emplace(entry.until, key);
  values_.emplace(key, std::move(entry));
  return {};
}

std::optional<ValueStore::Kept> ValueStore::get(const Bytes& key, SteadyTime now,
                                                WallTime wall_now) const {
  const auto found = values_.find(key);
  if (found == values_.end() || found->second.until <= now) return std::nullopt;
  if (!check_value(key, found->second.kept.value, wall_now)) return std::nullopt;
  return found->second.kept;
}

void ValueStore::expire(SteadyTime now) {
  while (!by_time_.empty() && by_time_.begin()->first <= now) {
    erase(Bytes(by_time_.begin()->second));
  }
}

}  // namespace accel::libp2p::kad
