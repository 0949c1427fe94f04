// SPDX-License-Identifier: Apache-2.0
#include "request_parser.hpp"

#include <fmt/format.h>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

#include "accel/net/url.hpp"
#include "chunked.hpp"

namespace accel::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using View = boost::beast::string_view;

constexpr std::size_t kMaxHeaderFields = 200;  // A browser sends about 20.
constexpr std::size_t kMaxLeadingBreaks =
    4;  // Empty lines before a request (RFC 9112 section 2.2).

std::string to_string(View text) { return {text.data(), text.size()}; }

Refusal refusal_of(const error_code& ec) {
  if (ec == http::error::header_limit) return {431, "The request's headers are too large."};
  if (ec == http::error::body_limit) return {413, "The request's body is too large."};
  if (ec == http::error::bad_version) return {505, "Only HTTP/1.0 and HTTP/1.1 are spoken here."};
  return {400, fmt::format("The request is not valid HTTP/1.1 ({}).", ec.message())};
}

}  // namespace

// Beast's state machine with our own place for what it finds: fields go straight into the request,
// those of a trailer (which could pretend to be a header that was checked) are dropped.
struct RequestParser::Impl final : http::basic_parser<true> {
  explicit Impl(const RequestLimits& limits) {
    header_limit(static_cast<std::uint32_t>(limits.max_header_bytes));
    body_limit(limits.max_body_bytes);
    max_head = limits.max_header_bytes;
    streamed = limits.streamed;
  }

  // See kMinChunkedRest.
  bool must_wait(std::string_view bytes) const {
    return head_complete && stuck && bytes.size() < kMinChunkedRest;
  }

  // One step of Beast's machine. It limits the request line and the fields apart; here they count
  // together.
  std::size_t step(std::string_view bytes, error_code& ec) {
    const bool in_head = !head_complete;
    const std::size_t taken = put({bytes.data(), bytes.size()}, ec);
    stuck = ec == http::error::need_more && taken == 0;
    if (in_head) head_bytes += taken;
    if (in_head && !ec && head_bytes > max_head) ec = http::error::header_limit;
    return taken;
  }

  void refuse(Refusal why, error_code& ec) {
    refusal = std::move(why);
    ec = http::error::bad_value;
  }

  void on_request_impl(http::verb, View method, View target, int version, error_code& ec) override {
    request.method = to_string(method);
    request.target = to_string(target);
    http_1_0 = version == 10;
    if (streamed != nullptr && streamed->match && streamed->match(request.target)) {
      body_limit(streamed->max_bytes);
    }
    ec = {};
  }
  void on_response_impl(int, View, int, error_code&) override {}

  void on_field_impl(http::field, View name, View value, error_code& ec) override {
    ec = {};
    if (head_complete) return;
    if (request.headers.size() == kMaxHeaderFields) {
      return refuse({431, "The request has too many headers."}, ec);
    }
    request.headers.add(to_string(name), to_string(value));
  }

  void on_header_impl(error_code& ec) override {
    ec = {};
    head_complete = true;
    if (auto why = check_head()) refuse(std::move(*why), ec);
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code& ec) override {
    ec = {};
  }
  std::size_t on_body_impl(View body, error_code& ec) override {
    ec = {};
    request.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, View, error_code& ec) override { ec = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, View body, error_code& ec) override {
    return on_body_impl(body, ec);
  }
  void on_finish_impl(error_code& ec) override { ec = {}; }

  std::optional<Refusal> check_head() {
    const std::size_t hosts = request.headers.count("Host");
    if (hosts > 1 || (hosts == 0 && !http_1_0)) {
      return Refusal{400, "A request needs exactly one Host header."};
    }
    if (auto why = check_codings()) return why;
    if (request.headers.has("Expect")) {
      expects_continue = equals_ignoring_case(request.headers.get_or("Expect", ""), "100-continue");
      if (!expects_continue) return Refusal{417, "Only \"Expect: 100-continue\" is understood."};
    }
    return split_target();
  }

