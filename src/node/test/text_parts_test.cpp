// SPDX-License-Identifier: Apache-2.0
// What serving decides and translates without a model: threads, tensors in JSON, what is kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "serving/kept.hpp"
#include "serving/loaded_text.hpp"
#include "serving/tensor_json.hpp"

namespace accel::node {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ThreadsByLoad, are_the_idle_cpus_and_at_least_one) {
  EXPECT_EQ(threads_by_load(8, 8, 0), 8);
  EXPECT_EQ(threads_by_load(8, 8, 4), 4);
  EXPECT_EQ(threads_by_load(2, 2, 1.5), 1);
  EXPECT_EQ(threads_by_load(2, 2, 30), 1);
  EXPECT_EQ(threads_by_load(4, 64, 8), 4) << "a busy few of a large machine";
}

TEST(TensorJson, carries_flat_and_nested_data_of_every_type) {
  const auto flat = tensor_of_json(
      json::parse(R"({"name":"a","datatype":"INT64","shape":[2,2],"data":[1,-2,3,4]})"));
  ASSERT_TRUE(flat) << flat.error().message;
  EXPECT_EQ(flat->value.data<std::int64_t>()[1], -2);
  const auto nested = tensor_of_json(
      json::parse(R"({"name":"b","datatype":"FP32","shape":[2,1],"data":[[0.5],[1]]})"));
  ASSERT_TRUE(nested) << nested.error().message;
  EXPECT_EQ(*json_of_tensor("b", nested->value),
            json::parse(R"({"name":"b","datatype":"FP32","shape":[2,1],"data":[0.5,1.0]})"));
  for (const char* type :
       {"FP64", "INT8", "UINT8", "INT16", "UINT16", "INT32", "UINT32", "UINT64"}) {
    const json value{{"name", "x"},
                     {"datatype", type},
                     {"shape", json::array({1U})},
                     {"data", json::array({7})}};
    const auto read = tensor_of_json(value);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*json_of_tensor("x", read->value), value);
  }
  const json truth{{"name", "x"},
                   {"datatype", "BOOL"},
                   {"shape", json::array({2U})},
                   {"data", json::array({true, false})}};
  EXPECT_EQ(*json_of_tensor("x", tensor_of_json(truth)->value), truth);
}

TEST(TensorJson, half_floats_are_refused_and_never_empty) {
  for (const auto dtype : {tensor::DType::f16, tensor::DType::bf16}) {
    const auto sent = json_of_tensor("half", *tensor::Tensor::zeros(dtype, {2}));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, Errc::unsupported);
    EXPECT_THAT(sent.error().message, HasSubstr("half"));
    EXPECT_THAT(sent.error().message, HasSubstr(oip_datatype(dtype)));
  }
  EXPECT_EQ(json_of_tensor("none", *tensor::Tensor::zeros(tensor::DType::f32, {0}))->at("data"),
            json::array());
}

TEST(TensorJson, refuses_what_does_not_fit_by_name) {
  const auto refuses = [](const char* text, const char* words) {
    const auto read = tensor_of_json(json::parse(text));
    ASSERT_FALSE(read) << text;
    EXPECT_THAT(read.error().message, HasSubstr(words));
  };
  refuses("[]", "name");
  refuses(R"({"name":"a","shape":[1],"data":[1]})", "datatype");
  refuses(R"({"name":"a","datatype":"FP16","shape":[1],"data":[1]})", "FP16");
  refuses(R"({"name":"a","datatype":"X","shape":[1],"data":[1]})", "datatype X");
  refuses(R"({"name":"a","datatype":"INT8","shape":[1],"data":[128]})", "1 values of INT8");
  refuses(R"({"name":"a","datatype":"UINT8","shape":[1],"data":[-1]})", "UINT8");
  refuses(R"({"name":"a","datatype":"INT8","shape":[1],"data":[1.5]})", "INT8");
  refuses(R"({"name":"a","datatype":"FP32","shape":[2],"data":[1]})", "2 values");
  refuses(R"({"name":"a","datatype":"FP32","shape":[1],"data":[1,2]})", "1 values");
  refuses(R"({"name":"a","datatype":"FP32","shape":[-1],"data":[]})", "list of sizes");
  refuses(R"({"name":"a","datatype":"FP32","shape":[99999999999],"data":[]})", "list of sizes");
  refuses(R"({"name":"a","datatype":"FP32","shape":[65536,65536],"data":[]})", "more than");
  refuses(R"({"name":"a","datatype":"FP32","shape":[1],"data":"x"})", "1 values");
}

json in_bytes(const char* datatype, json shape, std::vector<std::uint8_t> bytes) {
  return {{"name", "a"},
          {"datatype", datatype},
          {"shape", std::move(shape)},
          {"data", json::binary(std::move(bytes))}};
}

TEST(TensorJson, makes_no_null_of_what_is_not_finite) {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), -INFINITY}) {
    auto odd = tensor::Tensor::zeros(tensor::DType::f32, {2}).value();
    odd.mutable_data<float>()[1] = value;
    const auto refused = json_of_tensor("odd", odd);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::unsupported);
    EXPECT_NE(refused.error().message.find("odd"), std::string::npos);
    EXPECT_TRUE(json_of_tensor("odd", odd, true));
  }
}

