// SPDX-License-Identifier: Apache-2.0
#include "serving/kept_sessions.hpp"

#include <algorithm>

namespace accel::node {

std::list<KeptSessions::Entry>::iterator KeptSessions::place_of(const ipld::Cid& root,
                                                                const perf::Candidate& candidate) {
  return std::ranges::find_if(entries_, [&](const Entry& entry) {
    return entry.root == root && entry.candidate == candidate;
  });
}

std::shared_ptr<LoadedModel> KeptSessions::find(const ipld::Cid& root,
                                                const perf::Candidate& candidate) {
  const std::scoped_lock lock(mutex_);
  const auto found = place_of(root, candidate);
  if (found == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return entries_.front().model;
}

std::shared_ptr<const models::TextPipeline> KeptSessions::pipeline(const ipld::Cid& root) const {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find(entries_, root, &Entry::root);
  return found == entries_.end() ? nullptr : found->model->pipeline;
}

void KeptSessions::keep(const ipld::Cid& root, const perf::Candidate& candidate,
                        std::shared_ptr<LoadedModel> model) {
  if (limit_ == 0) return;
  std::list<Entry> gone;  // Closed after the lock is let go.
  const std::scoped_lock lock(mutex_);
  if (const auto old = place_of(root, candidate); old != entries_.end())
    gone.splice(gone.begin(), entries_, old);
  entries_.push_front({root, candidate, std::move(model)});
  if (entries_.size() > limit_) gone.splice(gone.begin(), entries_, std::prev(entries_.end()));
}

std::shared_ptr<LoadedModel> KeptSessions::find_live(const ipld::Cid& root,
                                                     const std::string& policy) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) {
    return entry.root == root && entry.model->choice.policy == policy;
  });
  if (found == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return entries_.front().model;
}

std::vector<std::shared_ptr<LoadedModel>> KeptSessions::all() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::shared_ptr<LoadedModel>> models;
  for (const Entry& entry : entries_) models.push_back(entry.model);
  return models;
}

std::size_t KeptSessions::drop(const ipld::Cid& root) {
  std::list<Entry> gone;  // Closed after the lock is let go.
  const std::scoped_lock lock(mutex_);
  for (auto it = entries_.begin(); it != entries_.end();) {
    const auto next = std::next(it);
    if (it->root == root) gone.splice(gone.begin(), entries_, it);
    it = next;
  }
  return gone.size();
}

std::size_t KeptSessions::size() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size();
}

}  // namespace accel::node
