// SPDX-License-Identifier: Apache-2.0
// What clients of the protocols are told when a device fails under their request, over real
// sockets, with the fake device of inference/test/fake_plugin and the models of node/test.
#include "api_server_fixture.hpp"
#include "breaking_models.hpp"

namespace accel::server {
namespace {

class FellBack : public ApiServerTest {
 protected:
  static void SetUpTestSuite() { device() = node::testing::add_breaking_device(why()); }
  static void TearDownTestSuite() { device().reset(); }
  void SetUp() override {
    if (!device()) GTEST_SKIP() << why();
    node_.reset();
    config_ = std::make_unique<Config>(
        node::load_settings(
            {home_, {}, {{"hardware.allow_openvino", "false"}, {"cpu.num_threads", "1"}}})
            .value());
    node_ = node::Node::open({.home = home_.root, .is_daemon = true}, *config_).value();
    const auto folder = node::testing::write_text_model(root_ / "texts");
    const nlohmann::json params{{"path", folder.string()}, {"name", "texts"}};
    ask("content.add", params);
    // Measures, which takes longer than a client of these tests waits.
    ask("run", {{"model", "texts"}, {"inputs", {"a cat"}}});
    start();
  }
  static std::unique_ptr<inference::Backend>& device() {
    static std::unique_ptr<inference::Backend> backend;
    return backend;
  }
  static std::string& why() {
    static std::string text;
    return text;
  }
  void ask(const char* method, const nlohmann::json& params) {
    const auto result = node_->call(method, params, {}, {}, node::Caller::process);
    ASSERT_TRUE(result) << result.error().to_string();
  }
  // The whole answer, head and body.
  std::string embed(const char* path, const char* text, const char* headers = "") {
    const std::string body =
        nlohmann::json{{"model", "texts"}, {"input", text}, {"cache", false}}.dump();
    RawClient client = tcp();
    client.send(
        fmt::format("POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{}{}"
                    "Content-Length: {}\r\n\r\n{}",
                    path, bearer(), headers, body.size(), body));
    return client.read_to_end();
  }
};

constexpr const char* kHeader = "X-Fell-Back: from=\"cuda:0\", to=\"cpu\"\r\n";

TEST_F(FellBack, is_a_header_of_embeddings_in_both_protocols_and_absent_where_nothing_failed) {
  for (const char* const path : {"/v1/embeddings", "/api/embed"}) {
    const std::string before = embed(path, "a cat");
    EXPECT_TRUE(before.starts_with("HTTP/1.1 200 ")) << before;
    EXPECT_FALSE(contains(before, "X-Fell-Back")) << before;
  }
  for (const char* const path : {"/v1/embeddings", "/api/embed"}) {
    const std::string after = embed(path, "breaking");
    EXPECT_TRUE(after.starts_with("HTTP/1.1 200 ")) << after;
    EXPECT_TRUE(contains(after, kHeader)) << after;
    EXPECT_FALSE(contains(after, "The fake device was lost.")) << "told to who asks for it";
  }
}

TEST_F(FellBack, is_explained_in_the_engines_words_to_who_asks) {
  const std::string after = embed("/v1/embeddings", "breaking", "X-Explain: true\r\n");
  EXPECT_TRUE(contains(after, "\"fell_back\":{\"from\":\"cuda:0\"")) << after;
  EXPECT_TRUE(contains(after, "The fake device was lost.")) << after;
}

TEST_F(FellBack, is_not_said_of_input_that_is_refused) {
  const std::string refused = embed("/v1/embeddings", "refused");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 400 ")) << refused;
  EXPECT_TRUE(contains(refused, "The fake device takes no 88.")) << refused;
  EXPECT_FALSE(contains(refused, "X-Fell-Back")) << refused;
}

}  // namespace
}  // namespace accel::server
