// SPDX-License-Identifier: Apache-2.0
#include "batching/batch_planner.hpp"

#include <algorithm>
#include <cstdlib>

namespace accel::inference::batching {
namespace {

std::size_t distance(const Item& a, const Item& b) {
  return a.length > b.length ? a.length - b.length : b.length - a.length;
}

std::size_t divide_up(std::size_t a, std::size_t b) { return (a + b - 1) / b; }

// What a batch would be with one more item.
struct Size {
  std::size_t rows = 0;
  std::size_t length = 0;
  std::size_t tokens = 0;

  Size with(const Item& item) const {
    return {rows + item.rows, std::max(length, item.length), tokens + item.rows * item.length};
  }
  std::size_t padded() const { return rows * length; }
  bool fits(const BatchLimits& limits, std::size_t most_rows) const {
    const auto padding = static_cast<double>(padded() - tokens);
    return rows <= most_rows && padded() <= limits.max_tokens &&
           padding <= limits.max_padding * static_cast<double>(padded());
  }
};

}  // namespace

std::string_view reason_text(StartReason reason) {
  switch (reason) {
    case StartReason::full:
      return "the batch was full";
    case StartReason::enough:
      return "a larger batch would have been slower than two";
    case StartReason::gathered:
      return "as many requests waited as the last batch had";
    case StartReason::waited:
      break;
  }
  return "the oldest request had waited as long as it may";
}

std::string_view reason_name(StartReason reason) {
  static constexpr std::array<std::string_view, kStartReasons.size()> kNames = {
      "full", "enough", "gathered", "waited"};
  return kNames.at(static_cast<std::size_t>(reason));
}

BatchPlanner::BatchPlanner(BatchLimits limits) : limits_(limits), returning_(limits.max_delay) {
  limits_.max_rows = std::max<std::size_t>(limits_.max_rows, 1);
  limits_.runs = std::max<std::size_t>(limits_.runs, 1);
}

Status BatchPlanner::submit(Item item) {
  const auto own = rows_of_client_.find(item.client);
  const std::size_t has = own == rows_of_client_.end() ? 0 : own->second;
  // One share is always left for a client that has not come yet.
  const std::size_t clients = rows_of_client_.size() + (has == 0 ? 1 : 0);
  const std::size_t share = limits_.max_waiting / (clients + 1);
  if (has > 0 && has + item.rows > share) {
    return fail(Errc::resource_exhausted,
                "{} rows of this client wait already, its share; try again later.", has);
  }
  if (waiting_rows_ > 0 && waiting_rows_ + item.rows > limits_.max_waiting) {
    return fail(Errc::resource_exhausted, "{} rows wait already; try again later.", waiting_rows_);
  }
  if (has == 0) turns_.push_back(item.client);
  returning_.came(item.arrived);
  rows_of_client_[item.client] += item.rows;
  waiting_rows_ += item.rows;
  waiting_.push_back(std::move(item));
  return {};
}

// The rows at hand are shared out among the runs: one long batch and an idle run beside it would be
// slower than two halves.
std::size_t BatchPlanner::most_rows() const {
  const std::size_t share = divide_up(waiting_rows_ + running_rows_, limits_.runs);
  return std::clamp<std::size_t>(share, 1, limits_.max_rows);
}

std::vector<const Item*> BatchPlanner::gather(const Item& first) const {
  std::vector<const Item*> others;
  for (const Item& item : waiting_) {
    if (item.id != first.id && item.group == first.group) others.push_back(&item);
  }
  std::ranges::stable_sort(others, {}, [&](const Item* item) {
    return std::pair(item->priority, distance(*item, first));
  });
  const std::size_t most = most_rows();
  const std::size_t share = divide_up(most, rows_of_client_.size());
  std::map<std::string_view, std::size_t> taken{{first.client, first.rows}};
  std::vector<const Item*> chosen{&first};
  Size size = Size().with(first);
  const auto add = [&](const Item*& item) {
    if (item == nullptr) return;
    const Size with = size.with(*item);
    const bool pays = cost_.pays(with.padded(), size.padded(), item->rows * item->length);
    if (!pays || !with.fits(limits_, most)) return;
    size = with;
    taken[item->client] += item->rows;
    chosen.push_back(std::exchange(item, nullptr));
  };
  for (const Item*& item : others) {
    if (taken[item->client] + item->rows <= share) add(item);
  }
  for (const Item*& item : others) add(item);
  std::ranges::sort(chosen, {}, &Item::id);
  return chosen;
}

Plan BatchPlanner::plan_of(const std::vector<const Item*>& items) const {
  Plan plan;
  std::vector<std::string_view> clients;
  for (const Item* item : items) {
    plan.ids.push_back(item->id);
    plan.rows += item->rows;
    plan.tokens += item->rows * item->length;
    plan.length = std::max(plan.length, item->length);
    clients.push_back(item->client);
  }
  std::ranges::sort(clients);
  clients.erase(std::unique(clients.begin(), clients.end()), clients.end());
  plan.clients = clients.size();
  plan.left = waiting_rows_ - plan.rows;
  return plan;
}

std::optional<StartReason> BatchPlanner::reason_to_start(const Plan& plan, SteadyTime now) const {
  const Size more{plan.rows + 1, plan.length, plan.tokens + plan.length};
  if (!more.fits(limits_, limits_.max_rows)) return StartReason::full;
  if (!cost_.pays(more.padded(), plan.rows * plan.length, plan.length)) return StartReason::enough;
  if (returning_.due(now) > 0) return std::nullopt;
  if (waiting_.size() >= last_items_) return StartReason::gathered;
  if (now - waiting_.front().arrived >= limits_.max_delay) return StartReason::waited;
  return std::nullopt;
}

std::optional<Plan> BatchPlanner::next(SteadyTime now) {
  if (waiting_.empty() || running_ >= limits_.runs) return std::nullopt;
  const Item& first = first_in_line();
  Plan plan = plan_of(gather(first));
  const auto reason = reason_to_start(plan, now);
  if (!reason) return std::nullopt;
  plan.reason = *reason;
  take(plan, passes_over(first, plan));
  return plan;
}

// Of the highest level that waits, the oldest of the client whose turn it is.
const Item& BatchPlanner::first_in_line() const {
  const Item& next = *next_in_line(waiting_, passed_over_, &Item::priority);
  if (passed_over_.oldest_is_due()) return next;
  for (const std::string& client : turns_) {
    const auto own = std::ranges::find_if(waiting_, [&](const Item& item) {
      return item.client == client && item.priority == next.priority;
    });
    if (own != waiting_.end()) return *own;
  }
  return next;
}

// Whether one of a lower level that came earlier than `first` goes on waiting.
bool BatchPlanner::passes_over(const Item& first, const Plan& plan) const {
  return std::ranges::any_of(waiting_, [&](const Item& item) {
    return item.id < first.id && item.priority > first.priority &&
           !std::ranges::binary_search(plan.ids, item.id);
  });
}

void BatchPlanner::take(const Plan& plan, bool passes_over) {
  passed_over_.started(passes_over);
  for (const ItemId id : plan.ids) {
    const auto found = std::ranges::find(waiting_, id, &Item::id);
    // Whoever had a turn comes after all that had none.
    const auto turn = std::ranges::find(turns_, found->client);
    turns_.splice(turns_.end(), turns_, turn);
    cancel(id);
  }
  last_items_ = plan.ids.size();
  ++running_;
  running_rows_ += plan.rows;
  rows_of_runs_.push_back(plan.rows);
}

// Which of the runs ended makes no difference for sharing rows out: the first that began.
void BatchPlanner::done(std::size_t requests, SteadyTime now) {
  if (rows_of_runs_.empty()) return;
  returning_.answered(requests, now);
  --running_;
  running_rows_ -= rows_of_runs_.front();
  rows_of_runs_.pop_front();
}

bool BatchPlanner::cancel(ItemId id) {
  const auto found = std::ranges::find(waiting_, id, &Item::id);
  if (found == waiting_.end()) return false;
  waiting_rows_ -= found->rows;
  const auto own = rows_of_client_.find(found->client);
  own->second -= found->rows;
  if (own->second == 0) {
    turns_.remove(found->client);
    rows_of_client_.erase(own);
  }
  waiting_.erase(found);
  return true;
}

std::optional<SteadyTime> BatchPlanner::wake_at(SteadyTime now) const {
  if (waiting_.empty() || running_ >= limits_.runs) return std::nullopt;
  if (returning_.due(now) > 0) return returning_.until();
  return waiting_.front().arrived + limits_.max_delay;
}

}  // namespace accel::inference::batching
