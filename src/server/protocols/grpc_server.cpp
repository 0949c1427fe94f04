// SPDX-License-Identifier: Apache-2.0
#include "protocols/grpc_server.hpp"

#include <algorithm>
#include <utility>

#include "accel/core/async/with_timeout.hpp"
#include "accel/node/build_info.hpp"
#include "protocols/grpc.hpp"
#include "protocols/oip.hpp"

namespace accel::server {
namespace {

using net::HttpRequest;
using net::HttpResponse;
using nlohmann::json;

constexpr std::string_view kWhatIsGrpc =
    "gRPC is POST over HTTP/2 with the content-type application/grpc.";

void append_frame(const proto::Message& type, const json& message, std::string& out) {
  const std::size_t begin = grpc::begin_frame(out);
  proto::write(type, message, out);
  grpc::end_frame(out, begin);
}

// Of a message: as of a body over REST.
std::size_t most_bytes(const node::Caller& caller) {
  const std::uint64_t own = caller.key ? caller.key->key.limits.body_bytes : 0;
  return own == 0 ? GrpcServer::kMaxMessage : std::min<std::uint64_t>(own, GrpcServer::kMaxMessage);
}

tl::unexpected<Error> no_method(std::string_view path) {
  const std::string_view name = path.substr(oip::kGrpcService.size());
  if (name == "ModelConfig")
    return fail(Errc::unsupported, "A model has no Triton configuration here; ask ModelMetadata.");
  return fail(Errc::unsupported, "There is no method {} here; api/inference.proto names those.",
              name.substr(0, 64));
}

}  // namespace

// A call that runs. Owners: its Call and copies of it; the server outlives them.
class GrpcServer::Running {
 public:
  Running(GrpcServer& server, bool stranger)
      : running_(stranger ? server.strangers_ : server.calls_),
        most_(stranger ? kMaxStrangers : kMaxCalls),
        count_(++running_) {}
  ~Running() { --running_; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  Status check() const {
    if (count_ <= most_) return {};
    return fail(Errc::resource_exhausted, "{} calls run at this node{}; try again later.", most_,
                most_ == kMaxStrangers ? " without a key" : "");
  }

 private:
  std::atomic<std::size_t>& running_;
  std::size_t most_;
  std::size_t count_;
};

struct GrpcServer::Call {
  std::shared_ptr<Running> running;
  const oip::Rpc* rpc = nullptr;
  std::shared_ptr<net::BodySource> source;  // Owners: the calls of one request, and its stream.
  std::string client;
  node::Caller caller;
  trace::LinkPtr trace;
  std::string credential;  // Of a key, for streams.
  bool explain = false;
  std::optional<Priority> priority;  // Of the metadata; a message's own goes before it.
  std::optional<Duration> timeout;
  Deadline deadline;  // By it.
  std::stop_token stop;
};

bool GrpcServer::is_stranger(const Call& call) {
  return call.caller.role == security::Role::stranger;
}

// Messages of one call as they come in. What has come counts against the server's budget until the
// next one is asked for, or the call is over.
class GrpcServer::Incoming {
 public:
  // Both must outlive it. `patience`: for the first byte of a message.
  Incoming(GrpcServer& server, const Call& call, std::size_t max_message, Duration patience)
      : server_(server),
        call_(call),
        frames_(max_message),
        hold_(server.held_, call.caller.who),
        patience_(is_stranger(call) ? kStrangerTime : patience),
        message_time_(is_stranger(call) ? kStrangerTime : kMessageTime) {}
  ~Incoming() = default;
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;

  // Nothing at the end. Errors: those of FrameReader, invalid_argument (it ended within a message),
  // resource_exhausted (the budget), timeout, unavailable (the server stops), cancelled.
  Task<std::optional<std::string>> next() {
    ++number_;
    std::optional<SteadyTime> complete_by;
    while (true) {
      ACCEL_CO_TRY(std::optional<std::string> message, frames_.next());
      ACCEL_CO_CHECK(count(message ? message->size() : 0));
      if (message) co_return message;
      std::string piece = call_.source->take();
      if (!piece.empty()) {
        frames_.feed(std::move(piece));
        continue;
      }
      if (call_.source->ended()) co_return end();
      const SteadyTime now = system_clock().now();
      if (!complete_by && has_more()) complete_by = now + message_time_;
      auto waiting = wait(complete_by ? *complete_by - now : patience_);
      const Status waited = co_await std::move(waiting);
      if (!waited) co_return fail(waited.error());
    }
  }
  bool has_more() const { return frames_.waiting() > 0; }

 private:
  Result<std::optional<std::string>> end() const {
    if (frames_.waiting() == 0) return std::nullopt;
    return fail(Errc::invalid_argument, "The call ended within {}.", name());
  }
  std::string name() const { return fmt::format("message {} of {}", number_, call_.rpc->name); }

