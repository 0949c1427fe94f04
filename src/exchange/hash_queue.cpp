// SPDX-License-Identifier: Apache-2.0
#include "hash_queue.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "accel/crypto/sha256_many.hpp"

namespace accel::exchange {

bool HashQueue::takes(const ipld::Cid& cid) {
  return cid.hash().code() == ipld::HashCode::sha2_256 &&
         cid.hash().digest().size() == crypto::Sha256Digest{}.size();
}

Status HashQueue::hash(const std::vector<Waiting*>& batch) {
  std::array<ByteView, kMostAtOnce> messages;
  std::array<crypto::Sha256Digest, kMostAtOnce> digests;
  std::ranges::transform(batch, messages.begin(), &Waiting::block);
  crypto::sha256_many(std::span(messages).first(batch.size()), digests);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i]->result = std::ranges::equal(batch[i]->cid.hash().digest(), digests[i]);
  }
  return {};
}

Task<bool> HashQueue::is_block(ipld::Cid cid, ByteView block) {
  Waiting self{std::move(cid), block, {}};
  if (running_ < jobs_) {
    ++running_;
  } else {
    waiting_.push_back(&self);
    std::function<void()> no_cancel;
    auto waiting = self.event.wait(std::move(no_cancel));
    co_await std::move(waiting);
    if (!self.leads) co_return std::move(self.result);
  }
  std::vector<Waiting*> batch{&self};
  while (batch.size() < kMostAtOnce && !waiting_.empty()) {
    batch.push_back(waiting_.front());
    waiting_.pop_front();
  }
  auto job = [&batch](std::stop_token) { return hash(batch); };
  auto hashing = pool_.run(job);
  const Status hashed = co_await std::move(hashing);
  if (waiting_.empty()) {
    --running_;
  } else {
    Waiting* const next = waiting_.front();
    waiting_.pop_front();
    next->leads = true;
    next->event.set();
  }
  for (Waiting* const one : batch) {
    if (!hashed) one->result = fail(Error(hashed.error()));
    if (one != &self) one->event.set();
  }
  co_return std::move(self.result);
}

}  // namespace accel::exchange
