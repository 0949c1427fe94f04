// SPDX-License-Identifier: Apache-2.0
#include "accel/net/carried_http.hpp"

#include <algorithm>
#include <array>
#include <exception>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/log.hpp"
#include "body_count.hpp"
#include "request_parser.hpp"
#include "response_head.hpp"

namespace accel::net {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10U;
constexpr std::size_t kReadBytes = 4096;

class CarriedWriter final : public BodyWriter {
 public:
  CarriedWriter(HttpCarrier& carrier, Duration stall, const Framing& framing)
      : carrier_(carrier), stall_(stall), chunked_(framing.chunked), count_(framing.length) {}

  Task<void> write(std::string chunk) override {
    if (chunk.empty()) co_return Status{};  // An empty chunk would end the body.
    ACCEL_CO_CHECK(count_.add(chunk.size()));
    if (chunked_) chunk = fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
    auto sending = send_text(std::move(chunk));
    co_return co_await std::move(sending);
  }

  Task<void> send(FileSlice slice) override {
    if (slice.length == 0) co_return Status{};
    ACCEL_CO_CHECK(count_.add(slice.length));
    std::string head = chunked_ ? fmt::format("{:x}\r\n", slice.length) : std::string();
    auto beginning = send_text(std::move(head));
    const Status begun = co_await std::move(beginning);
    ACCEL_CO_CHECK(begun);
    while (slice.length > 0) {
      std::string piece(std::min<std::uint64_t>(slice.length, kPiece), '\0');
      const std::span<std::uint8_t> into(reinterpret_cast<std::uint8_t*>(piece.data()),
                                         piece.size());
      ACCEL_CO_CHECK(pread_all(slice.fd->get(), into, slice.offset));
      slice.offset += piece.size();
      slice.length -= piece.size();
      auto sending = send_text(std::move(piece));
      const Status sent = co_await std::move(sending);
      ACCEL_CO_CHECK(sent);
    }
    auto ending = send_text(chunked_ ? "\r\n" : "");
    co_return co_await std::move(ending);
  }

  // Of what was announced nothing may lack.
  Task<void> finish() {
    ACCEL_CO_CHECK(count_.check_all());
    auto ending = send_text(chunked_ ? "0\r\n\r\n" : "");
    co_return co_await std::move(ending);
  }

  Task<void> send_text(std::string text) {
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view piece = rest.substr(0, kPiece);
      rest.remove_prefix(piece.size());
      auto sending = carrier_.write_all(piece);
      const Status sent = co_await with_timeout(std::move(sending), stall_);
      ACCEL_CO_CHECK(sent);
    }
    co_return Status{};
  }

 private:
  HttpCarrier& carrier_;
  Duration stall_;
  bool chunked_;
  BodyCount count_;
};

// Nothing: the other side has gone without a request.
struct Read {
  bool complete = false;
  std::optional<Refusal> refusal{};
};

Task<Read> read_request(HttpCarrier& carrier, RequestParser& parser) {
  std::string waiting;
  std::array<char, kReadBytes> buffer{};
  for (;;) {
    const auto fed = parser.feed(waiting);
    if (!fed) co_return Read{false, fed.error()};
    waiting.erase(0, *fed);
    if (parser.done()) co_return Read{true};
    const auto count = co_await carrier.read_some(buffer);
    ACCEL_CO_CHECK(count);
    if (*count == 0) co_return Read{};
    waiting.append(buffer.data(), *count);
  }
}

Task<HttpResponse> call_handler(HttpHandler handler, HttpRequest request, Duration limit) {
  const std::string what = request.method + " " + request.path;
  auto handling = handler(std::move(request), std::stop_token{});
  auto response = co_await with_timeout(std::move(handling), limit);
  if (response) co_return std::move(*response);
  log::debug("net", "A carried request failed.",
             {{"request", what}, {"error", response.error().to_string()}});
  co_return error_response(response.error());
}

Task<void> send_body(CarriedWriter& writer, Body body) {
  if (auto* const text = std::get_if<std::string>(&body)) {
    auto writing = writer.write(std::move(*text));
    const Status written = co_await std::move(writing);
    ACCEL_CO_CHECK(written);
  }
  if (auto* const slices = std::get_if<std::vector<FileSlice>>(&body)) {
    for (FileSlice& slice : *slices) {
      auto sending = writer.send(std::move(slice));
      const Status sent = co_await std::move(sending);
      ACCEL_CO_CHECK(sent);
    }
  }
  if (auto* const stream = std::get_if<StreamBody>(&body)) {
    auto streaming = stream->write(writer);
    const Status streamed = co_await std::move(streaming);
    ACCEL_CO_CHECK(streamed);
  }
  auto finishing = writer.finish();
  co_return co_await std::move(finishing);
}

Task<void> respond(HttpCarrier& carrier, RequestTraits traits, HttpResponse response,
                   Duration stall) {
  traits.keep_alive = false;
  Framing framing = decide_framing(traits, response);
  auto head = write_head(response, framing, system_clock().wall_now());
  if (!head) {
    log::error("net", head.error().message);
    response = error_response(head.error());
    framing = decide_framing(traits, response);
    head = write_head(response, framing, system_clock().wall_now());
    ACCEL_CO_CHECK(head);
  }
  CarriedWriter writer(carrier, stall, framing);
  auto beginning = writer.send_text(std::move(*head));
  const Status begun = co_await std::move(beginning);
  ACCEL_CO_CHECK(begun);
  if (!framing.send_body) co_return Status{};
  auto sending = send_body(writer, std::move(response.body));
  co_return co_await std::move(sending);
}

}  // namespace

Task<void> answer_carried(HttpCarrier& carrier, HttpHandler handler, CarriedLimits limits) {
  RequestParser parser({.max_header_bytes = limits.max_header_bytes, .max_body_bytes = 0});
  auto reading = read_request(carrier, parser);
  const auto read = co_await with_timeout(std::move(reading), limits.header_timeout);
  ACCEL_CO_CHECK(read);
  RequestTraits traits;
  if (read->refusal) {
    traits.head = parser.head_done() && parser.head().method == "HEAD";
    HttpResponse refused = text_response(read->refusal->status, read->refusal->sentence + "\n");
    auto refusing = respond(carrier, traits, std::move(refused), limits.stall_timeout);
    co_return co_await std::move(refusing);
  }
  if (!read->complete) co_return fail(Errc::unavailable, "The client left before its request.");
  HttpRequest request = parser.take();
  traits.head = request.method == "HEAD";
  traits.connect = request.method == "CONNECT";
  traits.http_1_0 = parser.is_http_1_0();
  auto handling = call_handler(std::move(handler), std::move(request), limits.request_timeout);
  auto response = co_await std::move(handling);
  ACCEL_CO_CHECK(response);
  auto responding = respond(carrier, traits, std::move(*response), limits.stall_timeout);
  co_return co_await std::move(responding);
}

}  // namespace accel::net
