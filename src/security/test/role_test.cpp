// SPDX-License-Identifier: Apache-2.0
#include "accel/security/role.hpp"

#include <gtest/gtest.h>

#include "accel/security/principal.hpp"

namespace accel::security {
namespace {

Principal of(Role role) { return {"ak_0123456789ab", role}; }

Errc refusal(const Status& status) { return status ? Errc::internal : status.error().code; }

TEST(Role, each_may_what_the_ones_before_it_may) {
  const Role roles[] = {Role::stranger, Role::read, Role::inference, Role::operate, Role::admin};
  for (const MethodRole& row : method_roles()) {
    for (const Role role : roles)
      EXPECT_EQ(of(role).may_call(row.method).has_value(), role >= row.least) << row.method;
  }
}

TEST(Role, has_a_name_that_leads_back_to_it) {
  for (const Role role : {Role::read, Role::inference, Role::operate, Role::admin})
    EXPECT_EQ(role_from_name(role_name(role)).value(), role);
  for (const char* name : {"stranger", "", "Admin", "root"}) EXPECT_FALSE(role_from_name(name));
}

TEST(Role, of_a_method_that_the_table_lacks_is_nobodys_but_an_admins) {
  EXPECT_EQ(least_role("no.such"), std::nullopt);
  EXPECT_EQ(refusal(of(Role::operate).may_call("no.such")), Errc::permission_denied);
}

TEST(Role, files_of_the_machine_are_an_admins_in_whatever_method) {
  for (const char* method : {"content.pull", "dag.export", "content.tensors"}) {
    EXPECT_TRUE(of(Role::operate).may_call(method)) << method;
    EXPECT_FALSE(of(Role::operate).may_name(method, "output")) << method;
    EXPECT_TRUE(of(Role::admin).may_name(method, "output")) << method;
  }
  EXPECT_FALSE(of(Role::operate).may_name("block.put", "path"));
  EXPECT_TRUE(of(Role::operate).may_name("name.publish", "path")) << "that is one of IPFS";
  for (const char* method :
       {"content.add", "content.adopt", "content.get", "dag.import", "key.export", "key.import"})
    EXPECT_EQ(least_role(method), Role::admin) << method;
}

TEST(Role, where_a_node_asks_is_not_for_who_only_runs_models) {
  for (const char* parameter : {"sources", "file_sources", "routers", "peers"}) {
    EXPECT_FALSE(of(Role::inference).may_name("run", parameter)) << parameter;
    EXPECT_TRUE(of(Role::operate).may_name("run", parameter)) << parameter;
  }
  EXPECT_TRUE(of(Role::inference).may_name("run", "inputs"));
}

TEST(Principal, is_told_which_role_it_lacks_and_a_stranger_where_keys_come_from) {
  const Status operate = of(Role::read).may_call("pin.add");
  ASSERT_FALSE(operate);
  EXPECT_EQ(operate.error().code, Errc::permission_denied);
  EXPECT_EQ(operate.error().message,
            "pin.add takes the role operator; ak_0123456789ab has the role read.");
  const Status stranger = Principal::stranger.may_call("pin.ls");
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().code, Errc::unauthenticated);
  EXPECT_NE(stranger.error().message.find("api-keys create"), std::string::npos);
}

TEST(Principal, runs_the_models_of_its_key_by_their_names_alone) {
  ApiKey key;
  key.role = Role::inference;
  key.models = {"minilm"};
  const Principal held{"ak_0123456789ab", Role::inference,
                       std::make_shared<const KeyEntry>(KeyEntry{key, nullptr})};
  EXPECT_TRUE(held.may_run("minilm"));
  for (const char* other : {"minilm2", "MiniLM", "bafybeic", "minilm@bafybeic", "", "./minilm"})
    EXPECT_EQ(refusal(held.may_run(other)), Errc::permission_denied) << other;
  EXPECT_TRUE(of(Role::inference).may_run("anything"));
}

}  // namespace
}  // namespace accel::security
