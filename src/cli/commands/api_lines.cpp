// SPDX-License-Identifier: Apache-2.0
#include "api_lines.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace accel::cli {
namespace {

std::string quoted(const std::string& text) {
  std::string word = "'";
  for (const char letter : text)
    word += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
  return word + "'";
}

}  // namespace

std::string page_url(const std::string& api) {
  std::string url = api + "/";
  for (const auto& [any, loopback] :
       {std::pair<std::string_view, std::string_view>{"//0.0.0.0:", "//127.0.0.1:"},
        {"//[::]:", "//[::1]:"}}) {
    const std::size_t at = url.find(any);
    if (at != std::string::npos) url.replace(at, any.size(), loopback);
  }
  return url;
}

std::string curl_line(const std::string& api, const node::Home& home) {
  if (api.empty()) {
    return fmt::format("curl --unix-socket {} http://localhost/v1/models",
                       quoted(home.api_socket().string()));
  }
  return fmt::format("curl -H \"Authorization: Bearer $(cat {})\" {}v1/models",
                     quoted(home.api_token().string()), page_url(api));
}

}  // namespace accel::cli
