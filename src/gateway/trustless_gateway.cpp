// SPDX-License-Identifier: Apache-2.0
#include "accel/gateway/trustless_gateway.hpp"

#include "accel/core/log.hpp"
#include "content.hpp"
#include "gateway_request.hpp"
#include "responses.hpp"

namespace accel::gateway {
namespace {

bool is_head(const net::HttpRequest& http) { return http.method == "HEAD"; }

// Statuses share five series, so that a client can't make more of them.
std::string status_class(int status) { return fmt::format("{}xx", status / 100); }

// Reads a range of a file that has no place to send from: copied, a piece at a time, on the pool.
Task<void> copy_range(const blockstore::Store& store, OffloadPool& pool, ipld::Cid cid,
                      net::ByteRange range, std::uint64_t piece, net::BodyWriter& writer) {
  while (range.length > 0) {
    const std::uint64_t part = std::min(range.length, piece);
    const auto read = [&store, cid, first = range.first, part](std::stop_token) {
      std::string text;
      text.reserve(part);
      const Status got = store.read(cid, first, part, [&text](ByteView bytes) {
        text += as_text(bytes);
        return Status{};
      });
      return got ? Result<std::string>(std::move(text)) : Result<std::string>(fail(got.error()));
    };
    Result<std::string> text = co_await pool.run(read);
    if (!text) co_return fail(std::move(text).error());
    const Status written = co_await writer.write(std::move(*text));
    if (!written) co_return written;
    range.first += part;
    range.length -= part;
  }
  co_return Status{};
}

}  // namespace

class TrustlessGateway::Impl {
 public:
  Impl(const blockstore::Store& store, OffloadPool& pool, Metrics& metrics,
       const GatewayLimits& limits)
      : store_(store), pool_(pool), limits_(limits) {
    constexpr std::string_view kHelp = "Requests answered by the gateway.";
    for (const int status : {200, 300, 400, 500}) {
      counters_.push_back(&metrics.counter("accel_gateway_requests_total", kHelp,
                                           {{"status", status_class(status)}}));
    }
    block_bytes_ = &metrics.counter("accel_gateway_block_bytes_total", "Bytes of blocks offered.");
    file_bytes_ = &metrics.counter("accel_gateway_file_bytes_total", "Bytes of files offered.");
  }

  Task<net::HttpResponse> handle(net::HttpRequest http);

 private:
  Task<net::HttpResponse> answer(const net::HttpRequest& http);
  Task<net::HttpResponse> answer_block(const net::HttpRequest& http, const GatewayRequest& request);
  Task<net::HttpResponse> answer_content(const net::HttpRequest& http,
                                         const GatewayRequest& request);
  Task<FoundBlock> find_block(const GatewayRequest& request);
  net::HttpResponse file_response(const net::HttpRequest& http, const GatewayRequest& request,
                                  FoundFile file);
  net::HttpResponse trouble(const GatewayRequest& request, const Error& error) const;

