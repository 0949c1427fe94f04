// SPDX-License-Identifier: Apache-2.0
#include "dnsaddr.hpp"

#include <algorithm>

#include "remote.hpp"

namespace accel::libp2p {
namespace {

constexpr std::string_view kRecordPrefix = "dnsaddr=";

}  // namespace

bool is_dnsaddr(const ipld::Multiaddr& address) {
  const auto parts = address.parts();
  return !parts.empty() && parts.front().code == ipld::AddressCode::dnsaddr;
}

DnsaddrWalk::DnsaddrWalk(const ipld::Multiaddr& address) {
  if (is_dnsaddr(address)) plan(address, 1);
}

void DnsaddrWalk::plan(const ipld::Multiaddr& address, std::size_t depth) {
  if (depth > kMaxDnsaddrDepth || seen_.size() >= kMaxDnsaddrLookups) return;
  if (!seen_.insert(address).second) return;
  Parts parts = address.parts();
  Step step{std::string(as_text(parts.front().value)), {}, depth};
  step.tail.assign(parts.begin() + 1, parts.end());
  steps_.push_back(std::move(step));
}

std::optional<std::string> DnsaddrWalk::next() {
  if (steps_.empty() || found_.size() >= kMaxDnsaddrResults) return std::nullopt;
  current_ = std::move(steps_.front());
  steps_.pop_front();
  return "_dnsaddr." + current_.name;
}

void DnsaddrWalk::take(const std::vector<std::string>& records) {
  for (const std::string& record : records) {
    if (!record.starts_with(kRecordPrefix)) continue;
    const auto address =
        ipld::Multiaddr::parse(std::string_view(record).substr(kRecordPrefix.size()));
    if (address) take_one(*address);
  }
}

void DnsaddrWalk::take_one(const ipld::Multiaddr& address) {
  const Parts parts = address.parts();
  const Parts& tail = current_.tail;
  const bool fits =
      parts.size() > tail.size() &&
      std::equal(tail.begin(), tail.end(), parts.end() - static_cast<std::ptrdiff_t>(tail.size()));
  if (!fits) return;
  if (is_dnsaddr(address)) return plan(address, current_.depth + 1);
  if (!stream_target(address) || found_.size() >= kMaxDnsaddrResults) return;
  if (std::ranges::find(found_, address) == found_.end()) found_.push_back(address);
}

}  // namespace accel::libp2p
