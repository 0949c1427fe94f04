// SPDX-License-Identifier: Apache-2.0
#pragma once
// What this node says under its own names: which value, for how long; kept in the store's small
// values, so that a sequence never goes back and a daemon that starts goes on renewing. Used by the
// name methods and the publisher. Plain functions; every call blocks.

#include <optional>
#include <string>
#include <vector>

#include "accel/blockstore/store.hpp"
#include "accel/core/clock.hpp"
#include "accel/crypto/ed25519.hpp"
#include "accel/ipld/ipns_record.hpp"
#include "accel/node/home.hpp"

namespace accel::node {

inline constexpr std::chrono::seconds kRecordLifetime = std::chrono::hours(48);  // As Kubo.
inline constexpr std::chrono::seconds kRecordTtl = std::chrono::minutes(5);      // As Kubo.
inline constexpr std::chrono::seconds kLeastLifetime{60};
inline constexpr std::chrono::seconds kLongestLifetime = std::chrono::hours(24 * 3650);

struct Publication {
  std::string value = {};
  std::chrono::seconds lifetime = kRecordLifetime;
  std::chrono::seconds ttl = kRecordTtl;
  WallTime signed_at = {};
};

struct SignedRecord {
  Bytes bytes;
  ipld::IpnsRecord record;
};

// Signs, keeps the record (so that the gateway serves it) and remembers what to renew. The sequence
// is that of the newest record that is kept here or `seen` elsewhere, one more when the value
// differs or its end would come earlier; `sequence`, when given, must be above it. One at a time,
// over all processes of the home. Errors: invalid_argument, io.
struct SignRequest {
  Publication publication;
  std::optional<std::uint64_t> sequence = {};
  std::optional<ipld::IpnsRecord> seen = {};
};
Result<SignedRecord> sign_and_keep(const Home& home, blockstore::Store& store,
                                   const crypto::Ed25519Key& key, const SignRequest& request);

Result<std::optional<Publication>> publication_of(const blockstore::Store& store,
                                                  const ipld::IpnsName& name);
Result<std::vector<std::pair<ipld::IpnsName, Publication>>> publications(
    const blockstore::Store& store);
// Of a key that is gone: nothing renews it any more.
Status forget_publication(blockstore::Store& store, const ipld::IpnsName& name);

// When a publication is due again: after `interval`, but at half of its life.
WallTime renew_at(const Publication& publication, Duration interval);

}  // namespace accel::node
