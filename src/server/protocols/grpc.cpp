// SPDX-License-Identifier: Apache-2.0
#include "protocols/grpc.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "accel/core/bytes.hpp"
#include "accel/ipld/multibase.hpp"
#include "accel/ipld/protobuf.hpp"

namespace accel::server::grpc {
namespace {

using net::HttpResponse;

constexpr std::string_view kContentType = "application/grpc";
constexpr std::size_t kMaxMessage = 1024;  // Of an error: clients bound what they take as headers.
constexpr int kMaxTimeoutDigits = 8;       // The protocol's own limit.

// What of an error's sentence is sent, whole characters: protobuf's strings are UTF-8.
std::string_view message_of(const Error& error) {
  const std::string_view text = error.message;
  if (text.size() <= kMaxMessage) return text;
  std::size_t end = kMaxMessage;
  while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

// google.rpc.Status with google.rpc.RetryInfo among its details.
std::string retry_details(const Error& error, int status, std::uint64_t seconds) {
  Bytes delay, info, any, details;
  ipld::put_varint_field(delay, 1, seconds);  // google.protobuf.Duration.seconds
  ipld::put_bytes_field(info, 1, delay);      // retry_delay
  ipld::put_bytes_field(any, 1, as_bytes("type.googleapis.com/google.rpc.RetryInfo"));
  ipld::put_bytes_field(any, 2, info);
  ipld::put_varint_field(details, 1, static_cast<std::uint64_t>(status));
  ipld::put_bytes_field(details, 2, as_bytes(message_of(error)));
  ipld::put_bytes_field(details, 3, any);
  return ipld::base_encode(ipld::Multibase::base64, details);
}

std::optional<Duration> unit_of(char letter) {
  using namespace std::chrono_literals;
  constexpr std::array<std::pair<char, Duration>, 6> kUnits{
      {{'H', 1h}, {'M', 1min}, {'S', 1s}, {'m', 1ms}, {'u', 1us}, {'n', 1ns}}};
  for (const auto& [name, unit] : kUnits) {
    if (name == letter) return unit;
  }
  return std::nullopt;
}

}  // namespace

void FrameReader::feed(std::string bytes) {
  bytes_.erase(0, std::exchange(taken_, 0));
  if (bytes_.empty()) {
    bytes_ = std::move(bytes);
  } else {
    bytes_ += bytes;
  }
}

Result<std::optional<std::string>> FrameReader::next() {
  const std::string_view rest = std::string_view(bytes_).substr(taken_);
  if (rest.size() < kFrameHead) return std::nullopt;
  const auto byte = [&](std::size_t at) {
    return std::uint32_t{static_cast<std::uint8_t>(rest[at])};
  };
  if (byte(0) == 1) {
    return fail(Errc::unsupported,
                "Compressed messages are not taken here; send them as identity.");
  }
  if (byte(0) != 0) return fail(Errc::protocol, "A gRPC message begins with the byte {}.", byte(0));
  const std::size_t length = byte(1) << 24U | byte(2) << 16U | byte(3) << 8U | byte(4);
  if (length > max_) {
    return fail(Errc::resource_exhausted, "A message of {} bytes came; {} are taken at most.",
                length, max_);
  }
  if (rest.size() - kFrameHead < length) return std::nullopt;
  std::string message(rest.substr(kFrameHead, length));
  taken_ += kFrameHead + length;
  return message;
}

std::size_t begin_frame(std::string& out) {
  out.append(kFrameHead, '\0');
  return out.size() - kFrameHead;
}

void end_frame(std::string& out, std::size_t begin) {
  const std::size_t length = out.size() - begin - kFrameHead;
  for (std::size_t i = 0; i < 4; ++i)
    out[begin + 1 + i] = static_cast<char>(length >> (8U * (3 - i)) & 0xFFU);
}

net::Headers trailers(const Status& outcome, std::uint64_t retry_seconds) {
  net::Headers fields;
  if (outcome) {
    fields.add("grpc-status", "0");
    return fields;
  }
  const Error& error = outcome.error();
  const int status = net::grpc_status_of(error.code);
  fields.add("grpc-status", std::to_string(status));
  fields.add("grpc-message", percent_encoded(message_of(error)));
  if (error.code != Errc::resource_exhausted) return fields;
  fields.add("grpc-retry-pushback-ms", std::to_string(retry_seconds * 1000));
  fields.add("grpc-status-details-bin", retry_details(error, status, retry_seconds));
  return fields;
}

HttpResponse refusal(const Error& error, std::uint64_t retry_seconds) {
  HttpResponse response;
  response.headers = trailers(fail(Error(error)), retry_seconds);
  response.headers.add("Content-Type", std::string(kContentType));
  return response;
}

HttpResponse refusal_of(const HttpResponse& response, std::optional<Errc> why) {
  const auto* const text = std::get_if<std::string>(&response.body);
  std::string sentence = text == nullptr ? std::string(net::reason_phrase(response.status)) : *text;
  while (sentence.ends_with('\n')) sentence.pop_back();
  const bool too_large = response.status == 413 || response.status == 431;
  const Errc code =
      too_large ? Errc::resource_exhausted : net::errc_of_http_status(response.status);
  return refusal({why.value_or(code), std::move(sentence), {}});
}

bool is_grpc(const net::HttpRequest& head) {
  const std::string_view type = head.headers.get_or("Content-Type", "");
  if (!type.starts_with(kContentType)) return false;
  const std::string_view rest = type.substr(kContentType.size());  // "+json" is another encoding.
  return rest.empty() || rest.starts_with(';') || rest == "+proto";
}

Result<std::optional<Duration>> timeout_of(const net::HttpRequest& head) {
  const auto text = head.headers.get("grpc-timeout");
  if (!text) return std::nullopt;
  std::int64_t count = -1;
  const char* const end = text->data() + (text->empty() ? 0 : text->size() - 1);
  const auto read = std::from_chars(text->data(), end, count);
  const auto unit = text->empty() ? std::nullopt : unit_of(text->back());
  const bool digits = end - text->data() <= kMaxTimeoutDigits && !text->starts_with('-');
  if (!unit || !digits || read.ec != std::errc() || read.ptr != end) {
    return fail(Errc::invalid_argument,
                "grpc-timeout must be at most eight digits and one of H M S m u n.");
  }
  // Longer than a day is no limit that anybody waits for, and hours by the million overflow.
  const Duration most = std::chrono::hours(24);
  return count > most / *unit ? most : *unit * count;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte >= 0x20 && byte <= 0x7E && c != '%') {
      out += c;
      continue;
    }
    out += '%';
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 0x0FU];
  }
  return out;
}

}  // namespace accel::server::grpc
