// SPDX-License-Identifier: Apache-2.0
#include "page.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace accel::server {
namespace {

constexpr std::string_view kFolder = "/dashboard/";

// Scripts and styles of this origin alone, nothing inline, nothing from elsewhere, in no frame; and
// where the browser knows Trusted Types no text becomes HTML, whatever the script does.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src "
    "'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kTypes{{
    {".css", "text/css; charset=utf-8"},
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
}};

std::string_view type_of(std::string_view name) {
  const auto* const type = std::ranges::find_if(
      kTypes, [&](const auto& candidate) { return name.ends_with(candidate.first); });
  return type == kTypes.end() ? "application/octet-stream" : type->second;
}

}  // namespace

std::optional<net::HttpResponse> page_response(std::string_view path) {
  std::string_view name = "index.html";
  if (path != "/") {
    if (!path.starts_with(kFolder)) return std::nullopt;
    name = path.substr(kFolder.size());
  }
  const auto files = page_files();
  const auto file = std::ranges::find(files, name, &PageFile::name);
  if (file == files.end()) return std::nullopt;
  net::HttpResponse response;
  const auto set = [&](std::string_view field, std::string_view value) {
    response.headers.add(std::string(field), std::string(value));
  };
  set("Content-Type", type_of(name));
  set("Content-Security-Policy", kPolicy);
  set("X-Content-Type-Options", "nosniff");
  set("X-Frame-Options", "DENY");
  set("Referrer-Policy", "no-referrer");
  set("Cross-Origin-Opener-Policy", "same-origin");
  set("Cross-Origin-Resource-Policy", "same-origin");
  set("Cache-Control", "no-cache");  // A newer program has a newer page.
  response.body = std::string(file->text);
  return response;
}

}  // namespace accel::server
