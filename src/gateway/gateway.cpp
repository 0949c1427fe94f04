// SPDX-License-Identifier: Apache-2.0
#include "accel/gateway/gateway.hpp"

#include "accel/core/log.hpp"
#include "accel/gateway/ipns_store.hpp"
#include "accel/gateway/name_resolver.hpp"
#include "answers.hpp"
#include "client_limiter.hpp"
#include "content.hpp"
#include "gateway_request.hpp"
#include "host_router.hpp"
#include "ready_blocks.hpp"
#include "responses.hpp"
#include "routing_answers.hpp"

namespace accel::gateway {
namespace {

// Statuses share five series, so that a client can't make more of them.
std::string status_class(int status) { return fmt::format("{}xx", status / 100); }

constexpr std::size_t kSmallBodyBytes = 16 * 1024;

NameRules name_rules(const GatewayOptions& options) {
  return {options.dnslinks, options.lookup_txt, options.limits.max_name_steps, options.clock};
}

// The tunnel leads back to this gateway, whatever host it names: what comes through it is read as
// the next request of the connection.
net::HttpResponse tunnel_response() {
  net::HttpResponse response;
  response.status = 200;
  return response;
}

net::StreamBody stream_of(std::string text) {
  const std::uint64_t length = text.size();
  auto write = [text = std::move(text)](net::BodyWriter& writer) mutable {
    return writer.write(std::move(text));
  };
  return {std::move(write), length};
}

// Of a gateway of blocks alone: why it does not even look. Nothing: it looks.
std::optional<net::HttpResponse> refusal_of_all_but_blocks(const net::HttpRequest& http) {
  if (http.method != "GET" && http.method != "HEAD") {
    return refusal_response(405, "The gateway only reads: use GET or HEAD.");
  }
  if (!http.path.starts_with("/ipfs/")) {
    return refusal_response(404, "Only /ipfs/{cid} is served here.");
  }
  const auto wanted = read_wanted(http);
  if (!wanted) return refusal_response(wanted.error().status, wanted.error().sentence);
  if (wanted->format == Format::raw || wanted->format == Format::car) return std::nullopt;
  return refusal_response(406,
                          "Only blocks and CARs are served here: use format=raw or format=car.");
}

// The body holds the client's place until it is sent: a client that takes many large pages and
// reads none has no more of them in our memory than it has places. Small ones are not worth it.
void keep_until_sent(net::HttpResponse& response, std::shared_ptr<void> place) {
  auto* const text = std::get_if<std::string>(&response.body);
  if (text != nullptr && text->size() > kSmallBodyBytes) {
    response.body = stream_of(std::move(*text));
  }
  auto* stream = std::get_if<net::StreamBody>(&response.body);
  if (stream == nullptr) return;
  stream->write = [place = std::move(place), write = std::move(stream->write)](
                      net::BodyWriter& writer) { return write(writer); };
}

}  // namespace

class Gateway::Impl {
 public:
  Impl(const blockstore::Store& store, OffloadPool& pool, Metrics& metrics, GatewayOptions options)
      : store_(store),
        pool_(pool),
        options_(std::move(options)),
        names_(store, name_rules(options_)),
        clients_(options_.limits.max_requests_per_client),
        routing_(store, pool, options_.routing, *options_.clock),
        ready_(store, options_.hosts),
        block_bytes_(
            metrics.counter("accel_gateway_block_bytes_total", "Bytes of blocks offered.")),
        answers_({store, pool, options_.limits, block_bytes_,
                  metrics.counter("accel_gateway_file_bytes_total", "Bytes of files offered.")}) {
    constexpr std::string_view kHelp = "Requests answered by the gateway.";
    for (const int status : {200, 300, 400, 500}) {
      counters_.push_back(&metrics.counter("accel_gateway_requests_total", kHelp,
                                           {{"status", status_class(status)}}));
    }
  }

  Task<net::HttpResponse> handle(net::HttpRequest http);
  std::optional<net::ReadyResponse> ready(const net::HttpRequest& http);
  // A record is read although this node may take none: only then is its sender told why.
  static std::uint64_t max_body_bytes() { return ipld::kMaxIpnsRecordBytes; }

 private:
  Task<net::HttpResponse> answer(const net::HttpRequest& http);
  Task<Routed> find_route(const net::HttpRequest& http);
  Task<net::HttpResponse> answer_route(const net::HttpRequest& http, Route route);
  Task<net::HttpResponse> answer_record(const net::HttpRequest& http, GatewayRequest request);
  Task<void> resolve_name(GatewayRequest& request);
  net::HttpResponse trouble(const GatewayRequest& request, const Error& error) const;
  net::HttpResponse name_trouble(const GatewayRequest& request, const Error& error) const;

