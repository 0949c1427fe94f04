// SPDX-License-Identifier: Apache-2.0
#include "ready_blocks.hpp"

#include <algorithm>

#include "host_router.hpp"
#include "responses.hpp"

namespace accel::gateway {
namespace {

constexpr std::string_view kPrefix = "/ipfs/";

// Fields that can change what is answered. (Accept does not: the query wins.)
constexpr std::array<std::string_view, 6> kDeciding{
    "Range", "If-Range", "If-None-Match", "Service-Worker", "X-Forwarded-Host", "Cache-Control"};

bool is_plain(const net::HttpRequest& http) {
  if (http.query != "format=raw" || !http.path.starts_with(kPrefix)) return false;
  return std::ranges::none_of(http.headers, [](const net::HeaderField& field) {
    return std::ranges::any_of(kDeciding, [&field](std::string_view name) {
      return net::equals_ignoring_case(field.name, name);
    });
  });
}

// The header lines of the long way for a block that stands for all.
std::string lines_for(const ipld::Cid& cid) {
  GatewayRequest request;
  request.route.root = cid.to_string();
  request.root = cid;
  request.content_path = std::string(kPrefix) + request.route.root;
  request.format = Format::raw;
  const std::vector<ipld::Cid> roots{cid};
  const Representation what = block_representation(request, cid, 1);
  const Outline plan = outline({}, Source{request, roots}, what, 1);
  std::string lines;
  for (const net::HeaderField& field : plan.response.headers) {
    lines += fmt::format("{}: {}\r\n", field.name, field.value);
  }
  return lines;
}

std::vector<std::string> split_at(std::string_view text, std::string_view separator) {
  std::vector<std::string> pieces;
  for (std::size_t at = 0; (at = text.find(separator)) != std::string_view::npos;) {
    pieces.emplace_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  pieces.emplace_back(text);
  return pieces;
}

}  // namespace

ReadyBlocks::ReadyBlocks(const blockstore::Store& store, const std::vector<KnownHost>& hosts)
    : store_(store), hosts_(hosts) {
  const auto sample = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes("a sample")));
  pieces_ = split_at(lines_for(sample), sample.to_string());
}

std::string ReadyBlocks::fields_of(std::string_view cid) const {
  std::string fields;
  fields.reserve(1280);
  fields += pieces_.front();
  for (std::size_t i = 1; i < pieces_.size(); ++i) {
    fields += cid;
    fields += pieces_[i];
  }
  return fields;
}

std::optional<net::ReadyResponse> ReadyBlocks::answer(const net::HttpRequest& http) const {
  if (!is_plain(http)) return std::nullopt;
  const std::string_view text = std::string_view(http.path).substr(kPrefix.size());
  if (text.find_first_of("/%") != std::string_view::npos) return std::nullopt;
  const auto cid = ipld::Cid::parse(text);
  if (!cid) return std::nullopt;
  auto block = store_.cached_public(*cid);
  if (!block) return std::nullopt;
  // Another spelling of the CID, or a host that stands for content, is answered in another way.
  if (cid->to_string() != text || !is_path_host(http, hosts_)) return std::nullopt;
  return net::ReadyResponse{fields_of(text), std::move(block), nullptr};
}

bool AskedBefore::note(const ipld::Cid& cid) {
  const std::size_t hash = std::hash<ipld::Cid>{}(cid);
  const auto mark = static_cast<std::uint32_t>(hash >> 32U) | 1U;  // 0 is an empty place.
  Marks& marks = marks_[hash % marks_.size()];
  const auto holds = [](std::uint32_t wanted) {
    return [wanted](const std::atomic<std::uint32_t>& place) {
      return place.load(std::memory_order_relaxed) == wanted;
    };
  };
  if (std::ranges::any_of(marks, holds(mark))) return true;
  const auto empty = std::ranges::find_if(marks, holds(0));
  auto& place = empty != marks.end() ? *empty : marks[(mark >> 1U) % kPlaces];
  place.store(mark, std::memory_order_relaxed);
  return false;
}

}  // namespace accel::gateway
