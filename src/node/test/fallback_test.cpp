// SPDX-License-Identifier: Apache-2.0
// A device that fails in mid-batch, through the real engine and its real loader of plug-ins: what a
// daemon's `run` does then, and says. inference/test/fake_plugin stands for the device.
#include <gmock/gmock.h>

#include <barrier>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "accel/core/random.hpp"
#include "accel/node/node.hpp"
#include "accel/node/settings.hpp"
#include "breaking_models.hpp"

namespace accel::node {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kDevice = "cuda:0";

class Fallback : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { device() = testing::add_breaking_device(why()); }
  static void TearDownTestSuite() { device().reset(); }
  void SetUp() override {
    if (!device()) GTEST_SKIP() << why();
    root_ = std::filesystem::temp_directory_path() /
            ("accel-fallback-" + random_hex(system_random(), 8));
    open(true);
  }
  void TearDown() override {
    node_.reset();
    std::filesystem::remove_all(root_);
  }
  // A node of the same home.
  void open(bool is_daemon, std::map<std::string, std::string> settings = {}) {
    node_.reset();
    settings.insert({{"hardware.allow_openvino", "false"}, {"cpu.num_threads", "1"}});
    const Home home{root_ / "home"};
    std::filesystem::create_directories(home.root);
    config_ = std::make_unique<Config>(load_settings({home, {}, std::move(settings)}).value());
    node_ = Node::open({.home = home.root, .is_daemon = is_daemon}, *config_).value();
  }
  static std::unique_ptr<inference::Backend>& device() {
    static std::unique_ptr<inference::Backend> backend;
    return backend;
  }
  static std::string& why() {
    static std::string text;
    return text;
  }

  void add(const std::filesystem::path& folder, const char* name) {
    const auto added = call("content.add", {{"path", folder.string()}, {"name", name}});
    ASSERT_TRUE(added) << added.error().to_string();
  }
  void add_pictures() { add(testing::write_picture_model(root_ / "pictures"), "pictures"); }
  void add_texts() { add(testing::write_text_model(root_ / "texts"), "texts"); }
  Result<json> call(std::string_view method, const json& params) {
    return node_->call(method, params, {}, {}, Caller::process);
  }
  // As a protocol asks: nothing recorded, nothing known.
  Result<json> run(json params) {
    params["record"] = params.value("record", false);
    params["cache"] = false;
    return call("run", params);
  }
  Result<json> classify(const char* picture, const char* on = "auto") {
    return run({{"model", "pictures"}, {"image", picture}, {"device", on}});
  }
  Result<json> embed(const json& texts, const char* on = "auto") {
    return run({{"model", "texts"}, {"inputs", texts}, {"device", on}});
  }
  static json got(const Result<json>& result) {
    EXPECT_TRUE(result) << result.error().to_string();
    return result ? *result : json::object();
  }
  // What fell_back says; null where nothing fell back.
  static json fell(const json& result) { return result.value("fell_back", json()); }
  double counted(const std::string& name) {
    const std::string text = node_->metrics_text();
    const auto at = text.find(fmt::format("\n{}{{device=\"{}\"}} ", name, kDevice));
    return at == text.npos ? 0 : std::stod(text.substr(text.find("} ", at) + 2));
  }

  std::filesystem::path root_;
  std::unique_ptr<Config> config_;
  std::unique_ptr<Node> node_;
};

TEST_F(Fallback, the_cpu_computes_what_the_device_failed_at_and_the_answer_says_so) {
  add_pictures();
  const json before = got(classify(testing::kGrey));
  ASSERT_EQ(before["device"], kDevice) << before.dump();
  EXPECT_TRUE(fell(before).is_null());
  const json after = got(classify(testing::kBreakingGrey));
  EXPECT_EQ(after["device"], "cpu");
  EXPECT_EQ(fell(after)["from"], kDevice);
  EXPECT_EQ(fell(after)["to"], "cpu");
  EXPECT_THAT(fell(after)["reason"].get<std::string>(), HasSubstr("The fake device was lost."));
  EXPECT_THAT(fell(after)["until"].get<std::string>(), HasSubstr("T"));
  EXPECT_EQ(after["choice"], "remembered") << "nobody waits for a measuring";
  EXPECT_EQ(after["results"], got(classify(testing::kBreakingGrey, "cpu"))["results"]);
  EXPECT_EQ(counted("accel_node_fallbacks_total"), 1);
}

TEST_F(Fallback, a_device_that_failed_rests_for_its_model_and_for_no_other) {
  add_pictures();
  add_texts();
  ASSERT_EQ(got(classify(testing::kGrey))["device"], kDevice);
  ASSERT_EQ(got(embed({"a cat"}))["device"], kDevice);
  ASSERT_EQ(got(classify(testing::kBreakingGrey))["device"], "cpu");
  const json rests = got(classify(testing::kGrey));
  EXPECT_EQ(rests["device"], "cpu") << "the device is not tried again for each request";
  EXPECT_EQ(fell(rests)["from"], kDevice);
  EXPECT_EQ(got(embed({"a cat"}))["device"], kDevice);
  EXPECT_EQ(got(classify(testing::kGrey, kDevice))["device"], kDevice) << "named, it is asked";
  EXPECT_EQ(counted("accel_node_device_failures_total"), 1);
  EXPECT_EQ(counted("accel_node_fallbacks_total"), 2);
}

