// SPDX-License-Identifier: Apache-2.0
#include "accel/gateway/name_resolver.hpp"

#include <algorithm>
#include <map>
#include <mutex>

#include "accel/gateway/ipns_store.hpp"
#include "accel/ipld/ipns_record.hpp"
#include "accel/net/headers.hpp"
#include "accel/net/url.hpp"

namespace accel::gateway {
namespace {

using std::chrono::seconds;

constexpr seconds kDnsTtl{60};  // DNS's own times are not told by the lookup.
constexpr seconds kLongestTtl = std::chrono::hours(24 * 365);
constexpr std::size_t kMaxCachedDomains = 4096;

// "dnslink=/ipfs/…" among the TXT records; the first in the order of bytes, so that it is the same
// one each time.
std::optional<std::string> dnslink_among(std::vector<std::string> records) {
  constexpr std::string_view kMark = "dnslink=";
  std::ranges::sort(records);
  for (const std::string& record : records) {
    if (!record.starts_with(kMark)) continue;
    std::string target = record.substr(kMark.size());
    if (target.starts_with("/ipfs/") || target.starts_with("/ipns/")) return target;
  }
  return std::nullopt;
}

}  // namespace

class NameResolver::Impl {
 public:
  Impl(const blockstore::Store& store, NameRules rules) : store_(store), rules_(std::move(rules)) {}

  Result<ResolvedName> resolve(std::string_view name) {
    ResolvedName found{{}, {}, kLongestTtl};
    std::string target = fmt::format("/ipns/{}", net::percent_encode(name));
    for (std::size_t step = 0; step <= rules_.max_steps; ++step) {
      ACCEL_TRY(auto segments, net::split_path(target));
      if (segments.size() < 2) break;
      std::vector<std::string> below(segments.begin() + 2, segments.end());
      found.path.insert(found.path.begin(), below.begin(), below.end());
      if (segments[0] == "ipfs") {
        ACCEL_TRY(found.root, ipld::Cid::parse(segments[1]));
        return found;
      }
      if (segments[0] != "ipns") break;
      ACCEL_TRY(target, follow(segments[1], found.ttl));
      if (!target.starts_with("/ipfs/") && !target.starts_with("/ipns/")) break;
    }
    if (target.starts_with("/ipns/")) {
      return fail(Errc::resource_exhausted, "{} leads over more than {} other names.", name,
                  rules_.max_steps);
    }
    return fail(Errc::invalid_argument, "{} does not lead to content.", name);
  }

  std::optional<std::string> dnslink(const std::string& domain) {
    const auto fixed = rules_.dnslinks.find(domain);
    if (fixed != rules_.dnslinks.end()) return fixed->second;
    if (!rules_.lookup_txt || domain.find('.') == std::string::npos) return std::nullopt;
    return looked_up(domain);
  }

 private:
  struct Cached {
    std::optional<std::string> target;
    SteadyTime until;
  };

  // One name's value; shortens `ttl`.
  Result<std::string> follow(const std::string& name, seconds& ttl) {
    if (const auto key = ipld::IpnsName::parse(name)) {
      const WallTime now = rules_.clock->wall_now();
      ACCEL_TRY(auto kept, get_ipns_record(store_, *key, now));
      const auto left = std::chrono::duration_cast<seconds>(kept.record.validity - now);
      const auto own = std::chrono::duration_cast<seconds>(kept.record.ttl);
      ttl = std::min({ttl, own, left});
      return std::move(kept.record.value);
    }
    const std::string domain = net::to_lower_ascii(name);
    auto target = dnslink(domain);
    if (!target && domain.find('.') == std::string::npos) {
      return fail(Errc::not_found,
                  "{} is no IPNS name (k51…, 12D3Koo…, Qm…), and no domain either.", name);
    }
    if (!target) return fail(Errc::not_found, "{} has no DNSLink that is known here.", domain);
    ttl = std::min(ttl, kDnsTtl);
    return *std::move(target);
  }

  std::optional<std::string> looked_up(const std::string& domain) {
    const SteadyTime now = rules_.clock->now();
    {
      const std::scoped_lock lock(mutex_);
      const auto found = cache_.find(domain);
      if (found != cache_.end() && found->second.until > now) return found->second.target;
    }
    std::optional<std::string> target;
    if (auto records = rules_.lookup_txt("_dnslink." + domain)) {
      target = dnslink_among(*std::move(records));
    }
    const std::scoped_lock lock(mutex_);
    if (cache_.size() >= kMaxCachedDomains) cache_.clear();
    cache_[domain] = {target, now + kDnsTtl};
    return target;
  }

  const blockstore::Store& store_;
  NameRules rules_;
  std::mutex mutex_;
  std::map<std::string, Cached, std::less<>> cache_;  // Under mutex_.
};

NameResolver::NameResolver(const blockstore::Store& store, NameRules rules)
    : impl_(std::make_unique<Impl>(store, std::move(rules))) {}
NameResolver::~NameResolver() = default;

Result<ResolvedName> NameResolver::resolve(std::string_view name) const {
  return impl_->resolve(name);
}

bool NameResolver::has_dnslink(const std::string& domain) const {
  return impl_->dnslink(domain).has_value();
}

}  // namespace accel::gateway
