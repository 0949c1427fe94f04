// SPDX-License-Identifier: Apache-2.0
#include "serving/draft_wish.hpp"

namespace accel::node {
namespace {

using inference::Draft;

Draft kind_of(const std::string& word) {
  if (word.empty() || word == kDraftNone) return Draft::none;
  return word == kDraftLookup ? Draft::lookup : Draft::model;
}

}  // namespace

DraftWish draft_wish(const std::string& asked, const std::string& configured, std::size_t most) {
  DraftWish wish;
  wish.most = most;
  wish.kind = kind_of(asked.empty() ? configured : asked);
  wish.asked = kind_of(asked) == Draft::model;
  const std::string& loads = wish.asked ? asked : configured;
  if (kind_of(loads) == Draft::model) wish.model = loads;
  return wish;
}

Draft draft_for(const DraftWish& wish, const inference::LlamaModelInfo& model) {
  if (!model.can_draft) return Draft::none;
  return wish.kind == Draft::model && !model.has_draft ? Draft::none : wish.kind;
}

}  // namespace accel::node
