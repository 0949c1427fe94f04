// SPDX-License-Identifier: Apache-2.0
// The multiplexer over real sockets: servers that answer, fail, are late, throttle, redirect.
#include "accel/endpoints/multiplexer.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <mutex>

#include "accel/core/async/io.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/core/trace.hpp"
#include "accel/net/http_server.hpp"

namespace accel::endpoints {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

// Speaks as much of OpenAI's protocol as the tests need.
class Server {
 public:
  // What it says, or the fields of a refusal.
  explicit Server(std::string says = "hi", net::Headers fields = {})
      : word_(std::move(says)), fields_(std::move(fields)) {
    const auto handler = [this](net::HttpRequest request, std::stop_token stop) {
      return answer(this, std::move(request), std::move(stop));
    };
    server_ = net::HttpServer::listen(io_.executor(), net::TcpEndpoint{}, handler).value();
  }
  ~Server() { server_->stop(); }

  std::string url() const { return net::base_url(server_->local()) + "/v1"; }
  std::string key() const { return header("Authorization"); }
  std::string header(std::string_view name) const {  // Of the last request.
    const std::scoped_lock lock(mutex_);
    return std::string(last_.get_or(name, ""));
  }

  std::atomic<int> status = 200, fail_first = 0;
  std::atomic<Duration> late = Duration::zero();
  std::atomic<bool> breaks = false;  // After the first piece.
  std::atomic<int> requests = 0;

 private:
  static Task<net::HttpResponse> answer(Server* self, net::HttpRequest request,
                                        std::stop_token stop) {
    ++self->requests;
    {
      const std::scoped_lock lock(self->mutex_);
      self->last_ = request.headers;
    }
    const SteadyTime end = system_clock().now() + self->late.load();
    while (system_clock().now() < end && !stop.stop_requested()) {
      auto waiting = delay(5ms);
      const Status waited = co_await std::move(waiting);
      if (!waited) break;
    }
    co_return self->respond();
  }

  net::HttpResponse respond() {
    if (fail_first > 0) {
      --fail_first;
      return net::text_response(503, "busy");
    }
    if (status != 200) {
      net::HttpResponse response = net::text_response(status, "no: " + key());
      for (const net::HeaderField& field : fields_) response.headers.set(field.name, field.value);
      return response;
    }
    net::HttpResponse response;
    response.headers.set("Content-Type", "text/event-stream");
    std::string body = "data: {\"choices\":[{\"delta\":{\"content\":\"" + word_ + "\"}}]}\n\n";
    if (!breaks) {
      body +=
          "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":"
          "{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n";
    }
    response.body = std::move(body);
    return response;
  }

  IoThread io_;
  mutable std::mutex mutex_;
  std::string word_;
  net::Headers fields_, last_;
  std::unique_ptr<net::HttpServer> server_;
};

Endpoint endpoint_at(const std::string& name, const std::string& url) {
  EndpointWords words;
  words.name = name;
  words.kind = "openai";
  words.url = url;
  words.models = {"*"};
  return make_endpoint(words).value();
}

class MultiplexerTest : public ::testing::Test {
 protected:
  Multiplexer& with(std::vector<Endpoint> endpoints, MultiplexerOptions options = {}) {
    multiplexer_ = std::make_unique<Multiplexer>(
        io_.executor(), Multiplexer::Seams{system_clock(), system_random(), metrics_},
        std::move(options));
    multiplexer_->set(std::move(endpoints));
    return *multiplexer_;
  }
  static MultiplexerOptions once() {
    MultiplexerOptions options;
    options.attempts = 1;
    return options;
  }
  static Question question(const std::string& endpoint = {}) {
    Question asked;
    asked.request.model = "m";
    asked.request.messages.push_back({"user", "hello", {}, {}, {}});
    asked.endpoint = endpoint;
    return asked;
  }
  Result<Reply> ask(Question asked = question(), std::stop_token stop = {}) {
    pieces_.clear();
    const auto sink = [this](const Piece& piece) { pieces_.push_back(piece.content); };
    return multiplexer_->ask(std::move(asked), sink, std::move(stop));
  }
  EndpointStats stats(const std::string& name) {
    for (const EndpointStats& row : multiplexer_->stats()) {
      if (row.name == name) return row;
    }
    ADD_FAILURE() << "no " << name;
    return {};
  }

