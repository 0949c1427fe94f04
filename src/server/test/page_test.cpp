// SPDX-License-Identifier: Apache-2.0
// The page's files as they are sent: the same ones as in dashboard/, under a policy that lets no
// text of a stranger run.
#include "page.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "accel/core/file.hpp"

namespace accel::server {
namespace {

constexpr std::size_t kMaxPageFile = 1U << 20U;

const std::string& text_of(const net::HttpResponse& response) {
  return std::get<std::string>(response.body);
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST(Page, is_what_lies_in_the_folder) {
  std::vector<std::string> expected;
  for (const auto& entry : std::filesystem::directory_iterator("dashboard")) {
    const std::string name = entry.path().filename().string();
    if (name == "README.md" || name == "package.json") continue;
    expected.push_back(name);
    const auto sent = page_response("/dashboard/" + name);
    ASSERT_TRUE(sent.has_value()) << name << " is not in src/server/CMakeLists.txt";
    EXPECT_EQ(text_of(*sent), read_text_file(entry.path(), kMaxPageFile).value()) << name;
  }
  EXPECT_EQ(expected.size(), page_files().size());
}

TEST(Page, comes_at_the_root_with_headers_that_confine_it) {
  const auto page = page_response("/");
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->headers.get_or("Content-Type", ""), "text/html; charset=utf-8");
  const std::string_view policy = page->headers.get_or("Content-Security-Policy", "");
  for (const char* const rule :
       {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'",
        "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'"}) {
    EXPECT_TRUE(contains(policy, rule)) << rule;
  }
  EXPECT_FALSE(contains(policy, "unsafe"));
  EXPECT_EQ(page->headers.get_or("X-Content-Type-Options", ""), "nosniff");
  EXPECT_EQ(page->headers.get_or("X-Frame-Options", ""), "DENY");
  EXPECT_EQ(page->headers.get_or("Referrer-Policy", ""), "no-referrer");
  EXPECT_EQ(page->headers.get_or("Cross-Origin-Resource-Policy", ""), "same-origin");
}

TEST(Page, names_the_type_of_each_file) {
  const auto type = [](const char* path) {
    const auto response = page_response(path);
    return response ? std::string(response->headers.get_or("Content-Type", "")) : std::string();
  };
  EXPECT_EQ(type("/dashboard/main.js"), "text/javascript; charset=utf-8");
  EXPECT_EQ(type("/dashboard/style.css"), "text/css; charset=utf-8");
  EXPECT_EQ(type("/dashboard/icon.svg"), "image/svg+xml");
}

TEST(Page, has_nothing_else) {
  for (const char* const path :
       {"/dashboard", "/dashboard/", "/dashboard/../main.js", "/dashboard/none.js", "/index.html",
        "/dashboard/main.js/", "//", ""}) {
    EXPECT_FALSE(page_response(path).has_value()) << path;
  }
}

// What a policy forbids would fail in the browser alone; here it fails in every build.
TEST(Page, has_no_inline_script_and_loads_nothing_from_elsewhere) {
  for (const PageFile& file : page_files()) {
    for (const char* const banned :
         {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "https://",
          "style=\"", "onclick=\"", "javascript:"}) {
      EXPECT_FALSE(contains(file.text, banned)) << file.name << " has " << banned;
    }
  }
}

}  // namespace
}  // namespace accel::server
