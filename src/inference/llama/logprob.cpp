// SPDX-License-Identifier: Apache-2.0
#include "llama/logprob.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace accel::inference::llama {

TokenLogprob logprob_of(std::span<const float> logits, TokenId token, std::size_t top) {
  const double most = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - most);
  const double norm = most + std::log(sum);
  const auto likely = [&](TokenId id) {
    return TokenLikelihood{id, static_cast<double>(logits[static_cast<std::size_t>(id)]) - norm};
  };
  TokenLogprob result{likely(token), {}};
  if (top == 0) return result;
  std::vector<TokenId> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto count = static_cast<std::ptrdiff_t>(std::min(top, ids.size()));
  const auto likelier = [&](TokenId a, TokenId b) {
    const float left = logits[static_cast<std::size_t>(a)];
    const float right = logits[static_cast<std::size_t>(b)];
    return left != right ? left > right : a < b;
  };
  std::partial_sort(ids.begin(), ids.begin() + count, ids.end(), likelier);
  for (std::ptrdiff_t i = 0; i < count; ++i)
    result.top.push_back(likely(ids[static_cast<std::size_t>(i)]));
  return result;
}

}  // namespace accel::inference::llama
