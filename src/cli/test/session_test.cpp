// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include <gtest/gtest.h>

#include "accel/core/async/io.hpp"
#include "accel/core/random.hpp"
#include "accel/net/http_server.hpp"

namespace accel::cli {
namespace {

Task<net::HttpResponse> hello(net::HttpRequest, std::stop_token) {
  co_return net::text_response(200, "hello");
}

class TempHome {
 public:
  explicit TempHome(std::size_t name_length)
      : top_(std::filesystem::temp_directory_path() /
             ("accel-cli-" + random_hex(system_random(), 8))),
        home_(top_ / std::string(name_length, 'h')) {
    std::filesystem::create_directories(home_);
  }
  ~TempHome() {
    std::error_code ignored;
    std::filesystem::remove_all(top_, ignored);
  }
  TempHome(const TempHome&) = delete;
  TempHome& operator=(const TempHome&) = delete;
  const std::filesystem::path& path() const { return home_; }

 private:
  std::filesystem::path top_;
  std::filesystem::path home_;
};

TEST(Session, finds_the_daemon_of_a_home_with_a_path_of_any_length) {
  for (const std::size_t length : {4U, 200U}) {
    const TempHome home(length);
    GlobalFlags flags;
    flags.home = home.path().string();
    const auto session = Session::create(flags, {});
    ASSERT_TRUE(session.has_value()) << session.error().message;
    EXPECT_FALSE((*session)->has_daemon());
    IoThread io;
    const auto server = net::HttpServer::listen(
        io.executor(), net::UnixEndpoint{(*session)->home().api_socket()}, hello);
    ASSERT_TRUE(server.has_value()) << server.error().message;
    EXPECT_TRUE((*session)->has_daemon()) << length;
    flags.no_daemon = true;
    EXPECT_FALSE(Session::create(flags, {}).value()->has_daemon());
    (*server)->stop();
    EXPECT_FALSE((*session)->has_daemon());
  }
}

}  // namespace
}  // namespace accel::cli
