// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/sha256_many.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <numeric>
#include <vector>

#include "sha256_lanes.hpp"

namespace accel::crypto {
namespace {

using Clock = std::chrono::steady_clock;
using detail::kSha256BlockBytes;
using detail::kSha256MaxLanes;
using detail::Sha256Compress;

// A kernel, and for how many messages it is the best that there is.
struct Choice {
  std::size_t lanes = 1;
  std::size_t from = 1;  // At least so many messages are under way.
  Sha256Compress compress = nullptr;
};

struct Plan {
  std::vector<Choice> choices = {};  // Widest first; the last takes a single message.
  std::size_t from = 1;              // Fewer messages than this go to OpenSSL, one by one.
};

// Without SHA instructions: one lane alone is slower in a vector than in portable code, two are
// faster; but whoever comes with two or three messages is better served by OpenSSL's assembly.
constexpr std::size_t kVectorBeatsPortableFrom = 2;
constexpr std::size_t kVectorBeatsOpensslFrom = 4;

Choice choice(Sha256Lanes id, std::size_t from) {
  const auto& table = detail::sha256_table();
  const auto index = static_cast<std::size_t>(id);
  return {table.info[index].lanes, from, table.compress[index]};
}

// The best of a few runs, so that an interruption does not count.
Clock::duration time_of(Sha256Lanes id) {
  constexpr int kRuns = 5;
  constexpr std::size_t kBlocks = 64;
  static const std::array<std::uint8_t, kBlocks * kSha256BlockBytes> data{};
  std::array<detail::Sha256State, kSha256MaxLanes> states{};
  std::array<detail::Sha256Lane, kSha256MaxLanes> lanes{};
  for (std::size_t i = 0; i < lanes.size(); ++i) lanes[i] = {&states[i], data.data()};
  const Sha256Compress compress = choice(id, 1).compress;
  Clock::duration best = Clock::duration::max();
  for (int run = 0; run < kRuns; ++run) {
    const auto start = Clock::now();
    compress(lanes.data(), kBlocks);
    best = std::min(best, Clock::now() - start);
  }
  return best;
}

// From how many messages on 16 lanes, some of them idle, are faster than fours by the SHA
// instructions. It depends on how wide the CPU's AVX-512 is (9 on Zen 5), so it is measured, once
// per process and in less than 0.1 ms.
std::size_t avx512_beats_sha_ni_from() {
  static const std::size_t from = [] {
    const auto wide = time_of(Sha256Lanes::avx512_x16).count();
    const auto four = std::max<Clock::rep>(1, time_of(Sha256Lanes::sha_ni_x4).count());
    return static_cast<std::size_t>(std::clamp<Clock::rep>(4 * wide / four + 1, 5, 17));
  }();
  return from;
}

// The order of README.md, "Lanes".
Plan make_plan(const detail::Sha256Cpu& cpu) {
  using enum Sha256Lanes;
  if (cpu.sha_ni) {
    Plan plan{{choice(sha_ni_x4, 3), choice(sha_ni_x2, 2), choice(sha_ni, 1)}, 2};
    if (cpu.avx512) {
      plan.choices.insert(plan.choices.begin(), choice(avx512_x16, avx512_beats_sha_ni_from()));
    }
    return plan;
  }
  if (!cpu.avx512 && !cpu.avx2) return {};
  const Sha256Lanes widest = cpu.avx512 ? avx512_x16 : avx2_x8;
  return {{choice(widest, kVectorBeatsPortableFrom), choice(portable, 1)}, kVectorBeatsOpensslFrom};
}

const Plan& best_plan() {
  static const Plan plan = make_plan(detail::sha256_cpu());
  return plan;
}

// One message under way: first its whole blocks where they lie, then its last bytes with the
// padding of FIPS 180-4, section 5.1.1 (a one bit, zeros, the length in bits), which are one or two
// blocks.
class Job {
 public:
  void begin(ByteView message, std::size_t index) {
    state = detail::kSha256Start;
    message_ = message;
    index_ = index;
    offset_ = 0;
    in_tail_ = false;
    blocks_ = message.size() / kSha256BlockBytes;
    if (blocks_ == 0) enter_tail();
  }

  std::size_t index() const { return index_; }
  std::size_t blocks() const { return blocks_; }  // Left to compress in one run; 0: done.
  const std::uint8_t* next() const { return (in_tail_ ? tail_.data() : message_.data()) + offset_; }

  void advance(std::size_t blocks) {
    blocks_ -= blocks;
    offset_ += blocks * kSha256BlockBytes;
    if (blocks_ == 0 && !in_tail_) enter_tail();
  }

  Sha256Digest digest() const {
    Sha256Digest digest{};
    for (std::size_t i = 0; i < digest.size(); ++i) {
      digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
    }
    return digest;
  }

  detail::Sha256State state{};