  Metrics metrics_;
  IoThread io_;
  std::unique_ptr<Multiplexer> multiplexer_;
  std::vector<std::string> pieces_;
};

TEST_F(MultiplexerTest, an_answer_comes_in_pieces_with_what_was_measured_and_reported) {
  Server server;
  with({endpoint_at("a", server.url())});
  const auto reply = ask();
  ASSERT_TRUE(reply) << reply.error().to_string();
  EXPECT_EQ(reply->answer.text, "hi");
  EXPECT_THAT(pieces_, ElementsAre("hi"));
  EXPECT_EQ(reply->told.endpoint, "a");
  EXPECT_EQ(reply->told.attempts, 1U);
  EXPECT_GT(reply->told.total_ms, 0);
  EXPECT_EQ(stats("a").prompt_tokens, 3U);
  EXPECT_TRUE(stats("a").latency_ms.has_value());
  EXPECT_THAT(metrics_.prometheus_text(),
              HasSubstr(R"(accel_endpoint_requests_total{endpoint="a",operation="text",)"));
}

TEST_F(MultiplexerTest, what_fails_is_asked_again_and_then_elsewhere) {
  Server stumbling, steady;
  stumbling.fail_first = 1;
  with({endpoint_at("a", stumbling.url())});
  const auto again = ask();
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->told.attempts, 2U);
  stumbling.status = 500;
  with({endpoint_at("a", stumbling.url()), endpoint_at("b", steady.url())});
  for (int i = 0; i < 3; ++i) {
    const auto reply = ask();
    ASSERT_TRUE(reply) << reply.error().to_string();
    EXPECT_EQ(reply->told.endpoint, "b");
  }
  EXPECT_GT(stats("a").failures, 0U);
}

TEST_F(MultiplexerTest, each_attempt_is_a_span_that_its_server_is_told_of) {
  std::mutex mutex;
  std::vector<trace::SpanRecord> spans;
  const auto tracer =
      trace::Tracer::make(system_clock(), system_random(), 1, [&](trace::SpanRecord span) {
        const std::scoped_lock lock(mutex);
        spans.push_back(std::move(span));
      });
  trace::Span request = tracer->start_request(
      "request", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=1");
  Server server("hi");
  server.fail_first = 1;
  with({endpoint_at("one", server.url())});
  {
    const trace::Scope in(request.link());
    ASSERT_TRUE(ask());
  }
  const std::scoped_lock lock(mutex);
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].failure.has_value(), true);
  EXPECT_FALSE(spans[1].failure);
  for (const trace::SpanRecord& span : spans) {
    EXPECT_EQ(span.kind, trace::SpanKind::client);
    EXPECT_EQ(span.parent, request.link()->context.span_id);
  }
  EXPECT_EQ(server.header("traceparent"), trace::traceparent_of(spans[1].context));
  EXPECT_EQ(server.header("tracestate"), "a=1");
}

TEST_F(MultiplexerTest, where_nobody_traces_servers_are_told_of_nothing) {
  Server server("hi");
  with({endpoint_at("one", server.url())});
  ASSERT_TRUE(ask());
  EXPECT_EQ(server.header("traceparent"), "");
}

TEST_F(MultiplexerTest, what_was_said_is_not_said_twice) {
  Server breaking;
  breaking.breaks = true;
  with({endpoint_at("a", breaking.url())});
  const auto reply = ask();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::protocol);
  EXPECT_THAT(reply.error().message, HasSubstr("ended before its answer did"));
  EXPECT_THAT(pieces_, ElementsAre("hi"));
  EXPECT_EQ(breaking.requests, 1);
}

TEST_F(MultiplexerTest, a_request_that_is_wrong_is_asked_once) {
  Server server, other;
  server.status = 400;
  other.status = 400;
  with({endpoint_at("a", server.url()), endpoint_at("b", other.url())});
  EXPECT_EQ(ask().error().code, Errc::invalid_argument);
  EXPECT_EQ(server.requests + other.requests, 1);
}

// One that lists the model and has it no more is not the last word: another one takes any name.
TEST_F(MultiplexerTest, who_has_no_such_model_does_not_end_the_search) {
  Server without, steady;
  without.status = 404;
  EndpointWords words;
  words.name = "a";
  words.kind = "openai";
  words.url = without.url();
  words.models = {"m"};
  with({make_endpoint(words).value(), endpoint_at("b", steady.url())}, once());
  for (int i = 0; i < 30; ++i) {  // More than the budget of retries holds.
    const auto reply = ask();
    ASSERT_TRUE(reply) << i << reply.error().to_string();
    EXPECT_EQ(reply->told.endpoint, "b");
  }
}

