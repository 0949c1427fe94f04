// SPDX-License-Identifier: Apache-2.0
#include "listing.hpp"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "accel/net/url.hpp"

namespace accel::gateway {

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string listing_html(const GatewayRequest& request, const FoundFolder& folder) {
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title></head>\n"
      "<body><h1>Index of {0}</h1>\n<table>\n",
      escape_html(request.content_path));
  auto out = std::back_inserter(page);
  for (const auto& entry : folder.entries) {
    const bool is_folder =
        entry.kind == ipld::NodeKind::directory || entry.kind == ipld::NodeKind::hamt;
    fmt::format_to(out, "<tr><td><a href=\"{}/{}\">{}{}</a></td><td>{}</td><td>{}</td></tr>\n",
                   request.content_path, net::percent_encode(entry.name), escape_html(entry.name),
                   is_folder ? "/" : "", human_bytes(entry.bytes), entry.cid);
  }
  page += "</table>\n";
  if (folder.truncated) {
    fmt::format_to(out, "<p>Only the first {} entries are shown.</p>\n", folder.entries.size());
  }
  return page + "</body></html>\n";
}

std::string listing_json(const GatewayRequest& request, const FoundFolder& folder) {
  nlohmann::json entries = nlohmann::json::array();
  for (const auto& entry : folder.entries) {
    nlohmann::json one;
    one["name"] = entry.name;
    one["cid"] = entry.cid.to_string();
    one["kind"] = ipld::node_kind_name(entry.kind);
    one["bytes"] = entry.bytes;
    entries.push_back(std::move(one));
  }
  nlohmann::json page;
  page["cid"] = folder.cid.to_string();
  page["path"] = request.content_path;
  page["truncated"] = folder.truncated;
  page["entries"] = std::move(entries);
  // A name that is not UTF-8 gets replacement characters: its CID still says what is meant.
  return page.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace accel::gateway