  const blockstore::Store& store_;
  OffloadPool& pool_;
  GatewayLimits limits_;
  std::vector<Counter*> counters_;  // 2xx, 3xx, 4xx, 5xx; they belong to the Metrics.
  Counter* block_bytes_ = nullptr;
  Counter* file_bytes_ = nullptr;
};

Task<net::HttpResponse> TrustlessGateway::Impl::handle(net::HttpRequest http) {
  Result<net::HttpResponse> response = co_await answer(http);
  if (response) {
    const auto index = static_cast<std::size_t>(response->status / 100 - 2);
    counters_.at(std::min(index, counters_.size() - 1))->add();
  }
  co_return response;
}

Task<net::HttpResponse> TrustlessGateway::Impl::answer(const net::HttpRequest& http) {
  if (http.method == "OPTIONS") co_return options_response();
  if (http.method != "GET" && http.method != "HEAD") {
    co_return refusal_response(405, "The gateway only reads: use GET or HEAD.");
  }
  if (http.headers.get_or("Service-Worker", "") == "script") {
    // All content shares this origin: a worker of one site would rule all others.
    co_return refusal_response(400, "Service workers may not be installed from here.");
  }
  const auto request = parse_gateway_request(http, limits_.max_path_segments);
  if (!request) co_return refusal_response(request.error().status, request.error().sentence);
  Result<net::HttpResponse> response;
  if (request->format == Format::raw) {
    response = co_await answer_block(http, *request);
  } else {
    response = co_await answer_content(http, *request);
  }
  if (!response) co_return trouble(*request, response.error());
  co_return response;
}

// The look at the index runs here, on the I/O thread: two reads of a mapped LMDB tree, an open and
// an fstat take microseconds, a hop to the pool and back more than that. Whatever reads or hashes
// bytes goes to the pool.
Task<FoundBlock> TrustlessGateway::Impl::find_block(const GatewayRequest& request) {
  ipld::Cid cid = request.root;
  if (!request.path.empty()) {
    const auto resolve = [this, &request](std::stop_token) {
      return resolve_path(store_, request.root, request.path);
    };
    const Result<ipld::Cid> resolved = co_await pool_.run(resolve);
    if (!resolved) co_return fail(Error(resolved.error()));
    cid = *resolved;
  }
  ACCEL_CO_TRY(auto placed, place_block(store_, cid));
  if (placed) co_return std::move(*placed);
  const auto read = [this, cid](std::stop_token) { return read_block(store_, cid); };
  co_return co_await pool_.run(read);
}

Task<net::HttpResponse> TrustlessGateway::Impl::answer_block(const net::HttpRequest& http,
                                                             const GatewayRequest& request) {
  Result<FoundBlock> block = co_await find_block(request);
  if (!block) co_return fail(std::move(block).error());
  Outline plan = outline(http, request, block_representation(request, block->cid, block->length));
  if (plan.response.status != 200 && plan.response.status != 206) {
    co_return std::move(plan.response);
  }
  block_bytes_->add(is_head(http) ? 0.0 : static_cast<double>(plan.range.length));
  if (auto* slice = std::get_if<net::FileSlice>(&block->bytes)) {
    std::vector<net::FileSlice> slices;
    slices.push_back({slice->fd, slice->offset + plan.range.first, plan.range.length});
    plan.response.body = std::move(slices);
  } else {
    plan.response.body =
        std::get<std::string>(block->bytes).substr(plan.range.first, plan.range.length);
  }
  co_return std::move(plan.response);
}

Task<net::HttpResponse> TrustlessGateway::Impl::answer_content(const net::HttpRequest& http,
                                                               const GatewayRequest& request) {
  const auto find = [this, &request](std::stop_token) -> Result<Found> {
    ACCEL_TRY(const ipld::Cid cid, resolve_path(store_, request.root, request.path));
    return look_up(store_, cid, limits_.max_listed_entries);
  };
  Result<Found> found = co_await pool_.run(find);
  if (!found) co_return fail(std::move(found).error());
  if (const auto* folder = std::get_if<FoundFolder>(&*found)) {
    co_return folder_response(http, request, *folder);
  }
  if (const auto* link = std::get_if<FoundLink>(&*found)) co_return link_response(request, *link);
  co_return file_response(http, request, std::move(std::get<FoundFile>(*found)));
}

net::HttpResponse TrustlessGateway::Impl::file_response(const net::HttpRequest& http,
                                                        const GatewayRequest& request,
                                                        FoundFile file) {
  Outline plan = outline(http, request, file_representation(request, file));
  if (plan.response.status != 200 && plan.response.status != 206) return std::move(plan.response);
  file_bytes_->add(is_head(http) ? 0.0 : static_cast<double>(plan.range.length));
  if (file.place) {
    std::vector<net::FileSlice> slices;
    const std::uint64_t begin = file.place->offset + plan.range.first;
    slices.push_back({file.place->fd, begin, plan.range.length});
    plan.response.body = std::move(slices);
    return std::move(plan.response);
  }
  // The gateway outlives the server that runs this.
  auto copy = [this, cid = file.cid, range = plan.range](net::BodyWriter& writer) {
    return copy_range(store_, pool_, cid, range, limits_.stream_piece_bytes, writer);
  };
  plan.response.body = net::StreamBody{std::move(copy), plan.range.length};
  return std::move(plan.response);
}

// What the store says of itself (paths, private roots) stays in the log; the client learns what it
// can act on.
net::HttpResponse TrustlessGateway::Impl::trouble(const GatewayRequest& request,
                                                  const Error& error) const {
  // A name below a file is as absent as one that a folder lacks.
  if (error.code == Errc::not_found || error.code == Errc::invalid_argument) {
    return refusal_response(404, not_here(request.content_path).message);
  }
  if (error.code == Errc::unsupported) {
    return refusal_response(
        501, fmt::format("{} is of a kind that is not served here yet.", request.content_path));
  }
  log::warn("gateway", "Could not serve.",
            {{"path", request.content_path}, {"error", error.to_string()}});
  const bool passing = error.code == Errc::unavailable || error.code == Errc::cancelled ||
                       error.code == Errc::resource_exhausted;
  return refusal_response(passing ? 503 : 500,
                          fmt::format("{} can't be served now.", request.content_path));
}

TrustlessGateway::TrustlessGateway(const blockstore::Store& store, OffloadPool& pool,
                                   Metrics& metrics, GatewayLimits limits)
    : impl_(std::make_unique<Impl>(store, pool, metrics, limits)) {}
TrustlessGateway::~TrustlessGateway() = default;

// The stop token is not needed: what runs on the pool is short, and a stream ends with its
// connection.
Task<net::HttpResponse> TrustlessGateway::handle(net::HttpRequest request, std::stop_token) {
  return impl_->handle(std::move(request));
}

net::HttpHandler TrustlessGateway::handler() {
  return [this](net::HttpRequest request, std::stop_token stop) {
    return handle(std::move(request), std::move(stop));
  };
}

}  // namespace accel::gateway