  // Between two messages a stream ends when the server stops; a message that has begun is waited
  // for, as long as the server lets its requests finish.
  Task<void> wait(Duration limit) {
    const bool begun = has_more();
    const std::stop_token stop = begun ? call_.stop : server_.stopping_.get_token();
    auto coming = with_timeout(call_.source->wait(), limit);
    auto stoppable = with_stop(std::move(coming), stop);
    Status waited = co_await std::move(stoppable);
    if (waited) co_return waited;
    if (stop.stop_requested())
      co_return fail(Errc::unavailable, "This node stops; it waits for no {}.", name());
    if (waited.error().code != Errc::timeout) co_return waited;
    if (begun) {
      co_return fail(Errc::timeout, "The {} was not complete {} s after it began.", name(),
                     message_time_ / std::chrono::seconds(1));
    }
    co_return fail(Errc::timeout, "The {} did not come within {} s.", name(),
                   limit / std::chrono::seconds(1));
  }
  Status count(std::size_t given) {
    if (hold_.set(frames_.waiting() + given)) return {};
    return fail(Errc::resource_exhausted,
                "This caller's messages that wait have its share of {} bytes; try again later.",
                kMaxHeld);
  }

  GrpcServer& server_;
  const Call& call_;
  grpc::FrameReader frames_;
  security::ByteShares::Hold hold_;
  Duration patience_;
  Duration message_time_;
  std::size_t number_ = 0;  // Of the message that is waited for, from 1.
};

bool GrpcServer::serves(std::string_view path) { return path.starts_with(oip::kGrpcService); }

bool GrpcServer::is_live(const HttpRequest& head) {
  return serves(head.path) && head.method == "POST" && grpc::is_grpc(head);
}

Status GrpcServer::admit(const HttpRequest& head, const Visitor& visitor) {
  if (head.over_unix_socket) return {};
  if (!is_live(head)) return fail(Errc::invalid_argument, "{}", kWhatIsGrpc);
  const oip::Rpc* const rpc = oip::find_rpc(head.path);
  if (rpc != nullptr && rpc->open) return {};
  return visitor.known();
}

Task<HttpResponse> GrpcServer::handle(HttpRequest request, std::stop_token stop, Visitor visitor) {
  if (!request.source) co_return net::text_response(415, std::string(kWhatIsGrpc) + "\n");
  auto starting = start(std::move(request), std::move(stop), std::move(visitor));
  co_return co_await std::move(starting);
}

Task<HttpResponse> GrpcServer::start(HttpRequest request, std::stop_token stop, Visitor visitor) {
  Call call;
  call.running = std::make_shared<Running>(*this, !visitor.is_known());
  ACCEL_CO_CHECK(call.running->check());
  call.rpc = oip::find_rpc(request.path);
  if (call.rpc == nullptr) co_return no_method(request.path);
  ACCEL_CO_TRY(call.timeout, grpc::timeout_of(request));
  call.deadline = deadline_after(call.timeout);
  call.source = std::move(request.source);
  call.client = client_of(request, visitor.caller);
  call.caller = std::move(visitor.caller);
  call.trace = std::move(visitor.trace);
  call.explain = request.headers.get_or("x-explain", "") == "true";
  ACCEL_CO_TRY(call.priority, priority_of(request.headers));
  call.stop = std::move(stop);
  if (call.rpc->stream && call.caller.key) {
    // Each message is a request, and a stream counts once.
    if (call.caller.key->key.limits.requests_per_minute > 0)
      co_return fail(Errc::permission_denied,
                     "The requests of this key are counted, and a stream is one: use ModelInfer.");
    call.credential = net::bearer_token(request).value_or("");
  }
  if (call.rpc->stream) co_return stream(std::move(call));
  const std::optional<Duration> timeout = call.timeout;
  auto answering = unary(std::move(call));
  if (!timeout) co_return co_await std::move(answering);
  auto bounded = with_timeout(std::move(answering), *timeout);
  co_return co_await std::move(bounded);
}

Task<HttpResponse> GrpcServer::unary(Call call) {
  const std::size_t most = call.rpc->open ? kMaxOpenMessage : most_bytes(call.caller);
  Incoming incoming(*this, call, most, kFirstMessage);
  auto reading = incoming.next();
  const Result<std::optional<std::string>> message = co_await std::move(reading);
  if (!message) co_return fail(message.error());
  if (!*message || incoming.has_more())
    co_return fail(Errc::invalid_argument, "{} takes one message.", call.rpc->name);
  ACCEL_CO_TRY(json asked, proto::read(*call.rpc->request, as_bytes(**message)));
  auto answering = answer(call, std::move(asked));
  const Result<json> reply = co_await std::move(answering);
  if (!reply) co_return fail(reply.error());
  std::string frame;
  append_frame(*call.rpc->reply, *reply, frame);
  HttpResponse response;
  response.headers.add("Content-Type", "application/grpc");
  response.body = std::move(frame);
  response.trailers = std::make_shared<net::Headers>(grpc::trailers(Status{}));
  co_return response;
}

Task<json> GrpcServer::answer(const Call& call, json message) {
  const oip::Rpc& rpc = *call.rpc;
  if (rpc.name == "ServerLive") co_return json{{"live", true}};
  if (rpc.name == "ServerReady") co_return json{{"ready", true}};
  if (rpc.name == "ServerMetadata") co_return oip::server_reply(node::kVersion);
  if (rpc.name == "ModelInfer") {
    ACCEL_CO_TRY(oip::InferCall asked, oip::infer_call(std::move(message)));
    auto inferring = infer(call, std::move(asked));
    co_return co_await std::move(inferring);
  }
  ACCEL_CO_TRY(MethodRequest request, oip::method_of(rpc, message));
  auto running = run(call, std::move(request));
  const Result<json> result = co_await std::move(running);
  if (!result) co_return fail(result.error());
  json loaded;
  if (rpc.name == "RepositoryIndex") {
    auto looking = run(call, MethodRequest{"models.loaded"});
    Result<json> found = co_await std::move(looking);
    if (!found) co_return found;
    loaded = std::move(*found);
  }
  co_return oip::message_of(rpc, message, *result, loaded);
}

Task<json> GrpcServer::run(const Call& call, MethodRequest request) {
  request.trace = call.trace;
  request.deadline = call.deadline;
  return methods_.run(std::move(request), call.caller, call.stop);
}

Task<json> GrpcServer::infer(const Call& call, oip::InferCall infer) {
  MethodRequest request = std::move(infer.request);
  request.params["client"] = call.client;
  if (call.explain) request.params["explain"] = true;
  if (call.priority && !request.params.contains("priority"))
    request.params["priority"] = *call.priority;
  auto running = run(call, std::move(request));
  Result<json> result = co_await std::move(running);
  if (!result) co_return result;
  co_return oip::infer_message(infer, std::move(*result), call.explain);
}

HttpResponse GrpcServer::stream(Call call) {
  auto trailers = std::make_shared<net::Headers>();  // Owners: the response and its writer.
  net::StreamBody body;
  body.write = [this, call = std::move(call), trailers](net::BodyWriter& writer) {
    return converse(call, trailers, writer);
  };
  HttpResponse response;
  response.headers.add("Content-Type", "application/grpc");
  response.body = std::move(body);
  response.trailers = std::move(trailers);
  return response;
}

Task<void> GrpcServer::converse(Call call, std::shared_ptr<net::Headers> trailers,
                                net::BodyWriter& writer) {
  const std::optional<Duration> timeout = call.timeout;
  auto talking = talk(std::move(call), writer);
  if (timeout) talking = with_timeout(std::move(talking), *timeout);
  const Status ended = co_await std::move(talking);
  *trailers = grpc::trailers(ended);
  co_return Status{};
}

// One request after the other; a request that fails does not end the stream.
Task<void> GrpcServer::talk(Call call, net::BodyWriter& writer) {
  Incoming incoming(*this, call, most_bytes(call.caller), kStreamIdle);
  while (true) {
    auto reading = incoming.next();
    const Result<std::optional<std::string>> message = co_await std::move(reading);
    if (!message) co_return fail(message.error());
    if (!*message) co_return Status{};
    if (call.caller.key) ACCEL_CO_CHECK(known_(call.credential));
    ACCEL_CO_TRY(json asked, proto::read(*call.rpc->request, as_bytes(**message)));
    json failed{{"model_name", asked.value("model_name", std::string())},
                {"id", asked.value("id", std::string())}};
    Result<oip::InferCall> wanted = oip::infer_call(std::move(asked));
    Result<json> reply = tl::unexpected<Error>(Error{});
    if (wanted) {
      auto inferring = infer(call, std::move(*wanted));
      reply = co_await std::move(inferring);
    } else {
      reply = fail(std::move(wanted).error());
    }
    json answer;
    answer["infer_response"] = reply ? std::move(*reply) : std::move(failed);
    if (!reply) answer["error_message"] = reply.error().message;
    std::string frame;
    append_frame(*call.rpc->reply, answer, frame);
    auto writing = writer.write(std::move(frame));
    const Status written = co_await std::move(writing);
    if (!written) co_return written;
  }
}

}  // namespace accel::server
