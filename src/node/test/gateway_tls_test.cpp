// SPDX-License-Identifier: Apache-2.0
#include "accel/node/gateway_tls.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "accel/core/file.hpp"
#include "accel/node/settings.hpp"

namespace accel::node {
namespace {

class GatewayTlsTest : public testing::Test {
 protected:
  GatewayTlsTest() {
    std::string pattern = testing::TempDir() + "gateway-tls-XXXXXX";
    home_.root = mkdtemp(pattern.data());
  }
  ~GatewayTlsTest() override { std::filesystem::remove_all(home_.root); }
  Result<net::ServerTls> with(const std::map<std::string, std::string>& settings) {
    const auto config = load_settings({home_, {}, settings});
    EXPECT_TRUE(config);
    return gateway_tls(home_, *config);
  }
  Home home_;
};

TEST_F(GatewayTlsTest, makes_a_pair_once_that_only_its_owner_can_read) {
  const auto first = with({});
  ASSERT_TRUE(first) << first.error().to_string();
  const auto key = read_text_file(first->key, 10'000).value();
  struct stat state{};
  ASSERT_EQ(::stat(first->key.c_str(), &state), 0);
  EXPECT_EQ(state.st_mode & 0777U, 0600U);
  EXPECT_EQ(read_text_file(with({})->key, 10'000).value(), key);
}

TEST_F(GatewayTlsTest, makes_a_new_pair_before_the_old_one_expires) {
  const auto first = with({}).value();
  const auto key = read_text_file(first.key, 10'000).value();
  std::filesystem::last_write_time(
      first.certificate,
      std::filesystem::file_time_type::clock::now() - std::chrono::hours(24 * 340));
  EXPECT_NE(read_text_file(with({})->key, 10'000).value(), key);
}

TEST_F(GatewayTlsTest, takes_files_that_are_named_but_not_one_alone) {
  const auto named = with({{"gateway.tls_certificate", "/a"}, {"gateway.tls_key", "/b"}});
  EXPECT_EQ(named.value().certificate, "/a");
  EXPECT_EQ(named.value().key, "/b");
  EXPECT_EQ(with({{"gateway.tls_key", "/b"}}).error().code, Errc::invalid_argument);
}

TEST_F(GatewayTlsTest, the_api_speaks_tls_only_with_a_whole_pair_that_is_named) {
  const auto api = [&](const std::map<std::string, std::string>& settings) {
    return api_tls(load_settings({home_, {}, settings}).value());
  };
  EXPECT_FALSE(api({}).value());
  const auto named = api({{"api.tls_certificate", "/a"}, {"api.tls_key", "/b"}}).value();
  ASSERT_TRUE(named);
  EXPECT_EQ(named->client_ca, "");
  EXPECT_EQ(api({{"api.tls_certificate", "/a"}}).error().code, Errc::invalid_argument);
  EXPECT_EQ(api({{"api.client_ca", "/c"}}).error().code, Errc::invalid_argument)
      << "else clients would be let in without a certificate";
}

}  // namespace
}  // namespace accel::node