  // A coding that we do not undo, or one that two readers could understand differently, would let a
  // request hide in a body.
  std::optional<Refusal> check_codings() const {
    if (!request.headers.has("Transfer-Encoding")) return std::nullopt;
    if (http_1_0) return Refusal{400, "Transfer-Encoding does not belong into HTTP/1.0."};
    const std::string codings = request.headers.combined("Transfer-Encoding");
    if (chunked() && equals_ignoring_case(codings, "chunked")) return std::nullopt;
    return Refusal{501, "Of the transfer codings only \"chunked\" is understood."};
  }

  // CONNECT names a host and a port, and no path (RFC 9112 section 3.2.3).
  static std::optional<Refusal> check_authority(std::string_view target) {
    const std::size_t colon = target.rfind(':');
    const bool has_port = colon != std::string_view::npos && colon > 0 &&
                          colon + 1 < target.size() &&
                          target.find_first_not_of("0123456789", colon + 1) == target.npos;
    if (has_port && target.find_first_of("/?@") == target.npos) return std::nullopt;
    return Refusal{400, "CONNECT names a host and a port."};
  }

  std::optional<Refusal> split_target() {
    std::string_view target = request.target;
    if (target.find('#') != std::string_view::npos) {
      return Refusal{400, "A request target has no fragment."};
    }
    if (request.method == "CONNECT") return check_authority(target);
    if (!target.starts_with('/')) {
      if (target == "*" && request.method == "OPTIONS") {
        request.path = "*";
        return std::nullopt;
      }
      const auto url = parse_url(target);
      if (!url || url->scheme == "unix") {
        return Refusal{400, "The request target is neither a path nor an http URL."};
      }
      request.headers.set("Host", url->authority());  // RFC 9112 section 3.2.2.
      request.path = url->path;
      request.query = url->query;
      return std::nullopt;
    }
    const std::size_t question = target.find('?');
    request.path = std::string(target.substr(0, question));
    if (question != std::string_view::npos) request.query = target.substr(question + 1);
    return std::nullopt;
  }

  HttpRequest request;
  std::optional<Refusal> refusal;
  std::size_t max_head = 0;
  const StreamedBodies* streamed = nullptr;
  std::size_t head_bytes = 0;
  std::size_t leading_breaks = 0;
  bool stuck = false;
  bool saw_bytes = false;
  bool head_complete = false;
  bool http_1_0 = false;
  bool expects_continue = false;
};

RequestParser::RequestParser(const RequestLimits& limits) : impl_(std::make_unique<Impl>(limits)) {}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;

tl::expected<std::size_t, Refusal> RequestParser::feed(std::string_view bytes) {
  Impl& parser = *impl_;
  std::size_t used = 0;
  while (!parser.saw_bytes && bytes.starts_with("\r\n")) {
    if (++parser.leading_breaks > kMaxLeadingBreaks) {
      return tl::unexpected(Refusal{400, "The request begins with too many empty lines."});
    }
    bytes.remove_prefix(2);
    used += 2;
  }
  if (bytes.empty() || bytes == "\r" || parser.is_done()) return used;
  parser.saw_bytes = true;
  while (!bytes.empty() && !parser.is_done() && !parser.must_wait(bytes)) {
    error_code ec;
    const std::size_t taken = parser.step(bytes, ec);
    used += taken;
    bytes.remove_prefix(taken);
    if (ec == http::error::need_more) break;
    if (ec) return tl::unexpected(parser.refusal ? *parser.refusal : refusal_of(ec));
    if (taken == 0) break;
  }
  return used;
}

bool RequestParser::started() const { return impl_->saw_bytes; }
bool RequestParser::head_done() const { return impl_->head_complete; }
bool RequestParser::done() const { return impl_->is_done(); }
bool RequestParser::wants_continue() const {
  return impl_->expects_continue && !impl_->http_1_0 && !impl_->is_done();
}
bool RequestParser::keep_alive() const { return impl_->keep_alive(); }
bool RequestParser::is_http_1_0() const { return impl_->http_1_0; }
HttpRequest& RequestParser::head() { return impl_->request; }
HttpRequest RequestParser::take() { return std::move(impl_->request); }

}  // namespace accel::net