 private:
  void enter_tail() {
    constexpr std::size_t kLengthBytes = 8;
    const ByteView rest = message_.last(message_.size() % kSha256BlockBytes);
    blocks_ = rest.size() + 1 + kLengthBytes <= kSha256BlockBytes ? 1 : 2;
    tail_.fill(0);
    std::ranges::copy(rest, tail_.begin());
    tail_[rest.size()] = 0x80;
    std::uint64_t bits = std::uint64_t{message_.size()} * 8;
    const std::size_t end = blocks_ * kSha256BlockBytes;
    for (std::size_t i = 1; i <= kLengthBytes; ++i, bits >>= 8) {
      tail_[end - i] = static_cast<std::uint8_t>(bits);
    }
    offset_ = 0;
    in_tail_ = true;
  }

  ByteView message_;
  std::size_t index_ = 0;
  std::size_t offset_ = 0;
  std::size_t blocks_ = 0;
  bool in_tail_ = false;
  std::array<std::uint8_t, 2 * kSha256BlockBytes> tail_{};
};

// Keeps as many messages under way as the widest kernel has lanes, until none are left.
class Batch {
 public:
  // `plan` has at least one choice.
  Batch(const Plan& plan, std::span<const ByteView> messages, std::span<Sha256Digest> out)
      : plan_(plan), messages_(messages), out_(out), order_(messages.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    // Longest first, so that no long message is left alone at the end.
    const auto size = [&](std::size_t index) { return messages_[index].size(); };
    if (!std::ranges::is_sorted(order_, std::ranges::greater{}, size)) {
      std::ranges::sort(order_, std::ranges::greater{}, size);
    }
  }

  void run() {
    for (refill(); active_ > 0; refill()) {
      for (std::size_t first = 0; first < active_;) first += compress_from(first);
      retire();
    }
  }

 private:
  void refill() {
    if (active_ == 0 && order_.size() - taken_ < plan_.from) {
      for (; taken_ < order_.size(); ++taken_) out_[order_[taken_]] = sha256(message(taken_));
    }
    while (active_ < plan_.choices.front().lanes && taken_ < order_.size()) {
      jobs_[active_++].begin(message(taken_), order_[taken_]);
      ++taken_;
    }
  }

  ByteView message(std::size_t place) const { return messages_[order_[place]]; }

  // Takes the jobs from `first` on that one kernel has lanes for as far as the one that ends (or
  // comes to its last bytes) first. Returns how many they were.
  std::size_t compress_from(std::size_t first) {
    const std::size_t left = active_ - first;
    const Choice& kernel = *std::ranges::find_if(
        plan_.choices, [&](const Choice& candidate) { return left >= candidate.from; });
    const std::span<Job> group = std::span(jobs_).subspan(first, std::min(left, kernel.lanes));
    std::array<detail::Sha256Lane, kSha256MaxLanes> lanes{};
    detail::Sha256State unused{};
    lanes.fill({&unused, group.front().next()});
    for (std::size_t i = 0; i < group.size(); ++i) lanes[i] = {&group[i].state, group[i].next()};
    const std::size_t blocks = std::ranges::min_element(group, {}, &Job::blocks)->blocks();
    kernel.compress(lanes.data(), blocks);
    for (Job& job : group) job.advance(blocks);
    return group.size();
  }

  // Writes the digests of what has ended, and closes the gaps.
  void retire() {
    for (std::size_t i = 0; i < active_;) {
      if (jobs_[i].blocks() > 0) {
        ++i;
        continue;
      }
      out_[jobs_[i].index()] = jobs_[i].digest();
      if (--active_ != i) jobs_[i] = jobs_[active_];
    }
  }

  const Plan& plan_;
  std::span<const ByteView> messages_;
  std::span<Sha256Digest> out_;
  std::vector<std::size_t> order_;
  std::size_t taken_ = 0;
  std::array<Job, kSha256MaxLanes> jobs_;
  std::size_t active_ = 0;
};

void run(const Plan& plan, std::span<const ByteView> messages, std::span<Sha256Digest> out) {
  assert(out.size() >= messages.size());
  if (!plan.choices.empty()) {
    Batch(plan, messages, out).run();
    return;
  }
  for (std::size_t i = 0; i < messages.size(); ++i) out[i] = sha256(messages[i]);
}

}  // namespace

void sha256_many(std::span<const ByteView> messages, std::span<Sha256Digest> out) {
  run(best_plan(), messages, out);
}

void detail::sha256_many_on(const Sha256Cpu& cpu, std::span<const ByteView> messages,
                            std::span<Sha256Digest> out) {
  run(make_plan(cpu), messages, out);
}

std::size_t sha256_many_width() {
  const Plan& plan = best_plan();
  return plan.choices.empty() ? 1 : plan.choices.front().lanes;
}

std::span<const Sha256LanesInfo> sha256_lanes() { return detail::sha256_table().info; }

Status sha256_many_with(Sha256Lanes implementation, std::span<const ByteView> messages,
                        std::span<Sha256Digest> out) {
  const Sha256LanesInfo& info = sha256_lanes()[static_cast<std::size_t>(implementation)];
  if (!info.available) {
    return fail(Errc::unsupported, "This CPU cannot hash by {}: it lacks {}.", info.name,
                info.needs);
  }
  Plan plan;
  if (implementation != Sha256Lanes::openssl) plan.choices = {choice(implementation, 1)};
  run(plan, messages, out);
  return {};
}

}  // namespace accel::crypto
