// SPDX-License-Identifier: Apache-2.0
#include "listener.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "support.hpp"
#include "unix_address.hpp"

namespace accel::net {
namespace {

mode_t mode_of(const std::filesystem::path& path) {
  struct stat found{};
  EXPECT_EQ(::lstat(path.c_str(), &found), 0);
  return found.st_mode & 0777U;
}

TEST(Listener, gives_the_port_that_the_kernel_chose) {
  const auto listener = open_listener(TcpEndpoint{});
  ASSERT_TRUE(listener.has_value()) << listener.error().message;
  EXPECT_GT(std::get<TcpEndpoint>(listener->local).port, 0);
}

TEST(Listener, says_that_a_port_is_in_use) {
  const auto first = open_listener(TcpEndpoint{});
  ASSERT_TRUE(first.has_value());
  const auto second = open_listener(first->local);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::unavailable);
  EXPECT_NE(second.error().message.find(to_string(first->local)), std::string::npos);
}

TEST(Listener, refuses_a_host_that_is_no_address) {
  const auto listener = open_listener(TcpEndpoint{.host = "example.org", .port = 0});
  EXPECT_EQ(listener.error().code, Errc::invalid_argument);
}

TEST(Listener, a_socket_file_is_for_its_owner_only_and_goes_with_the_server) {
  const TempDir folder;
  const auto path = folder.path() / "api.sock";
  const mode_t before = ::umask(0);
  {
    const auto listener = open_listener(UnixEndpoint{path});
    ASSERT_TRUE(listener.has_value()) << listener.error().message;
    EXPECT_EQ(mode_of(path), 0600U);
  }
  ::umask(before);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Listener, a_socket_file_that_a_crash_left_is_replaced) {
  const TempDir folder;
  const auto path = folder.path() / "api.sock";
  {
    // Bound, never listening, closed: what kill -9 leaves.
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    const auto address = unix_address(path);
    ASSERT_EQ(::bind(dead.get(), address->get(), address->length), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_TRUE(open_listener(UnixEndpoint{path}).has_value());
}

TEST(Listener, a_socket_that_lives_is_never_taken) {
  const TempDir folder;
  const auto path = folder.path() / "api.sock";
  const auto first = open_listener(UnixEndpoint{path});
  ASSERT_TRUE(first.has_value());
  const auto second = open_listener(UnixEndpoint{path});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::unavailable);
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(Listener, a_file_that_is_no_socket_is_kept) {
  const TempDir folder;
  const auto path = folder.path() / "api.sock";
  ASSERT_TRUE(write_file_atomic(path, as_bytes("precious")).has_value());
  const auto listener = open_listener(UnixEndpoint{path});
  EXPECT_EQ(listener.error().code, Errc::already_exists);
  EXPECT_EQ(read_text_file(path, 100).value(), "precious");
}

TEST(Listener, does_not_remove_the_file_of_its_successor) {
  const TempDir folder;
  const auto path = folder.path() / "api.sock";
  auto first = open_listener(UnixEndpoint{path});
  ASSERT_TRUE(first.has_value());
  std::filesystem::remove(path);
  const auto second = open_listener(UnixEndpoint{path});
  ASSERT_TRUE(second.has_value());
  first->file = SocketFile{};
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(Listener, a_path_longer_than_the_kernels_limit_works) {
  const TempDir folder;
  const auto deep = folder.path() / std::string(100, 'd') / std::string(100, 'e');
  std::filesystem::create_directories(deep);
  const auto listener = open_listener(UnixEndpoint{deep / "api.sock"});
  ASSERT_TRUE(listener.has_value()) << listener.error().message;
  EXPECT_EQ(mode_of(deep / "api.sock"), 0600U);
  EXPECT_EQ(open_listener(UnixEndpoint{deep / "api.sock"}).error().code, Errc::unavailable);
}

TEST(CanConnect, tells_a_socket_that_lives_from_one_that_a_crash_left_at_paths_of_any_length) {
  const TempDir folder;
  for (const std::size_t length : {1U, 60U, 200U}) {
    const UnixEndpoint endpoint{folder.path() / std::string(length, 'd') / "api.sock"};
    EXPECT_FALSE(can_connect(endpoint)) << length;
    std::filesystem::create_directories(endpoint.path.parent_path());
    EXPECT_FALSE(can_connect(endpoint)) << length;
    {
      const auto listener = open_listener(endpoint);
      ASSERT_TRUE(listener.has_value()) << listener.error().message;
      EXPECT_TRUE(can_connect(endpoint)) << length;
    }
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    const auto address = unix_address(endpoint.path);
    ASSERT_EQ(::bind(dead.get(), address->get(), address->length), 0);
    EXPECT_FALSE(can_connect(endpoint)) << length;
  }
}

TEST(Listener, says_which_folder_is_missing) {
  const auto listener = open_listener(UnixEndpoint{"/nonexistent/folder/api.sock"});
  ASSERT_FALSE(listener.has_value());
  EXPECT_EQ(listener.error().code, Errc::not_found);
}

TEST(Endpoint, reads_and_writes_its_text) {
  EXPECT_EQ(to_string(parse_endpoint("127.0.0.1:8080").value()), "127.0.0.1:8080");
  EXPECT_EQ(to_string(parse_endpoint(":8080").value()), "127.0.0.1:8080");
  EXPECT_EQ(to_string(parse_endpoint("8080").value()), "127.0.0.1:8080");
  EXPECT_EQ(base_url(parse_endpoint("[::1]:0").value()), "http://[::1]:0");
  EXPECT_EQ(base_url(parse_endpoint("unix:/run/a.sock").value()), "unix:/run/a.sock");
  for (const char* bad : {"", "a", "8080a", "65536", "a:", "a:x", "a:65536", "::1:80", "a:80x"}) {
    EXPECT_FALSE(parse_endpoint(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace accel::net
