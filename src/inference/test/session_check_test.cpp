// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "accel/inference/session.hpp"

namespace accel::inference {
namespace {

using tensor::DType;
using tensor::Tensor;

const std::vector<TensorSpec> kSpecs{{"ids", DType::i64, {-1, 128}, true},
                                     {"state", DType::f32, {}, false}};

class InputCheck : public ::testing::Test {
 protected:
  std::string refused(std::vector<NamedTensor> inputs) {
    const Status status = check_inputs(kSpecs, inputs);
    EXPECT_FALSE(status);
    if (status) return {};
    EXPECT_EQ(status.error().code, Errc::invalid_argument);
    return status.error().message;
  }

  Tensor ids_ = Tensor::zeros(DType::i64, {2, 128}).value();
  Tensor state_ = Tensor::zeros(DType::f32, {1, 2, 3}).value();
};

TEST_F(InputCheck, accepts_all_inputs_in_any_order_with_any_dynamic_dim) {
  EXPECT_TRUE(check_inputs(kSpecs, std::vector<NamedTensor>{{"state", &state_}, {"ids", &ids_}}));
}

TEST_F(InputCheck, an_unknown_name_lists_what_the_model_takes) {
  const std::string message = refused({{"input_ids", &ids_}, {"state", &state_}});
  EXPECT_NE(message.find("\"input_ids\""), std::string::npos) << message;
  EXPECT_NE(message.find("ids: i64 [?, 128]"), std::string::npos) << message;
}

TEST_F(InputCheck, a_missing_input_is_named) {
  EXPECT_NE(refused({{"ids", &ids_}}).find("\"state\" is missing"), std::string::npos);
}

TEST_F(InputCheck, an_input_given_twice_or_without_a_tensor_is_refused) {
  EXPECT_NE(refused({{"ids", &ids_}, {"ids", &ids_}}).find("twice"), std::string::npos);
  EXPECT_NE(refused({{"ids", nullptr}}).find("without a tensor"), std::string::npos);
}

TEST_F(InputCheck, a_wrong_type_names_both) {
  const Tensor wrong = Tensor::zeros(DType::i32, {2, 128}).value();
  const std::string message = refused({{"ids", &wrong}, {"state", &state_}});
  EXPECT_NE(message.find("i32"), std::string::npos) << message;
  EXPECT_NE(message.find("i64"), std::string::npos) << message;
}

TEST_F(InputCheck, a_wrong_rank_or_fixed_dim_names_the_shape) {
  const Tensor flat = Tensor::zeros(DType::i64, {128}).value();
  EXPECT_NE(refused({{"ids", &flat}, {"state", &state_}}).find("[128]"), std::string::npos);
  const Tensor narrow = Tensor::zeros(DType::i64, {2, 127}).value();
  EXPECT_NE(refused({{"ids", &narrow}, {"state", &state_}}).find("[2, 127]"), std::string::npos);
}

TEST(OutputCheck, refuses_unknown_and_repeated_names_and_accepts_none) {
  EXPECT_TRUE(check_outputs(kSpecs, {}));
  EXPECT_TRUE(check_outputs(kSpecs, std::vector<std::string>{"state"}));
  EXPECT_FALSE(check_outputs(kSpecs, std::vector<std::string>{"logits"}));
  EXPECT_FALSE(check_outputs(kSpecs, std::vector<std::string>{"ids", "ids"}));
}

}  // namespace
}  // namespace accel::inference
