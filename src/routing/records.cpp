// SPDX-License-Identifier: Apache-2.0
#include "accel/routing/records.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "accel/ipld/ipns_name.hpp"
#include "accel/net/headers.hpp"
#include "accel/net/url.hpp"
#include "accel/routing/http_address.hpp"

namespace accel::routing {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxFilters = 32;
constexpr std::size_t kMaxIdBytes = 128;
constexpr std::string_view kUnknown = "unknown";

const char* list_name(RecordList list) {
  return list == RecordList::providers ? "Providers" : "Peers";
}

Result<std::vector<std::string>> filter_names(std::string_view query, std::string_view key) {
  const std::string text = net::to_lower_ascii(net::query_value(query, key).value_or(""));
  std::vector<std::string> names;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string_view name = net::trim_blanks(std::string_view(text).substr(at, end - at));
    if (name.size() > kMaxProtocolBytes || names.size() == kMaxFilters) {
      return fail(Errc::invalid_argument,
                  "{} has more than {} names, or one of more than {} characters.", key, kMaxFilters,
                  kMaxProtocolBytes);
    }
    if (!name.empty()) names.emplace_back(name);
    at = end + 1;
  }
  return names;
}

// Whether a multiaddr has a protocol of this name. Values count as well, as long as nothing here
// knows which protocols have one: a host that is called "tls" only makes an answer longer.
bool has_part(std::string_view address, std::string_view name) {
  while (!address.empty()) {
    address.remove_prefix(1);
    const std::size_t end = std::min(address.find('/'), address.size());
    if (net::equals_ignoring_case(address.substr(0, end), name)) return true;
    address.remove_prefix(end);
  }
  return false;
}

bool passes(std::string_view address, const Filters& filters) {
  const auto has = [&](const std::string& name) { return has_part(address, name); };
  if (std::ranges::any_of(filters.not_addresses, has)) return false;
  return filters.addresses.empty() || std::ranges::any_of(filters.addresses, has);
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool is_wanted(const std::vector<std::string>& protocols, const Filters& filters) {
  if (filters.protocols.empty()) return true;
  if (protocols.empty()) return contains(filters.protocols, kUnknown);
  return std::ranges::any_of(protocols, [&](const std::string& protocol) {
    return contains(filters.protocols, net::to_lower_ascii(protocol));
  });
}

json json_of(const PeerRecord& record) {
  return {{"Schema", "peer"},
          {"ID", record.id},
          {"Addrs", record.addresses},
          {"Protocols", record.protocols}};
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<json> parse(std::string_view text) {
  bool too_deep = false;
  const auto watch = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  json value = json::parse(text, watch, /*allow_exceptions=*/false);
  if (value.is_discarded() || too_deep) {
    return fail(Errc::corrupt, "The router's answer is no JSON.");
  }
  return value;
}

bool is_plain(std::string_view text, std::size_t max_bytes) {
  return !text.empty() && text.size() <= max_bytes &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

// The texts of a list that are fit to be shown and used.
std::vector<std::string> texts_of(const json& object, const char* key, std::size_t most,
                                  std::size_t max_bytes) {
  std::vector<std::string> texts;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array()) return texts;
  for (const json& item : *found) {
    if (texts.size() == most) break;
    if (!item.is_string()) continue;
    const auto& text = item.get_ref<const std::string&>();
    if (is_plain(text, max_bytes)) texts.push_back(text);
  }
  return texts;
}

std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<PeerRecord> record_of(const json& value) {
  if (!value.is_object()) return std::nullopt;
  PeerRecord record;
  record.id = text_of(value, "ID");
  if (!is_plain(record.id, kMaxIdBytes) || !ipld::IpnsName::parse(record.id)) return std::nullopt;
  record.addresses = texts_of(value, "Addrs", kMaxAddresses, kMaxAddressBytes);
  std::erase_if(record.addresses, [](const std::string& text) { return !text.starts_with('/'); });
  record.protocols = texts_of(value, "Protocols", kMaxProtocols, kMaxProtocolBytes);
  const std::string legacy = text_of(value, "Protocol");
  if (is_plain(legacy, kMaxProtocolBytes) && !contains(record.protocols, legacy)) {
    record.protocols.push_back(legacy);
  }
  return record;
}

}  // namespace

Result<Filters> read_filters(std::string_view query) {
  Filters filters;
  ACCEL_TRY(const auto addresses, filter_names(query, "filter-addrs"));
  for (const std::string& name : addresses) {
    if (name.starts_with('!')) {
      filters.not_addresses.push_back(name.substr(1));
    } else {
      filters.addresses.push_back(name);
    }
  }
  ACCEL_TRY(filters.protocols, filter_names(query, "filter-protocols"));
  return filters;
}

std::optional<PeerRecord> apply_filters(PeerRecord record, const Filters& filters) {
  if (!is_wanted(record.protocols, filters)) return std::nullopt;
  if (filters.addresses.empty() && filters.not_addresses.empty()) return record;
  if (record.addresses.empty()) {
    const bool takes_unknown = contains(filters.addresses, kUnknown) || filters.addresses.empty();
    return takes_unknown ? std::optional(std::move(record)) : std::nullopt;
  }
  std::erase_if(record.addresses,
                [&](const std::string& address) { return !passes(address, filters); });
  if (record.addresses.empty()) return std::nullopt;
  return record;
}

std::string write_json(RecordList list, const std::vector<PeerRecord>& records) {
  json all = json::array();
  for (const PeerRecord& record : records) all.push_back(json_of(record));
  return dump(json{{list_name(list), std::move(all)}});
}

std::string write_lines(const std::vector<PeerRecord>& records) {
  std::string lines;
  for (const PeerRecord& record : records) lines += dump(json_of(record)) + "\n";
  return lines;
}

Status ReplyReader::feed(ByteView piece) {
  bytes_ += piece.size();
  if (bytes_ > limits_.max_bytes) {
    return fail(Errc::resource_exhausted, "The router's answer has more than {} bytes.",
                limits_.max_bytes);
  }
  if (form_ == Form::json) {
    text_ += as_text(piece);
    return {};
  }
  for (std::string_view left = as_text(piece); !left.empty() && !is_full();) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    text_ += left.substr(0, end);
    if (text_.size() > limits_.max_line_bytes) {
      return fail(Errc::resource_exhausted, "A line of the router's answer has more than {} bytes.",
                  limits_.max_line_bytes);
    }
    if (end < left.size()) ACCEL_CHECK(take_line());
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return {};
}

Status ReplyReader::take_line() {
  const std::string line = std::exchange(text_, {});
  if (line.find_first_not_of(" \t\r") == std::string::npos) return {};
  ACCEL_TRY(const json value, parse(line));
  if (auto record = record_of(value)) records_.push_back(*std::move(record));
  return {};
}

Result<std::vector<PeerRecord>> ReplyReader::finish() {
  if (form_ == Form::lines) {
    if (!is_full()) ACCEL_CHECK(take_line());
    return std::move(records_);
  }
  ACCEL_TRY(const json value, parse(text_));
  if (!value.is_object()) return fail(Errc::corrupt, "The router's answer is no JSON object.");
  const auto found = value.find(list_name(list_));
  if (found == value.end() || found->is_null()) return std::move(records_);
  if (!found->is_array()) {
    return fail(Errc::corrupt, "{} of the router's answer is no list.", list_name(list_));
  }
  for (const json& item : *found) {
    if (is_full()) break;
    if (auto record = record_of(item)) records_.push_back(*std::move(record));
  }
  return std::move(records_);
}

}  // namespace accel::routing
