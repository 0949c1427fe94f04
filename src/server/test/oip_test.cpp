// SPDX-License-Identifier: Apache-2.0
// The Open Inference Protocol's words over REST, without a node behind them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/oip.hpp"
#include "protocols/oip_binary.hpp"

namespace accel::server {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

TEST(Oip, an_inference_names_its_outputs_and_refuses_what_it_can_not_do) {
  const json body = json::parse(R"({"id":"7","inputs":[{"name":"x"}],"outputs":[{"name":"y"}]})");
  const auto request = oip::infer_request(body, "m");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->params.at("outputs"), json::array({"y"}));
  EXPECT_EQ(oip::infer_reply(body.at("id"), "m", {{"outputs", json::array()}}).at("id"), "7");
  EXPECT_FALSE(oip::infer_request({{"inputs", 1}}, "m"));
  EXPECT_FALSE(oip::infer_request({{"inputs", json::array()}, {"outputs", {1}}}, "m"));
  const json wants{{"inputs", json::array()},
                   {"outputs", {{{"name", "y"}, {"parameters", {{"classification", 2}}}}}}};
  EXPECT_EQ(oip::infer_request(wants, "m").error().code, Errc::unsupported);
}

TEST(Oip, parameters_and_unknown_members_are_refused_by_name) {
  const auto refuses = [](const char* text, const char* name) {
    const auto request = oip::infer_request(json::parse(text), "m");
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.error().code, Errc::unsupported);
    EXPECT_THAT(request.error().message, HasSubstr(name));
  };
  refuses(R"({"inputs":[],"parameters":{"sequence_id":true}})", "sequence_id");
  refuses(R"({"inputs":[],"model_version":"2"})", "model_version");
  refuses(R"({"inputs":[{"name":"x","parameters":{"binary_data_size":8}}]})", "binary_data_size");
  refuses(R"({"inputs":[],"outputs":[{"name":"y","parameters":{"shared_memory_region":"r"}}]})",
          "shared_memory_region");
  EXPECT_TRUE(
      oip::infer_request(json::parse(R"({"inputs":[{"name":"x","parameters":{}}],"parameters":{},
                      "outputs":[{"name":"y","parameters":{"binary_data":false}}]})"),
                         "m"));
}

TEST(Oip, a_timeout_is_taken_in_microseconds_as_triton_does) {
  const auto timeout = [](const char* value) {
    json body{{"inputs", json::array()}};
    body["parameters"] = {{"timeout", json::parse(value)}};
    return oip::infer_request(std::move(body), "m");
  };
  EXPECT_EQ(timeout("1500")->timeout, std::chrono::microseconds(1500));
  EXPECT_EQ(timeout("0")->timeout, std::nullopt);
  EXPECT_EQ(timeout("18446744073709551615")->timeout, std::chrono::hours(24));
  EXPECT_EQ(timeout("null")->timeout, std::nullopt);
  for (const char* wrong : {"-1", "1.5", "\"5\""})
    EXPECT_EQ(timeout(wrong).error().code, Errc::invalid_argument) << wrong;
}

TEST(Oip, a_priority_is_taken_as_triton_numbers_them) {
  const auto priority = [](const json& value) {
    const json body{{"inputs", json::array()}, {"parameters", {{"priority", value}}}};
    return oip::infer_request(body, "m");
  };
  EXPECT_EQ(priority(3)->params.at("priority"), 3);
  EXPECT_FALSE(priority(0)->params.contains("priority"));
  for (const json& wrong : {json(4), json(-1), json("high"), json(1.5)})
    EXPECT_EQ(priority(wrong).error().code, Errc::invalid_argument) << wrong;
}

std::string with_length(std::string_view body) { return std::to_string(body.size()); }

constexpr std::string_view kTwoInputs =
    R"({"inputs":[{"name":"a","datatype":"UINT8","shape":[2],"parameters":{"binary_data_size":2}},)"
    R"({"name":"b","datatype":"INT32","shape":[1],"parameters":{"binary_data_size":4}}]})";

TEST(OipBinary, bytes_behind_the_json_become_the_inputs_data_in_order) {
  const auto body =
      oip::read_body(std::string(kTwoInputs) + "xy\x01\x02\x03\x04", with_length(kTwoInputs));
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->at("inputs").at(0).at("data").get_binary(), json::binary_t({'x', 'y'}));
  EXPECT_EQ(body->at("inputs").at(1).at("data").get_binary(), json::binary_t({1, 2, 3, 4}));
  EXPECT_FALSE(body->at("inputs").at(0).at("parameters").contains("binary_data_size"));
  EXPECT_TRUE(oip::infer_request(*body, "m"));
}

