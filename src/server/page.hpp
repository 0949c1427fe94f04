// SPDX-License-Identifier: Apache-2.0
#pragma once
// The page at / of the API's port: the files of dashboard/, which the build puts into the program.
// They hold nothing of the node: what the page shows it asks the API for, with the token. Used by
// ApiServer. Pure functions.

#include <optional>
#include <span>
#include <string_view>

#include "accel/net/message.hpp"

namespace accel::server {

struct PageFile {
  std::string_view name;  // "index.html"
  std::string_view text;
};

// Made by the build from dashboard/.
std::span<const PageFile> page_files();

// "/" and "/dashboard/<name>"; nothing for another path.
std::optional<net::HttpResponse> page_response(std::string_view path);

}  // namespace accel::server