TEST_F(MultiplexerTest, what_each_endpoint_said_is_told_when_none_has_the_model) {
  Server first, second;
  first.status = second.status = 404;
  with({endpoint_at("a", first.url()), endpoint_at("b", second.url())}, once());
  const auto reply = ask();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::not_found);
  EXPECT_THAT(reply.error().message, HasSubstr("None of 2 endpoints answered. The endpoint a "));
  EXPECT_THAT(reply.error().message, HasSubstr("The endpoint b answered 404 Not Found: no"));
}

TEST_F(MultiplexerTest, an_endpoint_that_fails_on_and_on_is_left_alone) {
  Server server;
  server.status = 503;
  with({endpoint_at("a", server.url())}, once());
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(ask());
  EXPECT_EQ(stats("a").state, "open");
  const auto refused = ask();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_THAT(refused.error().message, HasSubstr("left alone"));
  EXPECT_EQ(server.requests, 5);
}

TEST_F(MultiplexerTest, a_server_that_asks_for_a_pause_gets_it) {
  Server server("", {{"Retry-After", "3600"}});
  server.status = 429;
  with({endpoint_at("a", server.url())});
  const auto throttled = ask();
  ASSERT_FALSE(throttled);
  EXPECT_EQ(throttled.error().code, Errc::resource_exhausted);
  EXPECT_EQ(ask().error().code, Errc::resource_exhausted);
  EXPECT_EQ(server.requests, 1);
  EXPECT_EQ(stats("a").state, "closed");
  EXPECT_GT(stats("a").paused_ms, 3.5e6);
}

TEST_F(MultiplexerTest, nothing_leaves_this_machine_unasked) {
  with({endpoint_at("away", "http://192.0.2.1/v1")});
  const auto reply = ask();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::permission_denied);
  EXPECT_THAT(reply.error().message, HasSubstr("endpoints.policy"));
  EXPECT_EQ(stats("away").requests, 0U);
  EXPECT_EQ(ask(question("gone")).error().code, Errc::not_found);
}

TEST_F(MultiplexerTest, a_redirect_is_not_followed_and_no_key_goes_there) {
  Server second;
  Server first("", {{"Location", second.url() + "/chat/completions"}});
  first.status = 307;
  with({endpoint_at("a", first.url())}, once());
  const auto reply = ask();
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, HasSubstr("redirect"));
  EXPECT_EQ(second.requests, 0);
}

TEST_F(MultiplexerTest, a_key_is_sent_and_never_shown) {
  Server server;
  ASSERT_EQ(::setenv("ACCEL_TEST_MULTIPLEXER_KEY", "sk-very-secret", 1), 0);
  Endpoint endpoint = endpoint_at("a", server.url());
  endpoint.key_env = "ACCEL_TEST_MULTIPLEXER_KEY";
  with({endpoint});
  ASSERT_TRUE(ask());
  EXPECT_EQ(server.key(), "Bearer sk-very-secret");
  server.status = 401;  // It says the key back.
  const auto refused = ask();
  EXPECT_EQ(refused.error().code, Errc::unauthenticated);
  EXPECT_THAT(refused.error().to_string(), Not(HasSubstr("secret")));
  EXPECT_THAT(stats("a").last_error, Not(HasSubstr("secret")));
  EXPECT_THAT(metrics_.prometheus_text(), Not(HasSubstr("secret")));
  ASSERT_EQ(::unsetenv("ACCEL_TEST_MULTIPLEXER_KEY"), 0);
  EXPECT_EQ(ask().error().code, Errc::unauthenticated);
}

TEST_F(MultiplexerTest, who_stops_asking_frees_the_server) {
  Server server;
  server.late = 10s;
  with({endpoint_at("a", server.url())});
  std::stop_source stop;
  const SteadyTime before = system_clock().now();
  IoThread timer;
  const auto stopper = [](std::stop_source* source) -> Task<void> {
    auto waiting = delay(100ms);
    (void)co_await std::move(waiting);
    source->request_stop();
    co_return Status{};
  };
  TaskGroup group(timer.executor());
  group.spawn(stopper(&stop));
  const auto reply = ask(question(), stop.get_token());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::cancelled);
  EXPECT_LT(system_clock().now() - before, 5s);
  EXPECT_EQ(stats("a").cancelled, 1U);
  EXPECT_EQ(stats("a").outstanding, 0U);
}

TEST_F(MultiplexerTest, a_deadline_ends_a_request) {
  Server server;
  server.late = 10s;
  with({endpoint_at("a", server.url())});
  Question asked = question();
  asked.timeout = 150ms;
  const auto reply = ask(std::move(asked));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::timeout);
  EXPECT_EQ(server.requests, 1);
}