TEST_F(Fallback, a_request_that_names_its_device_gets_the_failure_and_no_fallback) {
  add_pictures();
  ASSERT_EQ(got(classify(testing::kGrey, kDevice))["device"], kDevice);
  const auto failed = classify(testing::kBreakingGrey, kDevice);
  ASSERT_FALSE(failed) << failed->dump();
  EXPECT_EQ(failed.error().code, Errc::internal);
  EXPECT_THAT(failed.error().message,
              HasSubstr("cuda:0, which the request or hardware.prefer_cuda names"));
  EXPECT_THAT(failed.error().cause, HasSubstr("The fake device was lost."));
  EXPECT_EQ(counted("accel_node_fallbacks_total"), 0);
  EXPECT_EQ(counted("accel_node_device_failures_total"), 0);
}

TEST_F(Fallback, bad_input_is_refused_and_never_computed_elsewhere) {
  add_pictures();
  ASSERT_EQ(got(classify(testing::kGrey))["device"], kDevice);
  const auto refused = classify(testing::kRefusedGrey);
  ASSERT_FALSE(refused) << refused->dump();
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
  EXPECT_THAT(refused.error().message, HasSubstr("The fake device takes no 88."));
  const json after = got(classify(testing::kGrey));
  EXPECT_EQ(after["device"], kDevice) << "it does not rest for what a caller did";
  EXPECT_TRUE(fell(after).is_null());
}

TEST_F(Fallback, of_a_batch_only_the_request_that_breaks_the_device_falls_back) {
  add_texts();
  ASSERT_EQ(got(embed({"a cat"}))["device"], kDevice);
  const std::vector<std::string> texts{"a cat", "a dog", "breaking cat", "cat cat"};
  std::vector<Result<json>> results(texts.size(), json());
  std::barrier together(static_cast<std::ptrdiff_t>(texts.size()));
  {
    std::vector<std::jthread> clients;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      clients.emplace_back([&, i] {
        together.arrive_and_wait();
        results[i] = embed({texts[i]});
      });
    }
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const json result = got(results[i]);
    EXPECT_EQ(result["embeddings"], got(embed({texts[i]}, "cpu"))["embeddings"]) << texts[i];
  }
  EXPECT_EQ(fell(*results[2])["from"], kDevice);
  EXPECT_EQ(counted("accel_node_device_failures_total"), 1) << "told once";
}

TEST_F(Fallback, texts_of_a_loaded_model_fall_back_and_stay_on_the_cpu_meanwhile) {
  add_texts();
  ASSERT_EQ(got(embed({"a cat"}))["device"], kDevice);
  const json after = got(embed({"breaking", "a cat"}));
  EXPECT_EQ(after["device"], "cpu");
  EXPECT_EQ(fell(after)["from"], kDevice);
  EXPECT_EQ(after["embeddings"], got(embed({"breaking", "a cat"}, "cpu"))["embeddings"]);
  EXPECT_EQ(got(embed({"a dog"}))["device"], "cpu");
  ASSERT_EQ(got(embed({"a cat"}, kDevice))["device"], kDevice);
  const auto refused = embed({"refused"}, kDevice);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
}

TEST_F(Fallback, what_the_cpu_cannot_compute_either_was_no_fault_of_the_device) {
  add_texts();
  ASSERT_EQ(got(embed({"a cat"}))["device"], kDevice);
  const auto failed = embed({"breaking outside"});
  ASSERT_FALSE(failed) << failed->dump();
  EXPECT_EQ(failed.error().code, Errc::invalid_argument) << "the CPU says what is wrong";
  const json after = got(embed({"a cat"}));
  EXPECT_EQ(after["device"], kDevice);
  EXPECT_TRUE(fell(after).is_null());
}

TEST_F(Fallback, a_configuration_that_wants_cuda_alone_gets_the_failure) {
  open(true, {{"hardware.prefer_cuda", "true"}});
  add_pictures();
  ASSERT_EQ(got(classify(testing::kGrey))["device"], kDevice);
  const auto failed = classify(testing::kBreakingGrey);
  ASSERT_FALSE(failed) << failed->dump();
  EXPECT_THAT(failed.error().message, HasSubstr("hardware.prefer_cuda"));
}

TEST_F(Fallback, a_command_that_keeps_nothing_falls_back_too) {
  add_pictures();
  ASSERT_EQ(got(classify(testing::kGrey))["device"], kDevice);
  open(false);
  const json after = got(classify(testing::kBreakingGrey));
  EXPECT_EQ(after["device"], "cpu");
}

TEST_F(Fallback, a_recorded_run_keeps_where_it_fell_from) {
  add_pictures();
  ASSERT_EQ(got(classify(testing::kGrey))["device"], kDevice);
  const json kept =
      got(run({{"model", "pictures"}, {"image", testing::kBreakingGrey}, {"record", true}}));
  EXPECT_EQ(kept["recorded"], true);
  const json rows =
      got(call("history.query",
               {{"sql", "SELECT metrics FROM performance_results WHERE device = 'cpu'"}}))["rows"];
  EXPECT_THAT(rows.dump(), HasSubstr("fell_back")) << rows.dump();
}

}  // namespace
}  // namespace accel::node
