// SPDX-License-Identifier: Apache-2.0
#include "names/record_places.hpp"

#include "accel/core/async/task_group.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/routing/ipns.hpp"

namespace accel::node {
namespace {

Task<void> put_at(const RecordPlace& place, ipld::IpnsName name, Bytes record, Duration limit,
                  PlaceOutcome& outcome) {
  outcome.place = place.name;
  auto putting = place.put(std::move(name), std::move(record));
  if (place.put_limit > limit) limit = place.put_limit;
  auto bounded = with_timeout(std::move(putting), limit);
  const Status put = co_await std::move(bounded);
  if (!put) outcome.error = put.error();
  co_return Status{};
}

struct Answer {
  PlaceOutcome outcome;
  std::optional<FoundRecord> found;
};

Task<void> ask(const RecordPlace& place, ipld::IpnsName name, Duration limit, const Clock& clock,
               Answer& answer) {
  answer.outcome.place = place.name;
  auto getting = place.get(name);
  auto bounded = with_timeout(std::move(getting), limit);
  auto bytes = co_await std::move(bounded);
  auto record = bytes ? ipld::read_ipns_record(name, *bytes)
                      : Result<ipld::IpnsRecord>(fail(Error(bytes.error())));
  const Status valid = record ? ipld::check_validity(name, *record, clock.wall_now())
                              : Status(fail(Error(record.error())));
  if (!valid) {
    answer.outcome.error = valid.error();
    co_return Status{};
  }
  answer.found = FoundRecord{*std::move(bytes), *std::move(record), place.name};
  co_return Status{};
}

}  // namespace

Task<std::vector<PlaceOutcome>> put_everywhere(std::vector<RecordPlace> places, ipld::IpnsName name,
                                               Bytes record, Duration limit) {
  // The tasks refer to this frame: a cancellation must not end it before they have.
  co_await asio::this_coro::throw_if_cancelled(false);
  std::vector<PlaceOutcome> outcomes(places.size());
  TaskGroup group(co_await asio::this_coro::executor, "records");
  for (std::size_t i = 0; i < places.size(); ++i) {
    group.spawn(put_at(places[i], name, record, limit, outcomes[i]));
  }
  auto joining = group.join();
  const Status joined = co_await std::move(joining);
  if (!joined) co_return fail(Error(joined.error()));
  co_return outcomes;
}

Task<RecordSearch> find_best(std::vector<RecordPlace> places, ipld::IpnsName name, Duration limit,
                             const Clock& clock) {
  co_await asio::this_coro::throw_if_cancelled(false);
  std::vector<Answer> answers(places.size());
  TaskGroup group(co_await asio::this_coro::executor, "records");
  for (std::size_t i = 0; i < places.size(); ++i) {
    group.spawn(ask(places[i], name, limit, clock, answers[i]));
  }
  auto joining = group.join();
  const Status joined = co_await std::move(joining);
  if (!joined) co_return fail(Error(joined.error()));
  RecordSearch search;
  for (Answer& answer : answers) {
    search.outcomes.push_back(std::move(answer.outcome));
    if (!answer.found) continue;
    const bool better = !search.best || ipld::is_newer(answer.found->record, search.best->record);
    if (better) search.best = std::move(answer.found);
  }
  co_return search;
}

std::vector<RecordPlace> router_places(net::HttpClient& client,
                                       const std::vector<std::string>& routers, Duration timeout,
                                       const std::stop_token& stop) {
  std::vector<RecordPlace> places;
  for (const std::string& router : routers) {
    RecordPlace place;
    place.name = router;
    place.put = [&client, router, timeout, stop](ipld::IpnsName name, Bytes record) {
      return routing::put_ipns_record(client, {router, std::move(name), timeout, stop},
                                      std::move(record));
    };
    place.get = [&client, router, timeout, stop](ipld::IpnsName name) {
      return routing::get_ipns_record(client, {router, std::move(name), timeout, stop});
    };
    places.push_back(std::move(place));
  }
  return places;
}

}  // namespace accel::node
