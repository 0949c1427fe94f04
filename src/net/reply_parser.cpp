// SPDX-License-Identifier: Apache-2.0
#include "reply_parser.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>

#include "chunked.hpp"

namespace accel::net {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using View = boost::beast::string_view;

constexpr std::size_t kMaxHeaderFields = 200;

std::string to_string(View text) { return {text.data(), text.size()}; }

Error reply_fault(const error_code& ec) {
  if (ec == http::error::header_limit) return {Errc::protocol, "its headers are too large", {}};
  return {Errc::protocol, "its reply is not valid HTTP/1.1", ec.message()};
}

}  // namespace

struct ReplyParser::Impl final : http::basic_parser<false> {
  Impl(std::size_t max_header_bytes, bool head_request) {
    header_limit(static_cast<std::uint32_t>(max_header_bytes));
    body_limit(std::numeric_limits<std::uint64_t>::max());  // Whoever takes the body limits it.
    skip(head_request);
  }

  void stop(Error why, error_code& ec) {
    fault = std::move(why);
    ec = http::error::bad_value;
  }

  void on_request_impl(http::verb, View, View, int, error_code&) override {}
  void on_response_impl(int code, View, int, error_code& ec) override {
    status = code;
    ec = {};
  }
  void on_field_impl(http::field, View name, View value, error_code& ec) override {
    ec = {};
    if (head_complete) return;  // A trailer is no header.
    if (headers.size() == kMaxHeaderFields) {
      return stop({Errc::protocol, "its reply has too many headers", {}}, ec);
    }
    headers.add(to_string(name), to_string(value));
  }
  void on_header_impl(error_code& ec) override {
    ec = {};
    head_complete = true;
    if (headers.has("Transfer-Encoding") && !chunked() && !is_done()) {
      stop({Errc::protocol, "its reply has a transfer coding other than chunked", {}}, ec);
    }
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code& ec) override {
    ec = {};
  }
  std::size_t on_body_impl(View, error_code& ec) override {
    stop({Errc::internal, "a body reached the parser of heads", {}}, ec);
    return 0;
  }
  void on_chunk_header_impl(std::uint64_t, View, error_code& ec) override { ec = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, View body, error_code& ec) override {
    ec = {};
    const Status taken = (*sink)(as_bytes({body.data(), body.size()}));
    if (!taken) stop(taken.error(), ec);
    return body.size();
  }
  void on_finish_impl(error_code& ec) override { ec = {}; }

  int status = 0;
  Headers headers;
  bool head_complete = false;
  std::optional<Error> fault;
  const BodySink* sink = nullptr;
  bool stuck = false;  // The last step needed more.
};

ReplyParser::ReplyParser(std::size_t max_header_bytes, bool head_request)
    : impl_(std::make_unique<Impl>(max_header_bytes, head_request)) {}
ReplyParser::~ReplyParser() = default;
ReplyParser::ReplyParser(ReplyParser&&) noexcept = default;
ReplyParser& ReplyParser::operator=(ReplyParser&&) noexcept = default;

Result<std::size_t> ReplyParser::feed_head(std::string_view bytes) {
  std::size_t used = 0;
  while (!bytes.empty() && !impl_->head_complete) {
    error_code ec;
    const std::size_t taken = impl_->put({bytes.data(), bytes.size()}, ec);
    used += taken;
    bytes.remove_prefix(taken);
    if (ec == http::error::need_more || (!ec && taken == 0)) break;
    if (ec) return fail(impl_->fault ? *impl_->fault : reply_fault(ec));
  }
  return used;
}

Result<std::size_t> ReplyParser::feed_chunks(std::string_view bytes, const BodySink& sink) {
  impl_->sink = &sink;
  std::size_t used = 0;
  while (!bytes.empty() && !impl_->is_done()) {
    if (impl_->stuck && bytes.size() < kMinChunkedRest) break;
    error_code ec;
    const std::size_t taken = impl_->put({bytes.data(), bytes.size()}, ec);
    impl_->stuck = ec == http::error::need_more && taken == 0;
    used += taken;
    bytes.remove_prefix(taken);
    if (ec == http::error::need_more) break;
    if (ec) return fail(impl_->fault ? *impl_->fault : reply_fault(ec));
  }
  return used;
}

bool ReplyParser::head_done() const { return impl_->head_complete; }
int ReplyParser::status() const { return impl_->status; }
const Headers& ReplyParser::headers() const { return impl_->headers; }
Headers ReplyParser::take_headers() { return std::move(impl_->headers); }
bool ReplyParser::keep_alive() const { return impl_->keep_alive(); }
bool ReplyParser::body_done() const { return impl_->is_done(); }
std::uint64_t ReplyParser::body_length() const { return impl_->content_length().value_or(0); }

ReplyParser::BodyKind ReplyParser::body_kind() const {
  if (impl_->is_done()) return BodyKind::none;
  if (impl_->chunked()) return BodyKind::chunked;
  return impl_->content_length() ? BodyKind::length : BodyKind::to_end;
}

}  // namespace accel::net
