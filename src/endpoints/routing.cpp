// SPDX-License-Identifier: Apache-2.0
// Who is asked: the endpoints that serve a model, and the wait for a place at one of them.
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>

#include "multiplexer_impl.hpp"

namespace accel::endpoints {
namespace {

// Whether what was measured of one holds for the other.
bool is_same(const Endpoint& a, const Endpoint& b) {
  const Endpoint pair[] = {a, b};
  const std::span both(pair);
  return print_endpoints(both.first(1)) == print_endpoints(both.last(1));
}

std::optional<double> price_of(const Endpoint& endpoint) {
  if (endpoint.on_this_machine() && !endpoint.price_input && !endpoint.price_output) return 0.0;
  if (!endpoint.price_input && !endpoint.price_output) return std::nullopt;
  return endpoint.price_input.value_or(0) + endpoint.price_output.value_or(0);
}

Error nobody_serves(const Question& question, bool any_away, bool none) {
  const std::string& model = question.request.model;
  if (any_away) {
    return {Errc::permission_denied,
            fmt::format("\"{}\" is served by an endpoint on another machine, and nothing may leave "
                        "this one: `ipfs-accelerate config set endpoints.policy prefer-local` "
                        "allows it.",
                        question.endpoint.empty() ? model : question.endpoint),
            {}};
  }
  if (!question.endpoint.empty() && none)
    return {Errc::not_found, fmt::format("There is no endpoint \"{}\".", question.endpoint), {}};
  if (!question.endpoint.empty()) {
    return {Errc::not_found,
            fmt::format("The endpoint {} serves no model \"{}\".", question.endpoint, model),
            {}};
  }
  return {Errc::not_found, fmt::format("No endpoint serves a model \"{}\".", model), {}};
}

}  // namespace

std::shared_ptr<Member> Multiplexer::Impl::make_member(Endpoint endpoint) const {
  net::ClientOptions client;
  client.idle_timeout = endpoint.timeout;
  client.ca_file = options.ca_file;
  return std::make_shared<Member>(std::move(endpoint), executor, std::move(client));
}

void Multiplexer::Impl::set(std::vector<Endpoint> endpoints) {
  Members members;
  for (Endpoint& endpoint : endpoints) {
    const auto known = std::ranges::find_if(
        members_, [&](const auto& member) { return is_same(member->endpoint, endpoint); });
    members.push_back(known != members_.end() ? *known : make_member(std::move(endpoint)));
  }
  members_ = std::move(members);
  look_again();  // There may be others to wait for now.
}

std::vector<EndpointStats> Multiplexer::Impl::stats() const {
  std::vector<EndpointStats> rows;
  for (const auto& member : members_) {
    EndpointStats& row = rows.emplace_back();
    row.name = member->endpoint.name;
    row.prompt_tokens = member->prompt_tokens;
    row.completion_tokens = member->completion_tokens;
    row.cost = member->cost;
    row.last_error = member->last_error;
    member->standing.describe(seams.clock.now(), row);
  }
  return rows;
}

Result<Multiplexer::Impl::Members> Multiplexer::Impl::serving(const Call& call) const {
  const Question& question = call.question;
  Members found;
  bool any_away = false, any_named = false;
  for (const auto& member : members_) {
    const Endpoint& endpoint = member->endpoint;
    if (!question.endpoint.empty() && endpoint.name != question.endpoint) continue;
    any_named = true;
    const std::string& model = question.request.model;
    const bool any = endpoint.takes_any() && !question.only_listed;
    const bool serves = question.request.operation == Operation::listing ||
                        (question.endpoint.empty() ? endpoint.lists(model) || any
                                                   : endpoint.remote_name(model).has_value());
    // One that is named says itself what it can't do.
    const bool able =
        !question.endpoint.empty() || speaks(endpoint.wire, question.request.operation);
    if (!serves || !able) continue;
    const bool may = question.may_leave || endpoint.on_this_machine();
    any_away = any_away || !may;
    if (may) found.push_back(member);
  }
  if (found.empty()) return fail(nobody_serves(question, any_away, !any_named));
  std::erase_if(found, [&](const auto& one) { return call.useless.contains(one.get()); });
  // Who names the model goes before who takes any.
  const auto names_it = [&](const auto& member) {
    return member->endpoint.lists(question.request.model);
  };
  if (std::ranges::any_of(found, names_it)) std::erase_if(found, std::not_fn(names_it));
  return found;
}

std::vector<Candidate> Multiplexer::Impl::candidates(const Members& members,
                                                     const Call& call) const {
  std::vector<Candidate> list;
  for (const auto& member : members) {
    list.push_back(
        {&member->standing, price_of(member->endpoint), call.tried.contains(member.get())});
  }
  return list;
}

std::unique_ptr<Place> Multiplexer::Impl::take_place(const Members& members, const Call& call) {
  const auto list = candidates(members, call);
  const auto best = choose(list, options.preference, seams.clock.now());
  if (!best) return nullptr;
  return std::make_unique<Place>(members[*best], seams.clock, [this] { look_again(); });
}

// How long it is worth to wait for a place that is not free now.
Result<SteadyTime> Multiplexer::Impl::wait_until(const Members& members, SteadyTime limit) const {
  const SteadyTime now = seams.clock.now();
  std::optional<SteadyTime> soonest;
  bool all_shut = true, any_busy = false;
  for (const auto& member : members) {
    const bool shut = member->standing.is_shut(now);
    const auto ready = member->standing.ready_at(now);
    all_shut = all_shut && shut;
    any_busy = any_busy || (!shut && !ready);
    if (ready && (!soonest || *ready < *soonest)) soonest = ready;
  }
  const std::string& name = members.front()->endpoint.name;
  if (all_shut) {
    return fail(Error{Errc::unavailable,
                      fmt::format("The endpoint {} has failed several times in a row and is left "
                                  "alone for a while.",
                                  name),
                      members.front()->last_error});
  }
  if (now >= limit) {
    return fail(Errc::resource_exhausted,
                "No endpoint had a place for this request in time ({} and {} more).", name,
                members.size() - 1);
  }
  if (!any_busy && soonest && *soonest > limit) {
    return fail(Errc::resource_exhausted,
                "The endpoint {} wants to be asked again in {:.0f} s at the earliest.", name,
                to_ms(*soonest - now) / 1000);
  }
  return std::min(soonest.value_or(limit), limit);
}

Task<std::unique_ptr<Place>> Multiplexer::Impl::place_for(Call& call) {
  const SteadyTime limit = std::min(seams.clock.now() + options.max_wait, call.deadline);
  while (true) {
    ACCEL_CO_TRY(Members members, serving(call));
    if (members.empty())
      co_return fail(
          call.last_error.value_or(Error{Errc::unavailable, "No endpoint is left.", {}}));
    if (auto place = take_place(members, call)) co_return place;
    ACCEL_CO_TRY(const SteadyTime until, wait_until(members, limit));
    if (waiting_.size() >= options.max_waiting) {
      co_return fail(Errc::resource_exhausted, "{} requests wait for endpoints already.",
                     waiting_.size());
    }
    auto waiting = pause(until, call.stop, /*for_place=*/true);
    const Status waited = co_await std::move(waiting);
    if (!waited) co_return fail(Error(waited.error()));
  }
}

Task<void> Multiplexer::Impl::pause(SteadyTime until, std::stop_token stop, bool for_place) {
  const auto timer = std::make_shared<asio::steady_timer>(executor, until);
  const auto wake = [timer, on = executor] { asio::post(on, [timer] { timer->cancel(); }); };
  const std::stop_callback on_stop(stop, wake);
  if (for_place) waiting_.push_back(timer);
  auto waiting = timer->async_wait(asio::as_tuple(asio::use_awaitable));
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await std::move(waiting);
  std::erase(waiting_, timer);
  co_await asio::this_coro::throw_if_cancelled(true);
  if (stop.stop_requested()) co_return fail(Errc::cancelled, "The request was cancelled.");
  co_return Status{};
}

// All look, for not each of them may use what became free; those that came first look first.
void Multiplexer::Impl::look_again() {
  for (const auto& timer : waiting_) timer->cancel();
}

}  // namespace accel::endpoints