TEST(OipBinary, a_body_without_the_header_is_json_alone) {
  EXPECT_TRUE(oip::read_body(R"({"inputs":[]})", ""));
  EXPECT_FALSE(oip::read_body(kTwoInputs, "")) << "the bytes are missing";
}

TEST(OipBinary, hostile_lengths_are_refused) {
  const std::string whole = std::string(kTwoInputs) + "xy1234";
  for (const char* length : {"-1", "1e3", "0x10", "99999", "18446744073709551617", " 5", "5 ", "0"})
    EXPECT_FALSE(oip::read_body(whole, length)) << length;
  for (const char* rest : {"", "x", "xy123", "xy12345"})
    EXPECT_FALSE(oip::read_body(std::string(kTwoInputs) + rest, with_length(kTwoInputs))) << rest;
  for (const char* size : {"-1", "1.5", "\"2\"", "18446744073709551615", "1e300", "[]", "null"}) {
    const std::string body = fmt::format(
        R"({{"inputs":[{{"name":"a","parameters":{{"binary_data_size":{}}}}}]}})", size);
    EXPECT_FALSE(oip::read_body(body + "xy", with_length(body))) << size;
  }
}

TEST(OipBinary, data_of_both_kinds_are_refused) {
  const std::string body =
      R"({"inputs":[{"name":"a","data":[1],"parameters":{"binary_data_size":1}}]})";
  const auto read = oip::read_body(body + "x", with_length(body));
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("a has data in JSON and binary"));
}

TEST(OipBinary, outputs_go_behind_the_json_as_they_are_asked_for) {
  json reply{{"outputs",
              {{{"name", "x"}, {"data", json::binary({7, 8})}}, {{"name", "y"}, {"data", {1}}}}}};
  const oip::WrittenBody written = oip::write_body(reply);
  EXPECT_TRUE(written.binary);
  EXPECT_EQ(written.bytes.substr(written.json_bytes), "\x07\x08");
  const json head = json::parse(written.bytes.substr(0, written.json_bytes));
  EXPECT_EQ(head.at("outputs").at(0).at("parameters").at("binary_data_size"), 2);
  EXPECT_EQ(head.at("outputs").at(1).at("data"), json({1}));
  EXPECT_FALSE(oip::write_body({{"outputs", json::array()}}).binary);
}

TEST(Oip, which_outputs_come_as_bytes_is_for_the_client_to_say) {
  const json all{{"inputs", json::array()}, {"parameters", {{"binary_data_output", true}}}};
  EXPECT_EQ(oip::infer_request(all, "m")->params.at("binary"), true);
  json some = all;
  some["outputs"] =
      json::parse(R"([{"name":"x"},{"name":"y","parameters":{"binary_data":false}}])");
  EXPECT_EQ(oip::infer_request(some, "m")->params.at("binary_outputs"), json({"x"}));
}

TEST(Oip, a_request_may_want_its_outputs_computed) {
  json body{{"inputs", json::array()}};
  EXPECT_FALSE(oip::infer_request(body, "m")->params.contains("cache"));
  body["parameters"] = {{"cache", false}};
  EXPECT_EQ(oip::infer_request(body, "m")->params.at("cache"), false);
  body["parameters"] = {{"cache", 0}};
  EXPECT_EQ(oip::infer_request(body, "m").error().code, Errc::invalid_argument);
}

TEST(Oip, the_index_says_what_is_in_memory) {
  const json list{{"models", {{{"name", "a"}, {"cid", "A"}}, {{"name", "b"}, {"cid", "B"}}}}};
  const json loaded{{"models", {{{"cid", "B"}}}}};
  const auto index = oip::index_reply(json::object(), list, loaded);
  ASSERT_TRUE(index);
  EXPECT_EQ(index->at(0).at("state"), "UNAVAILABLE");
  EXPECT_EQ(index->at(1).at("state"), "READY");
  EXPECT_EQ(oip::index_reply({{"ready", true}}, list, loaded)->size(), 1U);
  EXPECT_FALSE(oip::index_reply({{"repository_name", "x"}}, list, loaded));
}

TEST(Oip, the_index_calls_nothing_ready_that_has_no_tensors) {
  const json list{{"models", {{{"name", "a"}, {"cid", "A"}, {"format", "gguf"}}}}};
  const json loaded{{"models", {{{"cid", "A"}}}}};
  const auto index = oip::index_reply(json::object(), list, loaded);
  ASSERT_TRUE(index);
  EXPECT_EQ(index->at(0).at("state"), "UNAVAILABLE");
  EXPECT_THAT(index->at(0).at("reason").get<std::string>(), HasSubstr("kept as gguf"));
  EXPECT_TRUE(oip::index_reply({{"ready", true}}, list, loaded)->empty());
}

}  // namespace
}  // namespace accel::server