TEST_F(MultiplexerTest, another_node_is_told_how_much_time_is_left) {
  Server server;
  Endpoint other = endpoint_at("b", server.url());
  Endpoint node = endpoint_at("a", server.url());
  node.kind = "ipfs-accelerate";
  with({node, other});
  Question asked = question("a");
  asked.deadline = system_clock().now() + 1h;
  ASSERT_TRUE(ask(asked));
  const double seconds = std::stod("0" + server.header("X-Request-Timeout"));
  EXPECT_GT(seconds, 3500);
  EXPECT_LE(seconds, 3600);
  ASSERT_TRUE(ask(question("a")));
  EXPECT_EQ(server.header("X-Request-Timeout"), "") << "nobody has asked for less";
  asked.endpoint = "b";
  ASSERT_TRUE(ask(asked));
  EXPECT_EQ(server.header("X-Request-Timeout"), "") << "of another protocol";
}

TEST_F(MultiplexerTest, the_asker_s_own_deadline_ends_a_request_and_is_no_fault_of_the_endpoint) {
  Server server;
  server.late = 10s;
  with({endpoint_at("a", server.url())});
  Question asked = question();
  asked.timeout = 1min;
  asked.deadline = system_clock().now() + 150ms;
  const auto reply = ask(std::move(asked));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::timeout);
  EXPECT_EQ(server.requests, 1);
  EXPECT_EQ(stats("a").failures, 0U);
}

TEST_F(MultiplexerTest, a_late_endpoint_is_overtaken_by_a_second_and_one_answer_comes) {
  Server usual("first"), other("second");
  // The other is slower on the average, so that it is asked second.
  MultiplexerOptions options;
  options.hedge = true;
  with({endpoint_at("a", usual.url()), endpoint_at("b", other.url())}, options);
  other.late = 60ms;
  ASSERT_TRUE(ask(question("b")));
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(ask(question("a")));
  other.late = 0ms;
  usual.late = 5s;
  const SteadyTime before = system_clock().now();
  const auto reply = ask();
  ASSERT_TRUE(reply) << reply.error().to_string();
  EXPECT_LT(system_clock().now() - before, 4s);
  EXPECT_TRUE(reply->told.hedged);
  EXPECT_EQ(reply->told.endpoint, "b");
  EXPECT_THAT(pieces_, ElementsAre("second"));
  EXPECT_EQ(stats("a").cancelled, 1U);
}

TEST_F(MultiplexerTest, more_requests_than_places_wait_their_turn) {
  Server server;
  server.late = 50ms;
  Endpoint endpoint = endpoint_at("a", server.url());
  endpoint.max_concurrent = 2;
  with({endpoint});
  OffloadPool pool(8);
  IoThread io;
  std::atomic<int> good = 0;
  {
    TaskGroup group(io.executor());
    const auto one = [](OffloadPool* work, Multiplexer* multiplexer,
                        std::atomic<int>* count) -> Task<void> {
      auto job = [multiplexer, count](std::stop_token stop) -> Status {
        const auto reply = multiplexer->ask(question(), {}, std::move(stop));
        if (reply) ++*count;
        return {};
      };
      auto running = work->run(job);
      co_return co_await std::move(running);
    };
    for (int i = 0; i < 8; ++i) group.spawn(one(&pool, multiplexer_.get(), &good));
    auto joining = group.join();
    ASSERT_TRUE(sync_wait(io.executor(), std::move(joining)));
  }
  EXPECT_EQ(good, 8);
  EXPECT_EQ(stats("a").outstanding, 0U);
}

TEST_F(MultiplexerTest, endpoints_may_change_while_requests_run) {
  Server server;
  server.late = 100ms;
  with({endpoint_at("a", server.url())});
  OffloadPool pool(1);
  IoThread io;
  TaskGroup group(io.executor());
  const auto change = [](Multiplexer* multiplexer, OffloadPool* work) -> Task<void> {
    auto job = [multiplexer](std::stop_token) -> Status {
      multiplexer->set({});
      return {};
    };
    auto running = work->run(job);
    co_return co_await std::move(running);
  };
  group.spawn(change(multiplexer_.get(), &pool));
  const auto reply = ask();
  const bool gone = !reply && reply.error().code == Errc::not_found;
  EXPECT_TRUE(reply || gone);
  auto joining = group.join();
  ASSERT_TRUE(sync_wait(io.executor(), std::move(joining)));
  EXPECT_TRUE(multiplexer_->stats().empty());
}

}  // namespace
}  // namespace accel::endpoints
