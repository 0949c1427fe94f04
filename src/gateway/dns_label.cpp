// SPDX-License-Identifier: Apache-2.0
#include "dns_label.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "accel/ipld/ipns_name.hpp"

namespace accel::gateway {
namespace {

tl::unexpected<Refused> too_long() {
  return tl::unexpected(
      Refused{400, "CID incompatible with DNS label length limit of 63: use a path gateway."});
}

tl::expected<std::string, Refused> label_of_cid(const ipld::Cid& cid) {
  std::string label = cid.as_v1().to_string();
  if (label.size() > kMaxDnsLabel) label = ipld::to_base36(cid);
  if (label.size() > kMaxDnsLabel) return too_long();
  return label;
}

// Nothing that ends the host of a URL: the label goes into the Location of a redirect.
bool is_hostname(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace

tl::expected<std::string, Refused> dns_label(Namespace space, std::string_view root) {
  const auto cid = ipld::Cid::parse(root);
  if (space == Namespace::ipfs) {
    if (!cid) return tl::unexpected(invalid_path(space, root, cid.error().message));
    return label_of_cid(*cid);
  }
  auto name = ipld::IpnsName::parse(root);
  if (!name && cid) name = ipld::IpnsName::of_hash(cid->hash());
  if (name) {
    std::string label = name->to_string();
    if (label.size() > kMaxDnsLabel) return too_long();
    return label;
  }
  if (root.find('.') == std::string_view::npos || !is_hostname(root)) {
    return tl::unexpected(invalid_path(space, root, name.error().message));
  }
  std::string label = inline_domain(root);
  if (label.size() > kMaxDnsLabel) {
    return tl::unexpected(Refused{
        400, fmt::format("The name {} is incompatible with DNS label length limit of 63.", root)});
  }
  return label;
}

std::string inline_domain(std::string_view domain) {
  std::string label;
  for (const char c : domain) {
    if (c == '-') label += '-';
    label += c == '.' ? '-' : c;
  }
  return label;
}

std::string uninline_domain(std::string_view label) {
  std::string domain;
  for (std::size_t i = 0; i < label.size(); ++i) {
    const bool is_pair = label[i] == '-' && i + 1 < label.size() && label[i + 1] == '-';
    domain += label[i] == '-' && !is_pair ? '.' : label[i];
    if (is_pair) ++i;
  }
  return domain;
}

}  // namespace accel::gateway
