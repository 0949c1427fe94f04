// SPDX-License-Identifier: Apache-2.0
#include "access.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "accel/server/api_frames.hpp"
#include "protocols/grpc.hpp"
#include "protocols/grpc_server.hpp"
#include "protocols/kubo_rpc.hpp"
#include "protocols/protocol_server.hpp"

namespace accel::server {
namespace {

using net::HttpRequest;
using net::HttpResponse;
using security::Role;

constexpr std::array<std::string_view, 4> kTextPaths{"/v1/chat/completions", "/v1/completions",
                                                     "/api/generate", "/api/chat"};

constexpr Duration kShareWait = std::chrono::seconds(1);

std::uint64_t whole_seconds(Duration time) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(time).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(1, seconds));
}

// As OpenAI writes them: "6m0s", "12s", "250ms".
std::string reset_text(Duration time) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  if (ms < 1000) return fmt::format("{}ms", ms);
  const auto seconds = (ms + 999) / 1000;
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

void put_allowance(net::Headers& headers, std::string_view what,
                   const std::optional<security::Allowance>& left) {
  if (!left) return;
  headers.set(fmt::format("x-ratelimit-limit-{}", what), std::to_string(left->limit));
  headers.set(fmt::format("x-ratelimit-remaining-{}", what), std::to_string(left->left));
  headers.set(fmt::format("x-ratelimit-reset-{}", what), reset_text(left->until_full));
}

void put_allowances(const node::Caller& caller, HttpResponse& response) {
  if (!caller.key || caller.key->key.limits == security::KeyLimits{}) return;
  const security::KeyUse::Left left = caller.key->use->left(caller.key->key.limits);
  put_allowance(response.headers, "requests", left.requests);
  put_allowance(response.headers, "tokens", left.tokens);
}

HttpResponse in_words(const HttpRequest& request, const Error& error, std::uint64_t seconds) {
  if (GrpcServer::serves(request.path)) return grpc::refusal(error, seconds);
  if (ProtocolServer::serves(request.path)) return protocol_refusal(request.path, error);
  if (!request.path.starts_with(kubo::kPrefix)) return api_error(error);
  return net::json_response(kubo::error_status(error), kubo::error_reply(error));
}

}  // namespace

HttpResponse api_error(int status, const Error& error) {
  HttpResponse response = net::json_response(status, error_frame(error));
  if (status == 401) response.headers.add("WWW-Authenticate", "Bearer");
  return response;
}

HttpResponse api_error(const Error& error) {
  return api_error(net::http_status_of(error.code), error);
}

HttpResponse in_words_of(const HttpRequest& head, HttpResponse refusal, std::optional<Errc> why) {
  if (GrpcServer::serves(head.path)) return refusal;
  const auto* const text = std::get_if<std::string>(&refusal.body);
  std::string sentence = text == nullptr ? std::string(net::reason_phrase(refusal.status)) : *text;
  while (sentence.ends_with('\n')) sentence.pop_back();
  const Errc code = why.value_or(net::errc_of_http_status(refusal.status));
  HttpResponse response = in_words(head, {code, std::move(sentence), {}}, 1);
  response.status = refusal.status;
  return response;
}

Status Visitor::needs(Role least, std::string_view what) const {
  if (!is_known() && least != Role::stranger) return fail(Error(why));
  return caller.needs(least, what);
}

// What comes goes on to the sink behind it; what was counted stays counted until it goes.
class Access::CountedSink final : public net::RequestSink {
 public:
  CountedSink(std::shared_ptr<Ticket> counted, std::shared_ptr<net::RequestSink> behind)
      : ticket(std::move(counted)), sink(std::move(behind)) {}
  Task<void> take(std::string piece) override { return sink->take(std::move(piece)); }

  std::shared_ptr<Ticket> ticket;
  std::shared_ptr<net::RequestSink> sink;
};

class Access::HeldShare final : public net::HeldBody {
 public:
  HeldShare(security::ByteShares& shares, std::string client) : hold_(shares, std::move(client)) {}
  Status hold(std::uint64_t bytes) override {
    if (hold_.set(bytes)) return {};
    return fail(Errc::resource_exhausted,
                "The bodies that are held for this caller have its share of {} bytes; try again "
                "when one is answered.",
                kMaxHeldBytes);
  }

 private:
  security::ByteShares::Hold hold_;
};

struct Access::Ticket {
  node::Caller caller;
  std::unique_ptr<security::Shares::Place> place;

  Ticket(node::Caller who, std::unique_ptr<security::Shares::Place> taken)
      : caller(std::move(who)), place(std::move(taken)) {}
  ~Ticket() { caller.key->use->end(); }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
};

Access::Access(security::Gate& gate, net::AllowedHosts hosts, Places places)
    : gate_(gate),
      hosts_(std::move(hosts)),
      texts_(places.texts),
      runs_(places.runs),
      methods_(places.methods) {}