  const blockstore::Store& store_;
  OffloadPool& pool_;
  GatewayOptions options_;
  NameResolver names_;
  ClientLimiter clients_;
  RoutingAnswers routing_;
  ReadyBlocks ready_;
  Counter& block_bytes_;
  Answers answers_;
  std::vector<Counter*> counters_;  // 2xx, 3xx, 4xx, 5xx; they belong to the Metrics.
};

Task<net::HttpResponse> Gateway::Impl::handle(net::HttpRequest http) {
  auto place = clients_.enter(http.remote);
  Result<net::HttpResponse> response;
  if (place == nullptr) {
    response = refusal_response(429, "You have too many requests at a time here; wait for some.");
    response->headers.add("Retry-After", "1");
  } else {
    response = co_await answer(http);
  }
  if (response) {
    keep_until_sent(*response, std::move(place));
    const auto index = static_cast<std::size_t>(response->status / 100 - 2);
    counters_.at(std::min(index, counters_.size() - 1))->add();
  }
  co_return response;
}

std::optional<net::ReadyResponse> Gateway::Impl::ready(const net::HttpRequest& http) {
  auto response = ready_.answer(http);
  if (!response) return std::nullopt;
  response->place = clients_.enter(http.remote);
  if (response->place == nullptr) return std::nullopt;  // handle() says so.
  block_bytes_.add(static_cast<double>(response->body->size()));
  counters_.front()->add();
  return response;
}

Task<net::HttpResponse> Gateway::Impl::answer(const net::HttpRequest& http) {
  if (options_.only_blocks) {
    if (auto refused = refusal_of_all_but_blocks(http)) co_return std::move(*refused);
  }
  if (http.method == "CONNECT") co_return tunnel_response();
  if (http.method == "OPTIONS") co_return options_response();
  const bool reads = http.method == "GET" || http.method == "HEAD";
  const bool may_route = routing_.enabled() && http.path.starts_with("/routing/v1/");
  if (!reads && !may_route) {
    co_return refusal_response(405, "The gateway only reads: use GET or HEAD.");
  }
  auto routed = co_await find_route(http);
  if (!routed) co_return fail(Error(routed.error()));
  if (auto* path = std::get_if<RoutingPath>(&*routed)) {
    auto answering = routing_.answer(http, std::move(path->parts));
    co_return co_await std::move(answering);
  }
  if (!reads) co_return refusal_response(405, "The gateway only reads: use GET or HEAD.");
  if (const auto* refused = std::get_if<Refused>(&*routed)) {
    co_return refusal_response(refused->status, refused->sentence);
  }
  if (const auto* redirect = std::get_if<Redirect>(&*routed)) {
    co_return redirect_response(redirect->status, redirect->location);
  }
  Route route = std::get<Route>(std::move(*routed));
  const bool is_worker = http.headers.get_or("Service-Worker", "") == "script";
  if (is_worker && route.mount == Mount::path) {
    // All content shares this origin: a worker of one site would rule all others.
    co_return refusal_response(400, "Service workers may not be installed from here.");
  }
  co_return co_await answer_route(http, std::move(route));
}

// Only DNS may block: without it the table answers.
Task<Routed> Gateway::Impl::find_route(const net::HttpRequest& http) {
  const auto has_dnslink = [this](const std::string& domain) { return names_.has_dnslink(domain); };
  const HostRules rules{options_.hosts, options_.limits.max_path_segments, has_dnslink,
                        routing_.enabled()};
  if (!options_.lookup_txt || !may_be_dnslink(http, rules)) co_return route_request(http, rules);
  const auto route = [&http, &rules](std::stop_token) -> Result<Routed> {
    return route_request(http, rules);
  };
  co_return co_await pool_.run(route);
}

Task<net::HttpResponse> Gateway::Impl::answer_route(const net::HttpRequest& http, Route route) {
  auto request = parse_gateway_request(http, std::move(route));
  if (!request) co_return refusal_response(request.error().status, request.error().sentence);
  if (request->format == Format::ipns_record) {
    co_return co_await answer_record(http, std::move(*request));
  }
  if (request->route.space == Namespace::ipns) {
    const Status resolved = co_await resolve_name(*request);
    if (!resolved) co_return name_trouble(*request, resolved.error());
  }
  Result<net::HttpResponse> response = co_await answers_.content(http, *request);
  if (response) co_return response;
  // Only a site with an origin of its own may say where its missing paths lead.
  const bool has_rules = request->route.mount != Mount::path &&
                         request->format == Format::automatic && !request->only_if_cached;
  if (has_rules && response.error().code == Errc::not_found) {
    Result<net::HttpResponse> rescued = co_await answers_.rescue(http, *request);
    if (rescued) co_return rescued;
  }
  co_return trouble(*request, response.error());
}

Task<net::HttpResponse> Gateway::Impl::answer_record(const net::HttpRequest& http,
                                                     GatewayRequest request) {
  const auto name = ipld::IpnsName::parse(request.route.root);
  if (request.route.space != Namespace::ipns || !name || !request.route.path.empty()) {
    co_return refusal_response(400, "IPNS records are served of /ipns/{key} alone.");
  }
  const auto read = [this, &name](std::stop_token) {
    return get_ipns_record(store_, *name, options_.clock->wall_now());
  };
  auto kept = co_await pool_.run(read);
  if (!kept) co_return name_trouble(request, kept.error());
  request.ttl = std::chrono::duration_cast<std::chrono::seconds>(kept->record.ttl);
  const Representation what = record_representation(request, name->to_string(), kept->bytes);
  const std::vector<ipld::Cid> no_roots;
  Outline plan = outline(http, Source{request, no_roots}, what, 1);
  if (!plan.ranges.empty()) {
    const net::ByteRange range = plan.ranges.front();
    plan.response.body = kept->bytes.substr(range.first, range.length);
  }
  co_return std::move(plan.response);
}

Task<void> Gateway::Impl::resolve_name(GatewayRequest& request) {
  const auto resolve = [this, name = request.route.root](std::stop_token) {
    return names_.resolve(name);
  };
  auto found = co_await pool_.run(resolve);
  if (!found) co_return fail(Error(found.error()));
  request.root = found->root;
  request.prefix = std::move(found->path);
  request.ttl = found->ttl;
  co_return Status{};
}

// A name without a valid record is a failure on the way to content, not the absence of content.
net::HttpResponse Gateway::Impl::name_trouble(const GatewayRequest& request,
                                              const Error& error) const {
  if (request.only_if_cached) {
    return refusal_response(412, fmt::format("{} is not here.", request.content_path));
  }
  if (error.code == Errc::io || error.code == Errc::internal) {
    log::warn("gateway", "Could not resolve a name.",
              {{"path", request.content_path}, {"error", error.to_string()}});
  }
  return refusal_response(
      error.code == Errc::timeout ? 504 : 502,
      fmt::format("{} can't be resolved: {}", request.content_path, error.message));
}

// What the store says of itself (paths, private roots) stays in the log; the client learns what it
// can act on.
net::HttpResponse Gateway::Impl::trouble(const GatewayRequest& request, const Error& error) const {
  if (error.code == Errc::not_found) {
    return refusal_response(request.only_if_cached ? 412 : 404,
                            not_here(request.content_path).message);
  }
  if (error.code == Errc::permission_denied) {
    return refusal_response(422,
                            fmt::format("{} has names that lead out of it.", request.content_path));
  }
  if (error.code == Errc::unsupported) {
    return refusal_response(
        501, fmt::format("{} is of a kind that is not served so.", request.content_path));
  }
  log::warn("gateway", "Could not serve.",
            {{"path", request.content_path}, {"error", error.to_string()}});
  const bool passing = error.code == Errc::unavailable || error.code == Errc::cancelled ||
                       error.code == Errc::resource_exhausted;
  return refusal_response(passing ? 503 : 500,
                          fmt::format("{} can't be served now.", request.content_path));
}

Gateway::Gateway(const blockstore::Store& store, OffloadPool& pool, Metrics& metrics,
                 GatewayOptions options)
    : impl_(std::make_unique<Impl>(store, pool, metrics, std::move(options))) {}
Gateway::~Gateway() = default;

// The stop token is not needed: what runs on the pool is short, and a stream ends with its
// connection.
Task<net::HttpResponse> Gateway::handle(net::HttpRequest request, std::stop_token) {
  return impl_->handle(std::move(request));
}

std::uint64_t Gateway::max_body_bytes() const { return impl_->max_body_bytes(); }

net::ReadyHandler Gateway::ready_handler() {
  return [impl = impl_.get()](const net::HttpRequest& request) { return impl->ready(request); };
}

net::HttpHandler Gateway::handler() {
  return [this](net::HttpRequest request, std::stop_token stop) {
    return handle(std::move(request), std::move(stop));
  };
}

}  // namespace accel::gateway
