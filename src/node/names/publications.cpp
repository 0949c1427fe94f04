// SPDX-License-Identifier: Apache-2.0
#include "names/publications.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "accel/core/file.hpp"
#include "accel/gateway/ipns_store.hpp"
#include "names/renewal.hpp"
#include "unix_time.hpp"

namespace accel::node {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr std::string_view kSpace = "publications";  // Canonical name -> JSON.

std::string text_of(const Publication& publication) {
  return json{{"value", publication.value},
              {"lifetime_s", publication.lifetime.count()},
              {"ttl_s", publication.ttl.count()},
              {"signed_at_s", unix_seconds(publication.signed_at)}}
      .dump();
}

std::optional<Publication> read(const std::string& text) {
  const json value = json::parse(text, nullptr, false);
  if (!value.is_object()) return std::nullopt;
  const auto number = [&](const char* name) {
    const auto found = value.find(name);
    return found != value.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
  };
  Publication publication;
  const auto path = value.find("value");
  if (path == value.end() || !path->is_string()) return std::nullopt;
  publication.value = path->get<std::string>();
  publication.lifetime =
      std::clamp(seconds(number("lifetime_s")), kLeastLifetime, kLongestLifetime);
  publication.ttl = std::clamp(seconds(number("ttl_s")), seconds(0), kLongestLifetime);
  publication.signed_at = WallTime(seconds(std::max<std::int64_t>(number("signed_at_s"), 0)));
  return publication;
}

// The newest of what is known, whether it has expired or not.
std::optional<ipld::IpnsRecord> newest(std::optional<ipld::IpnsRecord> kept,
                                       const std::optional<ipld::IpnsRecord>& seen) {
  if (!kept || (seen && ipld::is_newer(*seen, *kept))) return seen;
  return kept;
}

Result<std::uint64_t> next_sequence(const std::optional<ipld::IpnsRecord>& last,
                                    const SignRequest& request) {
  if (request.sequence) {
    if (last && *request.sequence <= last->sequence) {
      return fail(Errc::invalid_argument,
                  "The sequence {} is not above {}, which was published already.",
                  *request.sequence, last->sequence);
    }
    return *request.sequence;
  }
  if (!last) return std::uint64_t{0};
  const Publication& next = request.publication;
  // The same sequence again counts only with a later end.
  const bool same = last->value == next.value && last->validity < next.signed_at + next.lifetime;
  if (!same && last->sequence == std::numeric_limits<std::uint64_t>::max()) {
    return fail(Errc::resource_exhausted,
                "The name has used up its sequence numbers; publish "
                "under a new key.");
  }
  return same ? last->sequence : last->sequence + 1;
}

Result<FileLock> lock_publishing(const Home& home) {
  ACCEL_CHECK(make_directories(home.keys()));
  return FileLock::acquire(home.keys() / ".publish.lock", FileLock::Mode::exclusive, /*wait=*/true);
}

// Under the lock.
Result<SignedRecord> sign(blockstore::Store& store, const crypto::Ed25519Key& key,
                          const SignRequest& request) {
  const ipld::IpnsName name = ipld::ipns_name_of(key);
  const Publication& publication = request.publication;
  ACCEL_TRY(auto kept, gateway::last_ipns_record(store, name));
  const auto last = newest(std::move(kept), request.seen);
  SignedRecord made;
  made.record.value = publication.value;
  ACCEL_TRY(made.record.sequence, next_sequence(last, request));
  made.record.validity = publication.signed_at + publication.lifetime;
  made.record.ttl = std::min(publication.ttl, publication.lifetime);
  ACCEL_TRY(made.bytes, ipld::write_ipns_record(key, made.record));
  ACCEL_CHECK(gateway::put_ipns_record(store, name, made.bytes, publication.signed_at));
  ACCEL_CHECK(store.kv_put(kSpace, name.to_string(), text_of(publication)));
  return made;
}

}  // namespace

Result<SignedRecord> sign_and_keep(const Home& home, blockstore::Store& store,
                                   const crypto::Ed25519Key& key, const SignRequest& request) {
  ACCEL_TRY(const FileLock lock, lock_publishing(home));
  return sign(store, key, request);
}

Result<std::optional<SignedRecord>> sign_again(const Home& home, blockstore::Store& store,
                                               const crypto::Ed25519Key& key,
                                               const Publication& before, WallTime now) {
  ACCEL_TRY(const FileLock lock, lock_publishing(home));
  ACCEL_TRY(const auto last, publication_of(store, ipld::ipns_name_of(key)));
  if (!last || text_of(*last) != text_of(before)) return std::nullopt;
  SignRequest request{before};
  request.publication.signed_at = now;
  ACCEL_TRY(SignedRecord made, sign(store, key, request));
  return made;
}

Result<std::optional<Publication>> publication_of(const blockstore::Store& store,
                                                  const ipld::IpnsName& name) {
  ACCEL_TRY(const auto text, store.kv_get(kSpace, name.to_string()));
  return text ? read(*text) : std::nullopt;
}

Result<std::vector<std::pair<ipld::IpnsName, Publication>>> publications(
    const blockstore::Store& store) {
  ACCEL_TRY(const auto rows, store.kv_list(kSpace));
  std::vector<std::pair<ipld::IpnsName, Publication>> all;
  for (const auto& [key, text] : rows) {
    auto name = ipld::IpnsName::parse(key);
    auto publication = read(text);
    if (name && publication) all.emplace_back(*std::move(name), *std::move(publication));
  }
  return all;
}

Status forget_publication(blockstore::Store& store, const ipld::IpnsName& name) {
  return store.kv_erase(kSpace, name.to_string());
}

WallTime renew_at(const Publication& publication, Duration interval) {
  const Duration half = publication.lifetime / 2;
  return publication.signed_at +
         std::chrono::duration_cast<WallTime::duration>(std::min(interval, half));
}

}  // namespace accel::node