Status Access::check_host(const HttpRequest& head) const {
  return net::check_host_and_origin(head, hosts_);
}

Visitor Access::visitor(const HttpRequest& head) const {
  if (head.over_unix_socket) return {node::Caller::socket};
  const auto credential = net::bearer_token(head);
  if (!credential) return {node::Caller::stranger, credential.error()};
  auto caller = gate_.authenticate(*credential);
  if (!caller) return {node::Caller::stranger, std::move(caller).error()};
  return {*std::move(caller)};
}

security::Shares* Access::places_for(const HttpRequest& request) {
  if (request.method != "POST") return nullptr;
  if (std::ranges::find(kTextPaths, request.path) != kTextPaths.end()) return &texts_;
  const bool method = request.path.starts_with("/api/v");  // /api/v1/ and /api/v0/
  return method ? &methods_ : &runs_;
}

// The ticket of a key; others take none.
std::optional<security::Refusal> Access::take_ticket(const HttpRequest& request, Entry& entry) {
  const node::Caller& caller = entry.visitor.caller;
  if (!caller.key) return std::nullopt;
  auto refused = caller.key->use->begin(caller.key->key.limits, request.body.size());
  if (refused) return refused;
  auto ticket = std::make_shared<Ticket>(caller, nullptr);
  security::Shares* const shares = places_for(request);
  if (shares != nullptr) ticket->place = shares->take(caller.who);
  if (shares != nullptr && !ticket->place) {
    return security::Refusal{{Errc::resource_exhausted,
                              "The requests of this key that run have its share of this node; "
                              "try again when one has ended.",
                              {}},
                             kShareWait};
  }
  entry.ticket = std::move(ticket);
  return std::nullopt;
}

Access::Entry Access::enter(HttpRequest& request) {
  Entry entry{visitor(request), nullptr, std::nullopt};
  if (auto counted = std::dynamic_pointer_cast<CountedSink>(request.sink)) {
    entry.ticket = std::move(counted->ticket);
    request.sink = std::move(counted->sink);
    return entry;
  }
  const auto refused = take_ticket(request, entry);
  if (!refused) return entry;
  entry.refusal = refusal_for(request, *refused);
  put_allowances(entry.visitor.caller, *entry.refusal);
  return entry;
}

Result<std::shared_ptr<net::RequestSink>> Access::open_counted(const HttpRequest& head,
                                                               const OpenSink& open) {
  Entry entry{visitor(head), nullptr, std::nullopt};
  const auto refused = take_ticket(head, entry);
  if (refused) return fail(Error(refused->error));
  ACCEL_TRY(auto sink, open(head));
  return std::make_shared<CountedSink>(std::move(entry.ticket), std::move(sink));
}

Status Access::check_large(const HttpRequest& head, const Visitor& visitor) {
  const auto& key = visitor.caller.key;
  if (!key) return {};
  const bool chunked = head.headers.has("Transfer-Encoding");
  if (!chunked && !net::announces_more_than(head.headers, kLargeBody)) return {};
  const auto refused = key->use->why_not(key->key.limits, 0);
  return refused ? Status{fail(Error(refused->error))} : Status{};
}

std::shared_ptr<net::HeldBody> Access::hold_body(const HttpRequest& head) {
  if (head.over_unix_socket) return nullptr;
  return std::make_shared<HeldShare>(bodies_, visitor(head).caller.who);
}

std::uint64_t Access::seconds_to_wait(const HttpRequest& head) const {
  const Visitor who = visitor(head);
  const auto& key = who.caller.key;
  const auto refused = key ? key->use->why_not(key->key.limits, 0) : std::nullopt;
  return whole_seconds(refused ? refused->retry_after : kShareWait);
}

void Access::leave(Entry& entry, HttpResponse& response) {
  if (!entry.ticket) return;
  put_allowances(entry.visitor.caller, response);
  auto* const stream = std::get_if<net::StreamBody>(&response.body);
  if (stream == nullptr) return;
  stream->write = [write = std::move(stream->write), ticket = std::move(entry.ticket)](
                      net::BodyWriter& writer) { return write(writer); };
}

HttpResponse refusal_for(const HttpRequest& request, const security::Refusal& refusal) {
  const std::uint64_t seconds = whole_seconds(refusal.retry_after);
  HttpResponse response = in_words(request, refusal.error, seconds);
  if (GrpcServer::serves(request.path)) return response;
  if (refusal.too_large) response.status = 413;
  if (refusal.retry_after == Duration::zero()) return response;
  // Kubo's own status for an error is 500, and its clients know no other; this one is of HTTP.
  response.status = 429;
  response.headers.set("Retry-After", std::to_string(seconds));
  return response;
}

}  // namespace accel::server
