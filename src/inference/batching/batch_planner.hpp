// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which requests run together, and when: the policy of dynamic batching. It knows rows and lengths,
// no tensors, and is told the time. Used by the batching session, under its mutex.
//
//   submit ─► waiting (bounded, fair) ─► next(now): a batch, or wait until wake_at() ─► done
//
// When. A batch starts once a run is free and it is full, or as many requests wait as the last
// batch had (whoever it answered is back), or the oldest has waited max_delay. So a lone client
// never waits, and many clients need no window that is tuned for them.
// Who. Of the highest level that waits clients take turns in giving the first request, their
// oldest; one batch in nine begins with the oldest of all, while higher levels pass it over
// (priority.hpp). Others join it, a higher level before a lower one, within a level those of
// nearest length, as long as rows, padded tokens and the share of padding stay within the limits,
// and as long as the batch is expected to take no longer than its parts one by one (BatchCost).
// While several clients wait, none gets more than its share of the rows, unless rows would stay
// empty.

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/core/priority.hpp"
#include "accel/inference/batching.hpp"
#include "batching/batch_cost.hpp"
#include "batching/returning_clients.hpp"

namespace accel::inference::batching {

using ItemId = std::uint64_t;

struct Item {
  ItemId id = 0;  // A new one each time, ascending.
  std::string client;
  std::string group;  // Only equal ones can run together.
  std::size_t rows = 1;
  std::size_t length = 1;  // Tokens of a row; 1 where nothing is padded.
  SteadyTime arrived{};
  Priority priority = Priority::normal;
};

enum class StartReason { full, enough, gathered, waited };
inline constexpr std::array kStartReasons = {StartReason::full, StartReason::enough,
                                             StartReason::gathered, StartReason::waited};
std::string_view reason_name(StartReason reason);  // Its enumerator.
// For people: "as many requests waited as the last batch had".
std::string_view reason_text(StartReason reason);

struct Plan {
  std::vector<ItemId> ids;  // In the order of their arrival.
  StartReason reason = StartReason::full;
  std::size_t rows = 0;
  std::size_t clients = 0;
  std::size_t length = 0;  // Of the longest: all are padded to it.
  std::size_t tokens = 0;  // Without padding.
  std::size_t left = 0;    // Rows that go on waiting.
};

class BatchPlanner {
 public:
  explicit BatchPlanner(BatchLimits limits);

  // Errors: resource_exhausted (too much waits, or too much of this client's).
  Status submit(Item item);
  // A batch that starts now; it counts as running until done(). Nothing when none should.
  std::optional<Plan> next(SteadyTime now);
  // A batch has ended: so many requests are answered.
  void done(std::size_t requests, SteadyTime now);
  // A run of so many tokens, padding included, took so long.
  void learn(std::size_t padded_tokens, Duration took) { cost_.learn(padded_tokens, took); }
  // It waits no more. False when it does not wait.
  bool cancel(ItemId id);

  // When next() may have a batch although nothing else happens; nothing when none waits or no run
  // is free.
  std::optional<SteadyTime> wake_at(SteadyTime now) const;
  std::size_t waiting_rows() const { return waiting_rows_; }
  std::size_t running() const { return running_; }

 private:
  using Queue = std::list<Item>;  // In the order of arrival.
  std::optional<StartReason> reason_to_start(const Plan& plan, SteadyTime now) const;
  std::size_t most_rows() const;
  const Item& first_in_line() const;
  bool passes_over(const Item& first, const Plan& plan) const;
  std::vector<const Item*> gather(const Item& first) const;
  Plan plan_of(const std::vector<const Item*>& items) const;
  void take(const Plan& plan, bool passes_over);

  BatchLimits limits_;
  BatchCost cost_;
  ReturningClients returning_;
  Queue waiting_;
  std::map<std::string, std::size_t, std::less<>> rows_of_client_;
  std::list<std::string> turns_;  // Waiting clients; the first gives the next batch its first.
  PassedOver passed_over_;
  std::size_t waiting_rows_ = 0;
  std::size_t running_ = 0;
  std::size_t running_rows_ = 0;
  std::list<std::size_t> rows_of_runs_;
  std::size_t last_items_ = 1;  // Of the last batch.
};

}  // namespace accel::inference::batching
