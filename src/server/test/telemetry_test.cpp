// SPDX-License-Identifier: Apache-2.0
// Traces of the API: where they go, how they are written, and what becomes of them when the
// receiver is away.
#include "accel/server/telemetry.hpp"

#include <condition_variable>
#include <deque>
#include <thread>

#include "api_server_fixture.hpp"
#include "telemetry/otlp_json.hpp"
#include "telemetry/span_exporter.hpp"

namespace accel::server {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr std::string_view kSender = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

using Environment = std::map<std::string, std::string>;

Result<std::optional<TelemetryOptions>> options_of(
    const Environment& environment, const std::map<std::string, std::string>& settings = {}) {
  ConfigSources sources;
  sources.command_line = settings;
  const Config config = Config::load(node::settings_registry(), sources).value();
  return telemetry_options(config, environment);
}

std::string url_of(const Environment& environment,
                   const std::map<std::string, std::string>& settings = {}) {
  const auto options = options_of(environment, settings).value();
  return options ? options->url.to_string() : "off";
}

TEST(TelemetryOptions, are_off_unless_somebody_names_a_receiver) {
  EXPECT_EQ(url_of({}), "off");
  const Environment base{{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/"}};
  EXPECT_EQ(url_of(base), "http://127.0.0.1:4318/v1/traces");
  const Environment exact{{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"},
                          {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1/mine"}};
  EXPECT_EQ(url_of(exact), "http://127.0.0.1:1/mine");
  EXPECT_EQ(url_of(exact, {{"telemetry.otlp_endpoint", "https://a.example/otlp"}}),
            "https://a.example/otlp/v1/traces");
  EXPECT_EQ(url_of(exact, {{"telemetry.otlp_endpoint", ""}}), "off");
  EXPECT_EQ(url_of({{"OTEL_SDK_DISABLED", "true"}, *base.begin()}), "off");
}

TEST(TelemetryOptions, take_headers_that_do_not_travel_in_clear) {
  Environment with{{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example"},
                   {"OTEL_EXPORTER_OTLP_HEADERS", "api-key=s3cr%20t , x=1"},
                   {"OTEL_SERVICE_NAME", "mine"}};
  const auto options = options_of(with).value();
  ASSERT_TRUE(options);
  EXPECT_EQ(options->headers.get_or("api-key", ""), "s3cr t");
  EXPECT_EQ(options->headers.get_or("x", ""), "1");
  EXPECT_EQ(options->service_name, "mine");
  with["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://collector.example";
  EXPECT_EQ(options_of(with).error().code, Errc::invalid_argument);
  with["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:4318";
  EXPECT_TRUE(options_of(with).value());
}

TEST(TelemetryOptions, refuse_what_they_can_not_do_and_quote_no_secret) {
  const std::pair<const char*, const char*> base{"OTEL_EXPORTER_OTLP_ENDPOINT",
                                                 "http://127.0.0.1:4318"};
  EXPECT_FALSE(options_of({{"OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"}}));
  EXPECT_FALSE(options_of({base, {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"}}));
  for (const char* bad : {"secret", "a=%zz", "a=x%0d%0aEvil: 1", "a b=c", "=x"}) {
    const auto options = options_of({base, {"OTEL_EXPORTER_OTLP_HEADERS", bad}});
    ASSERT_FALSE(options) << bad;
    EXPECT_FALSE(contains(options.error().message, "secret"));
  }
}

trace::SpanRecord some_span(std::string name = "work") {
  trace::SpanRecord span;
  span.context = *trace::parse_traceparent(kSender);
  span.name = std::move(name);
  return span;
}

TEST(OtlpJson, writes_a_span_as_the_specification_says) {
  trace::SpanRecord span = some_span();
  span.context.state = "congo=t61rcWkgMzE";
  span.parent = {0, 1, 2, 3, 4, 5, 6, 255};
  span.kind = trace::SpanKind::server;
  span.begin = WallTime{} + 1700000000s + 123456789ns;
  span.end = WallTime{} + 1700000001s;
  span.attributes = {{"text", std::string("a\xff")},
                     {"whole", std::int64_t{-5}},
                     {"part", 0.5},
                     {"flag", true},
                     {"list", std::vector<std::string>{"stop"}}};
  span.failure = "No disk.";
  const std::array spans{span};
  const json request = json::parse(otlp::traces_request(spans, {"accel", "1.0", "here"}));
  const json& resource = request.at("resourceSpans").at(0);
  EXPECT_EQ(resource.at("resource").at("attributes").at(0),
            json::parse(R"({"key":"service.name","value":{"stringValue":"accel"}})"));
  const json& written = resource.at("scopeSpans").at(0).at("spans").at(0);
  EXPECT_EQ(written.at("traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(written.at("spanId"), "00f067aa0ba902b7");
  EXPECT_EQ(written.at("parentSpanId"), "00010203040506ff");
  EXPECT_EQ(written.at("traceState"), "congo=t61rcWkgMzE");
  EXPECT_EQ(written.at("kind"), 2);
  EXPECT_EQ(written.at("flags"), 0x301);
  EXPECT_EQ(written.at("startTimeUnixNano"), "1700000000123456789");
  EXPECT_EQ(written.at("endTimeUnixNano"), "1700000001000000000");
  EXPECT_EQ(written.at("status"), json::parse(R"({"code":2,"message":"No disk."})"));
  EXPECT_EQ(written.at("attributes"), json::parse(R"([
    {"key":"text","value":{"stringValue":"a\ufffd"}},
    {"key":"whole","value":{"intValue":"-5"}},
    {"key":"part","value":{"doubleValue":0.5}},
    {"key":"flag","value":{"boolValue":true}},
    {"key":"list","value":{"arrayValue":{"values":[{"stringValue":"stop"}]}}}])"));
}

TEST(OtlpJson, reads_how_many_spans_a_receiver_refused) {
  EXPECT_EQ(otlp::rejected_spans(R"({"partialSuccess":{"rejectedSpans":"3"}})"), 3U);
  EXPECT_EQ(otlp::rejected_spans(R"({"partialSuccess":{"rejectedSpans":2}})"), 2U);
  for (const char* nothing :
       {"", "{}", "[]", "no", R"({"partialSuccess":1})",
        R"({"partialSuccess":{"rejectedSpans":"x"}})", R"({"partialSuccess":{"rejectedSpans":-1}})",
        R"({"partialSuccess":{"rejectedSpans":[]}})"})
    EXPECT_EQ(otlp::rejected_spans(nothing), 0U) << nothing;
}

TEST(SpanQueue, drops_and_counts_what_finds_no_room) {
  int batches = 0;
  SpanQueue queue(4, 3, [&] { ++batches; });
  for (int i = 0; i < 6; ++i) queue.put(some_span(std::to_string(i)));
  EXPECT_EQ(batches, 1);
  EXPECT_EQ(queue.take_dropped(), 2U);
  EXPECT_EQ(queue.take_dropped(), 0U);
  const auto first = queue.take(3);
  ASSERT_EQ(first.size(), 3U);
  EXPECT_EQ(first[0].name, "0");
  EXPECT_EQ(queue.take(3).at(0).name, "3");
  EXPECT_TRUE(queue.take(3).empty());
  queue.close();
  queue.put(some_span());
  EXPECT_EQ(queue.take_dropped(), 1U);
}

// Takes what is sent to /v1/traces; answers with what the test wants, then with 200.
class Receiver {
 public:
  Receiver() {
    const auto handler = [this](net::HttpRequest request, std::stop_token) {
      return answer(std::move(request));
    };
    server_ = net::HttpServer::listen(io_.executor(), net::TcpEndpoint{}, handler, {}).value();
  }
  ~Receiver() { server_->stop(); }

  TelemetryOptions options() const {
    TelemetryOptions options;
    options.url = net::parse_url(server_->base_url() + "/v1/traces").value();
    options.headers = {{"api-key", "k1"}};
    options.interval = 5ms;
    options.first_wait = 1ms;
    return options;
  }
  void then_answer(std::initializer_list<net::HttpResponse> answers) {
    const std::scoped_lock lock(mutex_);
    answers_.insert(answers_.end(), answers);
  }
  // The spans of all requests that were taken, once there are so many.
  std::vector<json> spans(std::size_t count) {
    std::unique_lock lock(mutex_);
    (void)came_.wait_for(lock, 20s, [&] { return spans_.size() >= count; });
    return spans_;
  }
  std::vector<net::HttpRequest> requests(std::size_t count) {
    std::unique_lock lock(mutex_);
    (void)came_.wait_for(lock, 20s, [&] { return requests_.size() >= count; });
    return requests_;
  }

 private:
  Task<net::HttpResponse> answer(net::HttpRequest request) {
    const std::scoped_lock lock(mutex_);
    net::HttpResponse response = net::json_response(200, "{}");
    if (!answers_.empty()) {
      response = answers_.front();
      answers_.pop_front();
    }
    if (response.status == 200) {
      const json body = json::parse(request.body);
      for (const json& span : body.at("resourceSpans").at(0).at("scopeSpans").at(0).at("spans"))
        spans_.push_back(span);
    }
    requests_.push_back(std::move(request));
    came_.notify_all();
    co_return response;
  }

  IoThread io_{1, "receiver"};
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<net::HttpResponse> answers_;
  std::vector<json> spans_;
  std::vector<net::HttpRequest> requests_;
  std::unique_ptr<net::HttpServer> server_;
};

double counted(const Metrics& metrics, const std::string& row) {
  const std::string text = metrics.prometheus_text();
  const std::size_t at = text.find("\n" + row + " ");
  return at == text.npos ? -1 : std::stod(text.substr(at + row.size() + 2));
}
constexpr const char* kSent = "accel_telemetry_spans_sent_total";
std::string dropped(const char* reason) {
  return fmt::format("accel_telemetry_spans_dropped_total{{reason=\"{}\"}}", reason);
}

TEST(SpanExporter, sends_batches_with_the_receivers_headers) {
  Receiver receiver;
  Metrics metrics;
  SpanExporter exporter(receiver.options(), metrics);
  for (int i = 0; i < 3; ++i) exporter.queue()->put(some_span());
  EXPECT_EQ(receiver.spans(3).size(), 3U);
  const net::HttpRequest request = receiver.requests(1).front();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/v1/traces");
  EXPECT_EQ(request.headers.get_or("Content-Type", ""), "application/json");
  EXPECT_EQ(request.headers.get_or("api-key", ""), "k1");
}

TEST(SpanExporter, tries_again_when_the_receiver_asks_for_it) {
  Receiver receiver;
  receiver.then_answer({net::text_response(503, "later"), net::text_response(429, "later")});
  Metrics metrics;
  {
    SpanExporter exporter(receiver.options(), metrics);
    exporter.queue()->put(some_span());
    EXPECT_EQ(receiver.spans(1).size(), 1U);
  }
  EXPECT_EQ(receiver.requests(3).size(), 3U);
  EXPECT_EQ(counted(metrics, kSent), 1);
}

TEST(SpanExporter, gives_up_what_is_refused_and_counts_it) {
  Receiver receiver;
  receiver.then_answer({net::text_response(400, "no"), net::text_response(302, "elsewhere"),
                        net::json_response(200, R"({"partialSuccess":{"rejectedSpans":"1"}})")});
  Metrics metrics;
  {
    SpanExporter exporter(receiver.options(), metrics);
    for (std::size_t i = 1; i <= 3; ++i) {
      exporter.queue()->put(some_span());
      EXPECT_EQ(receiver.requests(i).size(), i);
    }
  }
  EXPECT_EQ(counted(metrics, dropped("refused")), 3);
  EXPECT_EQ(counted(metrics, kSent), 0);
}

TEST(SpanExporter, counts_what_a_receiver_that_is_not_there_can_not_take) {
  Metrics metrics;
  TelemetryOptions options;
  {
    Receiver gone;
    options = gone.options();
  }
  SpanExporter exporter(options, metrics);
  for (int i = 0; i < 4; ++i) exporter.queue()->put(some_span());
  const SteadyTime limit = system_clock().now() + 60s;  // It gives up after milliseconds.
  while (counted(metrics, dropped("unreachable")) < 4 && system_clock().now() < limit)
    std::this_thread::sleep_for(5ms);
  EXPECT_EQ(counted(metrics, dropped("unreachable")), 4);
  EXPECT_EQ(counted(metrics, kSent), 0);
}

TEST(SpanExporter, sends_what_waits_before_it_ends) {
  Receiver receiver;
  Metrics metrics;
  TelemetryOptions options = receiver.options();
  options.interval = 1h;
  {
    SpanExporter exporter(options, metrics);
    exporter.queue()->put(some_span("last words"));
  }
  ASSERT_EQ(receiver.spans(1).size(), 1U);
  EXPECT_EQ(receiver.spans(1).front().at("name"), "last words");
}

class TracedApiTest : public ApiServerTest {
 protected:
  void start_traced(double ratio = 1) {
    ServerOptions options;
    options.api = net::TcpEndpoint{};
    options.telemetry = receiver_.options();
    options.telemetry->sample_ratio = ratio;
    server_ = ApiServer::start(*node_, home_, options).value();
  }
  std::string ask(std::string_view line, std::string_view headers) {
    RawClient client(home_.api_socket());
    client.send(
        fmt::format("{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}\r\n", line, headers));
    return client.read_to_end();
  }
  static json attributes_of(const json& span) {
    json all;
    for (const json& one : span.at("attributes"))
      all[one.at("key").get<std::string>()] = one.at("value").begin().value();
    return all;
  }

  Receiver receiver_;
};

TEST_F(TracedApiTest, a_request_is_a_span_of_the_senders_trace) {
  start_traced();
  (void)ask("GET /api/tags", fmt::format("traceparent: {}\r\ntracestate: a=1\r\n", kSender));
  const std::vector<json> spans = receiver_.spans(2);
  ASSERT_EQ(spans.size(), 2U);
  const json& request = spans.back();
  EXPECT_EQ(request.at("name"), "GET /api/tags");
  EXPECT_EQ(request.at("traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(request.at("parentSpanId"), "00f067aa0ba902b7");
  EXPECT_EQ(request.at("traceState"), "a=1");
  EXPECT_FALSE(request.contains("status"));
  const json attributes = attributes_of(request);
  EXPECT_EQ(attributes.at("http.request.method"), "GET");
  EXPECT_EQ(attributes.at("http.route"), "/api/tags");
  EXPECT_EQ(attributes.at("http.response.status_code"), "200");
  EXPECT_EQ(spans.front().at("name"), "wait for a thread");
  EXPECT_EQ(spans.front().at("parentSpanId"), request.at("spanId"));
}

TEST_F(TracedApiTest, a_method_that_streams_ends_with_its_last_byte_and_routes_name_no_model) {
  start_traced();
  RawClient client(home_.api_socket());
  client.post("models.list", "{}");
  (void)client.read_answer();
  (void)ask("GET /v2/models/no%20such/ready", "");
  const std::vector<json> spans = receiver_.spans(3);
  ASSERT_EQ(spans.size(), 3U);
  std::vector<std::string> names;
  for (const json& span : spans) names.push_back(span.at("name"));
  EXPECT_NE(std::ranges::find(names, "POST /api/v1/models.list"), names.end());
  EXPECT_NE(std::ranges::find(names, "GET /v2/models/{model}/ready"), names.end());
}

TEST_F(TracedApiTest, hostile_headers_begin_a_trace_of_their_own) {
  start_traced();
  const std::string long_state(9000, 'x');
  for (const std::string& headers :
       {std::string("traceparent: 00-00000000000000000000000000000000-0000000000000000-01\r\n"),
        std::string("traceparent: \r\n"), std::string("traceparent: ff-%s%s%n-01\r\n"),
        fmt::format("traceparent: {}\r\ntraceparent: {}\r\n", kSender, kSender),
        "tracestate: " + long_state + "\r\n"}) {
    EXPECT_TRUE(contains(ask("GET /api/tags", headers), " 200 ")) << headers.substr(0, 60);
  }
  const std::vector<json> spans = receiver_.spans(10);
  ASSERT_EQ(spans.size(), 10U);
  for (const json& span : spans) {
    EXPECT_NE(span.at("traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
    EXPECT_NE(span.at("traceId"), std::string(32, '0'));
    EXPECT_FALSE(span.contains("traceState"));
  }
}

TEST_F(TracedApiTest, what_nobody_sampled_and_what_has_no_route_is_not_recorded) {
  start_traced(/*ratio=*/0);
  (void)ask("GET /api/tags", "");
  (void)ask("GET /healthz", fmt::format("traceparent: {}\r\n", kSender));
  (void)ask("GET /v2/health/live", fmt::format("traceparent: {}\r\n", kSender));
  (void)ask("GET /no/such/route", fmt::format("traceparent: {}\r\n", kSender));
  server_.reset();  // Sends what waits.
  EXPECT_TRUE(receiver_.spans(0).empty());
}

}  // namespace
}  // namespace accel::server
