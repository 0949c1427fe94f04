// SPDX-License-Identifier: Apache-2.0
#include "listing.hpp"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "accel/core/markup.hpp"
#include "accel/net/url.hpp"
#include "page_style.hpp"
#include "path_text.hpp"

namespace accel::gateway {

namespace {

// Where links of a page lead, by the way in which the client came.
struct Links {
  std::string base;    // In front of a path below the root, for links that stay here.
  std::string crumbs;  // The same for breadcrumbs: they lead by the gateway's own host.
  std::string cids;    // In front of "/ipfs/{cid}".
};

Links links_of(const GatewayRequest& request) {
  const Route& route = request.route;
  const std::string root =
      escape_markup(fmt::format("/{}/{}", namespace_name(route.space), encode_segment(route.root)));
  const std::string host = "//" + escape_markup(route.host);
  switch (route.mount) {
    case Mount::path:
      return {root, root, ""};
    case Mount::subdomain:
      return {"", host + root, host};
    case Mount::dnslink:
      return {"", host, ""};
  }
  return {};
}

// /ipfs/<a>{cid}</a>/<a>folder</a>
std::string breadcrumbs(const GatewayRequest& request, const Links& links) {
  const Route& route = request.route;
  const bool is_site = route.mount == Mount::dnslink;
  std::string out = fmt::format("/{}/<a href=\"{}{}\">{}</a>", namespace_name(route.space),
                                links.crumbs, is_site ? "/" : "", escape_markup(route.root));
  std::string path = links.crumbs;
  for (const std::string& name : route.path) {
    path += "/" + escape_markup(encode_segment(name));
    out += fmt::format("/<a href=\"{}\">{}</a>", path, escape_markup(name));
  }
  return out;
}

// A site's own host serves no other content: there the CID leads to a page that explains it.
std::string cid_link(const GatewayRequest& request, const Links& links,
                     const blockstore::DirEntry& entry) {
  if (request.route.mount == Mount::dnslink) {
    return fmt::format(
        "<a class=\"ipfs-hash\" translate=\"no\" href=\"https://cid.ipfs.tech/#{0}\" "
        "target=\"_blank\" rel=\"noreferrer noopener\">{0}</a>",
        entry.cid);
  }
  // Encoded twice, as other gateways do.
  const std::string name = net::percent_encode(net::percent_encode(entry.name));
  return fmt::format(
      "<a class=\"ipfs-hash\" translate=\"no\" href=\"{0}/ipfs/{1}?filename={2}\">{1}</a>",
      links.cids, entry.cid, name);
}

void add_row(std::string& page, const GatewayRequest& request, const Links& links,
             const blockstore::DirEntry& entry) {
  const bool is_folder =
      entry.kind == ipld::NodeKind::directory || entry.kind == ipld::NodeKind::hamt;
  fmt::format_to(std::back_inserter(page),
                 "<tr><td class=\"name{}\"><a href=\"{}{}/{}\">{}</a></td>"
                 "<td class=\"cid\">{}</td><td class=\"size\">{}</td></tr>\n",
                 is_folder ? " folder" : "", links.base,
                 escape_markup(encode_path(request.route.path)),
                 escape_markup(encode_segment(entry.name)), escape_markup(entry.name),
                 cid_link(request, links, entry), human_bytes(entry.bytes));
}

}  // namespace

std::string listing_html(const GatewayRequest& request, const FoundFolder& folder) {
  const Links links = links_of(request);
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<title>{}</title>{}</head>\n<body><main><h1>Index of {}</h1>\n"
      "<p>CID <code translate=\"no\">{}</code></p>\n"
      "<table><tr><th>Name</th><th class=\"cid\">CID</th><th>Size</th></tr>\n",
      escape_markup(request.content_path), kPageStyle, breadcrumbs(request, links), folder.cid);
  if (!request.route.path.empty()) {
    page += fmt::format(
        "<tr><td class=\"name\"><a href=\"{}{}/..\">..</a></td><td class=\"cid\"></td>"
        "<td class=\"size\"></td></tr>\n",
        links.base, escape_markup(encode_path(request.route.path)));
  }
  for (const auto& entry : folder.entries) add_row(page, request, links, entry);
  page += "</table>\n";
  if (folder.truncated) {
    page += fmt::format("<p>Only {} of the entries are shown.</p>\n", folder.entries.size());
  }
  return page + "</main></body></html>\n";
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