TEST(TensorJson, carries_bytes_as_they_are_half_floats_too) {
  const auto half = tensor_of_json(in_bytes("FP16", {2U}, {1, 2, 3, 4}));
  ASSERT_TRUE(half) << half.error().message;
  EXPECT_EQ(half->value.dtype(), tensor::DType::f16);
  EXPECT_EQ(json_of_tensor("a", half->value, true)->at("data"), json::binary({1, 2, 3, 4}));
  EXPECT_TRUE(tensor_of_json(in_bytes("BOOL", {2U}, {0, 1})));
}

TEST(TensorJson, bytes_that_do_not_fit_the_shape_are_refused) {
  const json big = 67108864U;
  for (const json& value : {in_bytes("FP32", {2U}, {1, 2, 3, 4}), in_bytes("FP32", {1U}, {}),
                            in_bytes("INT8", {0U}, {1}), in_bytes("BOOL", {1U}, {2}),
                            in_bytes("FP64", {big, big, big}, {0}), in_bytes("BYTES", {1U}, {0})})
    EXPECT_FALSE(tensor_of_json(value)) << value;
}

json as_json(const char* datatype, json shape, json data) {
  return {{"name", "a"}, {"datatype", datatype}, {"shape", std::move(shape)}, {"data", data}};
}

TEST(TensorJson, carries_strings_flat_and_nested) {
  const json flat = as_json("BYTES", {3U}, {"Käse", "", std::string("a\0b", 3)});
  const auto read = tensor_of_json(flat);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->value.dtype(), tensor::DType::string);
  EXPECT_EQ(*json_of_tensor("a", read->value), flat);
  const auto nested = tensor_of_json(as_json("BYTES", {2U, 1U}, json::parse(R"([["x"],["y"]])")));
  ASSERT_TRUE(nested) << nested.error().message;
  EXPECT_THAT(nested->value.strings(), ElementsAre("x", "y"));
  EXPECT_TRUE(tensor_of_json(as_json("BYTES", {0U}, json::array())));
}

TEST(TensorJson, carries_strings_as_bytes_behind_their_lengths) {
  const std::vector<std::uint8_t> bytes{2, 0, 0, 0, 0xFF, 0, 0, 0, 0, 0};
  const auto read = tensor_of_json(in_bytes("BYTES", {2U}, bytes));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(read->value.strings(), ElementsAre(std::string_view("\xFF\0", 2), ""));
  EXPECT_EQ(json_of_tensor("a", read->value, true)->at("data"), json::binary(bytes));
  const auto shown = json_of_tensor("words", read->value);
  ASSERT_FALSE(shown) << "JSON has no bytes";
  EXPECT_EQ(shown.error().code, Errc::unsupported);
  EXPECT_THAT(shown.error().message, HasSubstr("words has a string that is no UTF-8"));
}

TEST(TensorJson, strings_that_do_not_fit_are_refused_by_tensor_and_fault) {
  const auto refuses = [](const json& value, const char* words) {
    const auto read = tensor_of_json(value);
    ASSERT_FALSE(read) << words;
    EXPECT_EQ(read.error().code, Errc::invalid_argument);
    EXPECT_THAT(read.error().message, HasSubstr(words));
  };
  refuses(as_json("BYTES", {1U}, {1}), "data of a are not 1 values of BYTES");
  refuses(as_json("BYTES", {1U}, {nullptr}), "data of a are not 1 values of BYTES");
  refuses(as_json("BYTES", {2U}, {"x"}), "data of a are not 2 values of BYTES");
  refuses(as_json("BYTES", {1U}, "x"), "data of a are not 1 values of BYTES");
  refuses(as_json("INT64", {1U}, {"1"}), "data of a are not 1 values of INT64");
  refuses(in_bytes("BYTES", {1U}, {9, 0}), "a is no BYTES tensor: Element 0 has 2 bytes");
  refuses(in_bytes("BYTES", {1U}, {255, 255, 255, 255}), "a is no BYTES tensor: Element 0 claims");
  refuses(in_bytes("BYTES", {2U}, {0, 0, 0, 0}), "1 strings were given for 2 elements");
  refuses(in_bytes("BYTES", {0U}, {0, 0, 0, 0}), "4 bytes are left behind the last");
  refuses(in_bytes("BYTES", {2097152U}, {}), "at most 1048576 are taken");
}

TEST(Kept, drops_what_is_named) {
  Kept<int> kept(3);
  kept.keep("a", std::make_shared<int>(1));
  kept.keep("b", std::make_shared<int>(2));
  EXPECT_EQ(kept.drop([](int value) { return value == 1; }), 1U);
  EXPECT_FALSE(kept.find("a"));
  EXPECT_TRUE(kept.find("b"));
}

TEST(Kept, lets_the_least_recently_used_go) {
  Kept<int> kept(2);
  kept.keep("a", std::make_shared<int>(1));
  kept.keep("b", std::make_shared<int>(2));
  ASSERT_TRUE(kept.find("a"));
  kept.keep("c", std::make_shared<int>(3));
  EXPECT_FALSE(kept.find("b"));
  EXPECT_TRUE(kept.find("a"));
  EXPECT_EQ(kept.all().size(), 2U);
  Kept<int> nothing(0);
  nothing.keep("a", std::make_shared<int>(1));
  EXPECT_FALSE(nothing.find("a"));
}

}  // namespace
}  // namespace accel::node
