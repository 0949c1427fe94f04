// SPDX-License-Identifier: Apache-2.0
// What is asked, and what comes of it: attempts, races between two of them, and trying again.
#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "multiplexer_impl.hpp"

namespace accel::endpoints {
namespace {

const char* outcome_name(Outcome outcome) {
  constexpr std::array<const char*, 5> kNames{"succeeded", "failed", "refused", "throttled",
                                              "cancelled"};
  return kNames.at(static_cast<std::size_t>(outcome));
}

// By the configured prices, of what the server says it used.
std::optional<double> cost_of(const Endpoint& endpoint, const Usage& usage) {
  if (!endpoint.price_input && !endpoint.price_output) return std::nullopt;
  constexpr double kMillion = 1e6;
  const auto part = [](std::optional<double> price, std::optional<std::uint64_t> tokens) {
    return price.value_or(0) * static_cast<double>(tokens.value_or(0)) / kMillion;
  };
  return part(endpoint.price_input, usage.prompt_tokens) +
         part(endpoint.price_output, usage.completion_tokens);
}

Status check_answer(const Request& request, const Answer& answer) {
  if (request.operation != Operation::embedding) return {};
  if (answer.vectors.size() == request.inputs.size()) return {};
  return fail(Errc::protocol, "The answer has {} embeddings for {} texts.", answer.vectors.size(),
              request.inputs.size());
}

std::optional<std::uint64_t> tokens_header(const net::Headers& headers) {
  const std::string text(headers.get_or("x-compute-tokens", ""));  // TEI tells its usage there.
  constexpr std::size_t kMostDigits = 12;
  const bool number = !text.empty() && text.size() <= kMostDigits &&
                      text.find_first_not_of("0123456789") == text.npos;
  return number ? std::optional(std::stoull(text)) : std::nullopt;
}

}  // namespace

// The others are not needed any more.
void Race::hear(Attempt& one) {
  speaker = &one;
  for (const auto& other : attempts) {
    if (other.get() != &one) other->stop.request_stop();
  }
  changed.cancel();
}

Task<void> Multiplexer::Impl::run_call(Impl* impl, EndGuard guard) {
  Call& call = *guard;
  auto answering = impl->answer(call);
  Result<Reply> reply = co_await std::move(answering);
  call.queue.finish(std::move(reply));
  co_return Status{};
}

Task<Reply> Multiplexer::Impl::answer(Call& call) {
  budget_.request();
  while (true) {
    auto placing = place_for(call);
    Result<std::unique_ptr<Place>> place = co_await std::move(placing);
    if (!place) co_return fail(Error(place.error()));
    Race race(call, executor);
    race.attempts.push_back(std::make_unique<Attempt>(std::move(*place)));
    auto racing = run(race);
    const Status ran = co_await std::move(racing);
    if (!ran) co_return fail(Error(ran.error()));
    Attempt& last = race.speaker != nullptr ? *race.speaker : *race.attempts.front();
    if (!last.verdict.error) co_return reply_of(call, last);
    call.last_error = last.verdict.error;
    for (const auto& attempt : race.attempts) note_failure(call, *attempt);
    auto deciding = goes_on(call, last);
    const Result<bool> again = co_await std::move(deciding);
    if (!again) co_return fail(Error(again.error()));
    if (!*again) co_return fail(all_reasons(call));
  }
}

// Of the one that lost a race, too: it was asked, and why it could not is told.
void Multiplexer::Impl::note_failure(Call& call, const Attempt& attempt) {
  const Verdict& verdict = attempt.verdict;
  if (!verdict.error || verdict.error->code == Errc::cancelled) return;
  const Member& member = attempt.place->member();
  call.reasons[member.endpoint.name] = verdict.error->message;
  if (!verdict.same_again) call.useless.insert(&member);
}

Error Multiplexer::Impl::all_reasons(const Call& call) {
  Error error = *call.last_error;
  if (call.reasons.size() < 2) return error;
  error.message = fmt::format("None of {} endpoints answered.", call.reasons.size());
  for (const auto& [name, reason] : call.reasons)
    error.message += fmt::format(" {}{}", reason, reason.ends_with('.') ? "" : ".");
  return error;
}

// Whether the request is asked once more, after the wait that is due. Nothing of an answer was
// handed on, else there is no again.
Task<bool> Multiplexer::Impl::goes_on(Call& call, const Attempt& last) {
  const Verdict& verdict = last.verdict;
  // Who has not what is asked for costs no attempt and no retry: another one may have it.
  const bool missed = verdict.elsewhere && verdict.outcome == Outcome::refused;
  if (missed) ++call.misses;
  if (last.first || call.stop.stop_requested() || call.attempts - call.misses >= options.attempts) {
    co_return false;
  }
  if (!verdict.same_again && !verdict.elsewhere) co_return false;
  const auto members = serving(call);
  const auto is_new = [&](const auto& one) { return !call.tried.contains(one.get()); };
  const bool others = members && std::ranges::any_of(*members, is_new);
  if (!others && !verdict.same_again) co_return false;
  if (!missed && !budget_.take()) co_return false;
  if (others) co_return true;
  const SteadyTime now = seams.clock.now();
  const Duration wait = std::max(jittered_wait(call.attempts - 1, seams.random),
                                 verdict.retry_after.value_or(Duration::zero()));
  if (wait > options.max_wait || now + wait >= call.deadline) co_return false;
  auto waiting = pause(now + wait, call.stop, /*for_place=*/false);
  const Status waited = co_await std::move(waiting);
  if (!waited) co_return fail(Error(waited.error()));
  co_return true;
}

Result<Reply> Multiplexer::Impl::reply_of(const Call& call, Attempt& one) const {
  Member& member = one.place->member();
  const Endpoint& endpoint = member.endpoint;
  Reply reply;
  reply.answer = std::move(one.reader->state().answer);
  reply.answer.not_sent = one.not_sent;
  const Usage& usage = reply.answer.usage;
  reply.told = {
      .endpoint = endpoint.name,
      .kind = endpoint.kind,
      .model =
          endpoint.remote_name(call.question.request.model).value_or(call.question.request.model),
      .on_this_machine = endpoint.on_this_machine(),
      .wait_ms = to_ms(one.began - call.began),
      .first_ms = to_ms(one.first.value_or(one.total)),
      .total_ms = to_ms(one.total),
      .attempts = call.attempts,
      .hedged = call.hedged,
      .cost = cost_of(endpoint, usage)};
  member.prompt_tokens += usage.prompt_tokens.value_or(0);
  member.completion_tokens += usage.completion_tokens.value_or(0);
  member.cost += reply.told.cost.value_or(0);
  return reply;
}

Task<void> Multiplexer::Impl::run(Race& race) {
  ++race.call.attempts;
  const Member& first = race.attempts.front()->place->member();
  race.call.tried.insert(&first);
  const auto usual = first.standing.usually_first_within();
  if (options.hedge && usual) {
    auto racing = run_hedged(race, *usual);
    co_return co_await std::move(racing);
  }
  auto running = attempt(race, *race.attempts.front());
  co_return co_await std::move(running);
}

// A second endpoint is asked when the first is later than 95 of 100 times before.
Task<void> Multiplexer::Impl::run_hedged(Race& race, Duration usual) {
  co_await asio::this_coro::throw_if_cancelled(false);  // The attempts refer to this frame.
  TaskGroup running(executor, "endpoint attempts");
  Attempt& first = *race.attempts.front();
  running.spawn(attempt(race, first));
  race.changed.expires_after(usual);
  auto waiting = race.changed.async_wait(asio::as_tuple(asio::use_awaitable));
  const auto woken = co_await std::move(waiting);
  const bool late = !std::get<0>(woken) && race.speaker == nullptr && !first.ended;
  const auto members = serving(race.call);
  if (late && members) {
    Members others = *members;
    std::erase_if(others, [&](const auto& one) { return race.call.tried.contains(one.get()); });
    auto place = budget_.left() >= 1 ? take_place(others, race.call) : nullptr;
    if (place && budget_.take()) {
      race.call.hedged = true;
      race.call.tried.insert(&place->member());
      race.attempts.push_back(std::make_unique<Attempt>(std::move(place)));
      running.spawn(attempt(race, *race.attempts.back()));
    }
  }
  auto joining = running.join();
  const Status joined = co_await std::move(joining);
  co_await asio::this_coro::throw_if_cancelled(true);
  co_return joined;
}

Task<void> Multiplexer::Impl::attempt(Race& race, Attempt& one) {
  const Clock& clock = seams.clock;
  one.began = clock.now();
  const std::stop_callback on_stop(race.call.stop, [&one] { one.stop.request_stop(); });
  const Endpoint& endpoint = one.place->member().endpoint;
  const Request& request = race.call.question.request;
  one.span = client_span(race.call.trace, endpoint, request, race.call.attempts);
  Request sent = request;
  if (const auto deadline = race.call.question.deadline) sent.time_left = *deadline - one.began;
  auto prepared = prepare_call(endpoint, std::move(sent));
  if (!prepared) {
    one.verdict = verdict_of(prepared.error(), /*throttled=*/false);
  } else {
    one.not_sent = prepared->not_sent;
    tell_server(one.span, prepared->http.headers);
    auto exchanging = exchange(race, one, std::move(*prepared));
    const Status exchanged = co_await std::move(exchanging);
    if (!exchanged) one.verdict = verdict_of(exchanged.error(), false);
  }
  one.total = clock.now() - one.began;
  one.ended = true;
  Member& member = one.place->member();
  if (!one.verdict.error && !one.first) member.standing.first_piece(clock.now(), one.total);
  if (one.verdict.error && one.verdict.outcome != Outcome::cancelled)
    member.last_error = one.verdict.error->to_string();
  end_client_span(one.span, one.verdict, one.reader ? one.reader->state().answer.usage : Usage());
  one.place->end(one.verdict.outcome, one.verdict.retry_after);
  note(race, one);
  race.changed.cancel();
  co_return Status{};
}

Task<void> Multiplexer::Impl::exchange(Race& race, Attempt& one, PreparedCall call) {
  const Endpoint& endpoint = one.place->member().endpoint;
  const Operation operation = race.call.question.request.operation;
  const Duration left = race.call.deadline - seams.clock.now();
  if (left <= Duration::zero()) co_return fail(Errc::timeout, "The request's time is over.");
  net::HttpCall& http = call.http;
  http.total_timeout = left;
  http.stop = one.stop.get_token();
  http.on_head = [&](int, const net::Headers& headers) -> Status {
    one.reader.emplace(endpoint.wire, operation, headers.get_or("Content-Type", ""));
    one.reader->state().answer.usage.prompt_tokens = tokens_header(headers);
    return {};
  };
  http.on_chunk = [&](ByteView bytes) { return take(race, one, as_text(bytes)); };
  auto asking = one.place->member().client.request(std::move(call.url), std::move(http));
  const Result<net::HttpReply> reply = co_await std::move(asking);
  if (reply) one.span.set("http.response.status_code", reply->status);
  one.verdict = judge(race, one, reply, call.key);
  co_return Status{};
}

Status Multiplexer::Impl::take(Race& race, Attempt& one, std::string_view bytes) {
  if (race.speaker != nullptr && race.speaker != &one)
    return fail(Errc::cancelled, "Another endpoint was quicker.");
  if (const Status read = one.reader->push(bytes); !read) {
    one.read_error = read.error();
    return read;
  }
  auto pieces = one.reader->state().take_pieces();
  if (pieces.empty()) return {};
  if (!one.first) {
    const SteadyTime now = seams.clock.now();
    one.first = now - one.began;
    one.place->member().standing.first_piece(now, *one.first);
    race.hear(one);
  }
  race.call.queue.put(std::move(pieces));
  return {};
}

Verdict Multiplexer::Impl::judge(Race& race, Attempt& one, const Result<net::HttpReply>& reply,
                                 std::string_view key) {
  const std::string& name = one.place->member().endpoint.name;
  if (!reply && one.stop.stop_requested())
    return verdict_of({Errc::cancelled, "The request was cancelled.", {}}, false);
  const auto deadline = race.call.question.deadline;
  if (!reply && deadline && seams.clock.now() >= *deadline) {  // No fault of the endpoint's.
    Error late{
        Errc::timeout, fmt::format("The request's time was over before {} answered.", name), {}};
    return {.error = std::move(late), .outcome = Outcome::cancelled};
  }
  if (reply && !reply->ok()) {
    Refusal refusal = refusal_of(*reply, name, key);
    const bool throttled = refusal.error.code == Errc::resource_exhausted;
    Verdict verdict = verdict_of(std::move(refusal.error), throttled);
    verdict.retry_after = refusal.retry_after;
    return verdict;
  }
  Status status;
  if (!reply) status = fail(one.read_error.value_or(reply.error()));
  if (status) status = one.reader ? one.reader->finish() : fail(Errc::protocol, "It says nothing.");
  if (status) {
    auto pieces = one.reader->state().take_pieces();  // Of an answer that came whole.
    status = check_answer(race.call.question.request, one.reader->state().answer);
    if (status && (race.speaker == nullptr || race.speaker == &one)) {
      race.hear(one);
      if (!pieces.empty()) race.call.queue.put(std::move(pieces));
    }
  }
  if (status) return {.outcome = Outcome::succeeded};
  Error error = std::move(status).error();
  error.cause = without(std::move(error.cause), key);
  error.message =
      fmt::format("The endpoint {} failed: {}", name, without(std::move(error.message), key));
  return verdict_of(std::move(error), false);
}

void Multiplexer::Impl::note(const Race& race, const Attempt& one) const {
  const Member& member = one.place->member();
  const std::string& name = member.endpoint.name;
  const std::string operation(operation_name(race.call.question.request.operation));
  Metrics& metrics = seams.metrics;
  metrics
      .counter("accel_endpoint_requests_total", "Requests to endpoints, by what came of them",
               {{"endpoint", name},
                {"operation", operation},
                {"outcome", outcome_name(one.verdict.outcome)}})
      .add();
  metrics
      .gauge("accel_endpoint_breaker_state",
             "The circuit breaker of an endpoint: 0 closed, 1 open, 2 half-open",
             {{"endpoint", name}})
      .set(static_cast<double>(member.standing.state(seams.clock.now())));
  if (one.verdict.error) return;
  metrics
      .histogram("accel_endpoint_first_piece_seconds",
                 "From a request to the first piece of its answer", {{"endpoint", name}})
      .observe(std::chrono::duration<double>(one.first.value_or(one.total)).count());
}

}  // namespace accel::endpoints
