// SPDX-License-Identifier: Apache-2.0
// What a caller may, at the one place that every protocol goes through.
#include <gtest/gtest.h>

#include <set>

#include "accel/core/random.hpp"
#include "accel/node/settings.hpp"
#include "accel/security/gate.hpp"
#include "access/caller_check.hpp"

namespace accel::node {
namespace {

using nlohmann::json;
using security::Role;

TEST(MethodRoles, are_complete_and_name_no_method_that_there_is_not) {
  std::set<std::string_view> methods;
  for (const MethodInfo& method : Node::methods()) {
    methods.insert(method.name);
    const auto least = security::least_role(method.name);
    ASSERT_TRUE(least) << method.name << " has no role: add it to security/role.cpp";
    EXPECT_EQ(method.access == Access::open, *least == Role::stranger) << method.name;
  }
  for (const auto& row : security::method_roles())
    EXPECT_TRUE(methods.contains(row.method)) << row.method << " is no method";
}

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    std::string pattern = testing::TempDir() + "access-XXXXXX";
    home_.root = mkdtemp(pattern.data());
    config_ = std::make_unique<Config>(load_settings({home_, {}, {}}).value());
    node_ = Node::open({.home = home_.root, .is_daemon = true}, *config_).value();
  }
  ~AccessTest() override {
    node_.reset();
    std::filesystem::remove_all(home_.root);
  }
  json ask(std::string_view method, const json& params, const Caller& caller) {
    const auto result = node_->call(method, params, {}, {}, caller);
    return result ? *result : json{{"error", errc_name(result.error().code)}};
  }
  Caller key(const json& params) {
    const json made = ask("api_keys.create", params, Caller::process);
    return node_->gate().authenticate(made.at("key").get<std::string>()).value();
  }
  Home home_;
  std::unique_ptr<Config> config_;
  std::unique_ptr<Node> node_;
};

TEST_F(AccessTest, a_call_takes_its_role_whoever_brings_it) {
  const Caller reader = key({{"role", "read"}});
  EXPECT_EQ(ask("pin.ls", json::object(), reader)["error"], "permission_denied");
  EXPECT_TRUE(ask("models.list", json::object(), reader).contains("models"));
  EXPECT_EQ(ask("pin.ls", json::object(), Caller::stranger)["error"], "unauthenticated");
  EXPECT_TRUE(ask("node.status", json::object(), reader).contains("home"));
  EXPECT_EQ(ask("node.status", json::object(), Caller::stranger), (json{{"home_format", 1}}));
  EXPECT_TRUE(ask("pin.ls", json::object(), Caller::token).contains("pins"));
}

TEST_F(AccessTest, an_operator_neither_reads_nor_writes_files_of_the_machine) {
  const Caller operate = key({{"role", "operator"}});
  const std::string token = home_.token().value();
  const json path{{"path", home_.api_token().string()}};
  EXPECT_EQ(ask("content.add", path, operate)["error"], "permission_denied");
  EXPECT_EQ(ask("block.put", path, operate)["error"], "permission_denied");
  EXPECT_EQ(ask("dag.put", path, operate)["error"], "permission_denied");
  EXPECT_TRUE(ask("block.put", {{"data", "AAAA"}}, operate).contains("cid"));
  const json out{{"targets", {"bafkqaaa"}}, {"output", (home_.root / "out").string()}};
  EXPECT_EQ(ask("dag.export", out, operate)["error"], "permission_denied");
  EXPECT_FALSE(std::filesystem::exists(home_.root / "out"));
}

TEST_F(AccessTest, a_key_that_runs_models_pulls_none_and_names_no_source) {
  const Caller runner = key({{"role", "inference"}});
  const json run{{"model", "bafkqaaa"}, {"inputs", {"x"}}, {"sources", {"http://10.0.0.1"}}};
  EXPECT_EQ(ask("run", run, runner)["error"], "permission_denied");
  const auto refused = node_->call(
      "run",
      {{"model", "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"}, {"inputs", {"x"}}},
      {}, {}, runner);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::not_found);
  EXPECT_NE(refused.error().message.find("operator"), std::string::npos) << refused.error().message;
}

TEST_F(AccessTest, a_key_of_one_model_is_held_to_it) {
  const Caller held = key({{"role", "inference"}, {"models", {"minilm"}}});
  EXPECT_EQ(ask("run", {{"model", "other"}, {"inputs", {"x"}}}, held)["error"],
            "permission_denied");
  EXPECT_EQ(ask("model.infer", {{"model", "other"}}, held)["error"], "permission_denied");
  EXPECT_EQ(ask("text.generate", {{"model", "other"}}, held)["error"], "permission_denied");
  EXPECT_EQ(ask("run", {{"model", "minilm"}, {"inputs", {"x"}}}, held)["error"], "not_found");
  const json drafted{{"model", "minilm"}, {"prompt", "x"}, {"draft", "other"}};
  EXPECT_EQ(ask("text.generate", drafted, held)["error"], "permission_denied");
  const json looked_up{{"model", "minilm"}, {"prompt", "x"}, {"draft", "prompt-lookup"}};
  EXPECT_EQ(ask("text.generate", looked_up, held)["error"], "not_found");
  json list{{"models", {{{"name", "minilm"}}, {{"name", "other"}}, {{"name", nullptr}}}}};
  keep_own_models(held, "models.list", list);
  EXPECT_EQ(list, (json{{"models", {{{"name", "minilm"}}}}}));
}

TEST_F(AccessTest, keys_are_made_listed_and_revoked_and_shown_once) {
  const json made =
      ask("api_keys.create", {{"role", "inference"}, {"label", "ci"}, {"tokens_per_day", 5}},
          Caller::process);
  const std::string secret = made.at("key");
  const json list = ask("api_keys.list", json::object(), Caller::process);
  EXPECT_EQ(list.at("keys").at(0).at("id"), made.at("id"));
  EXPECT_EQ(list.at("keys").at(0).at("limits"), (json{{"tokens_per_day", 5}}));
  EXPECT_EQ(list.dump().find(secret.substr(16)), std::string::npos);
  EXPECT_FALSE(list.at("keys").at(0).contains("hash"));
  EXPECT_EQ(ask("api_keys.revoke", {{"key", "ci"}}, Caller::process).at("id"), made.at("id"));
  EXPECT_FALSE(node_->gate().authenticate(secret));
  EXPECT_EQ(ask("api_keys.revoke", {{"key", "ci"}}, Caller::process)["error"], "not_found");
  EXPECT_EQ(ask("api_keys.create", {{"role", "root"}}, Caller::process)["error"],
            "invalid_argument");
}

TEST(UsedTokens, are_those_of_the_usage_and_of_a_text_that_was_cut_off_its_pieces) {
  EXPECT_EQ(tokens_of("text.generate", json{{"tokens", 40}}, 7), 40U);
  EXPECT_EQ(tokens_of("text.generate", fail(Errc::cancelled, "Gone."), 7), 7U);
  EXPECT_EQ(tokens_of("run", json{{"tokens", 8}}, 0), 8U);
  EXPECT_EQ(tokens_of("run", json{{"tokens", -8}}, 0), 0U);
  EXPECT_EQ(tokens_of("content.cat", fail(Errc::cancelled, "Gone."), 7), 0U);
}

}  // namespace
}  // namespace accel::node
