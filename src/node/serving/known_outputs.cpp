// SPDX-License-Identifier: Apache-2.0
#include "serving/known_outputs.hpp"

namespace accel::node {

std::string scope_of(const Caller& caller) {
  return caller.key ? caller.key->key.id : std::string();
}

std::unique_ptr<const inference::OutputOwner> own_outputs(inference::OutputCache& cache,
                                                          const inference::Session& session) {
  if (!cache.is_on() || !session.info().repeatable) return nullptr;
  return std::make_unique<const inference::OutputOwner>(cache);
}

std::optional<inference::OutputUse> use_outputs(const Loaded& loaded, const Caller& caller,
                                                bool wanted) {
  if (!wanted || !loaded.outputs) return std::nullopt;
  return inference::OutputUse(*loaded.outputs, scope_of(caller));
}

}  // namespace accel::node
