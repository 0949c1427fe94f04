// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_routing.hpp"

#include <gtest/gtest.h>

#include "accel/core/file.hpp"
#include "accel/node/settings.hpp"

namespace accel::node {
namespace {

class GatewayRecord : public testing::Test {
 protected:
  GatewayRecord() {
    std::string pattern = testing::TempDir() + "gateway-routing-XXXXXX";
    home_.root = mkdtemp(pattern.data());
  }
  ~GatewayRecord() override { std::filesystem::remove_all(home_.root); }
  Result<routing::PeerRecord> with(const std::vector<std::string>& listeners,
                                   const std::map<std::string, std::string>& settings = {}) {
    const auto config = load_settings({home_, {}, settings});
    if (!config) return fail(Error(config.error()));
    return gateway_record(home_, *config, listeners);
  }
  Home home_;
};

TEST_F(GatewayRecord, has_the_listeners_addresses_and_one_peer_id_for_good) {
  const auto record = with({"https://127.0.0.1:8443", "http://127.0.0.1:8080"});
  ASSERT_TRUE(record) << record.error().to_string();
  EXPECT_EQ(record->addresses, (std::vector<std::string>{"/ip4/127.0.0.1/tcp/8443/tls/http",
                                                         "/ip4/127.0.0.1/tcp/8080/http"}));
  EXPECT_TRUE(record->id.starts_with("Qm")) << record->id;
  EXPECT_TRUE(ipld::IpnsName::parse(record->id));
  EXPECT_EQ(with({"http://127.0.0.1:8080"})->id, record->id);
}

TEST_F(GatewayRecord, names_no_address_of_a_listener_on_all_but_what_is_announced) {
  EXPECT_TRUE(with({"http://0.0.0.0:8080", "https://[::]:8443"})->addresses.empty());
  const auto announced =
      with({"http://0.0.0.0:8080"}, {{"gateway.announce", "https://models.example"}});
  EXPECT_EQ(announced->addresses, std::vector<std::string>{"/dns/models.example/tcp/443/tls/http"});
  EXPECT_FALSE(with({}, {{"gateway.announce", "nonsense"}}));
}

}  // namespace
}  // namespace accel::node
