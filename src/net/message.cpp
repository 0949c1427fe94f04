// SPDX-License-Identifier: Apache-2.0
#include "accel/net/message.hpp"

#include <algorithm>
#include <array>

namespace accel::net {
namespace {

struct ErrcStatus {
  Errc code;
  int status;
  int grpc;
};

// 499 is nginx's "client closed request": nobody reads it, but logs do.
constexpr std::array<ErrcStatus, 14> kStatuses{{
    {Errc::invalid_argument, 400, 3},
    {Errc::unauthenticated, 401, 16},
    {Errc::permission_denied, 403, 7},
    {Errc::not_found, 404, 5},
    {Errc::already_exists, 409, 6},
    {Errc::resource_exhausted, 429, 8},
    {Errc::cancelled, 499, 1},
    {Errc::corrupt, 500, 15},
    {Errc::internal, 500, 13},
    {Errc::io, 500, 13},
    {Errc::unsupported, 501, 12},
    {Errc::protocol, 502, 13},
    {Errc::unavailable, 503, 14},
    {Errc::timeout, 504, 4},
}};

struct StatusPhrase {
  int status;
  std::string_view phrase;
};

constexpr std::array<StatusPhrase, 41> kPhrases{{
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

}  // namespace

int http_status_of(Errc code) {
  const auto found = std::ranges::find(kStatuses, code, &ErrcStatus::code);
  return found == kStatuses.end() ? 500 : found->status;
}

int grpc_status_of(Errc code) {
  constexpr int kInternal = 13;
  const auto found = std::ranges::find(kStatuses, code, &ErrcStatus::code);
  return found == kStatuses.end() ? kInternal : found->grpc;
}

Errc errc_of_http_status(int status) {
  if (status == 410) return Errc::not_found;
  if (status == 500) return Errc::internal;
  const auto found = std::ranges::find(kStatuses, status, &ErrcStatus::status);
  if (found != kStatuses.end()) return found->code;
  if (status >= 400 && status < 500) return Errc::invalid_argument;
  return status >= 500 && status < 600 ? Errc::unavailable : Errc::protocol;
}

std::string_view reason_phrase(int status) {
  const auto found = std::ranges::find(kPhrases, status, &StatusPhrase::status);
  return found == kPhrases.end() ? "Unknown" : found->phrase;
}

HttpResponse text_response(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.body = std::move(text);
  return response;
}

HttpResponse json_response(int status, std::string json) {
  HttpResponse response;
  response.status = status;
  response.headers.add("Content-Type", "application/json");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.body = std::move(json);
  return response;
}

HttpResponse error_response(const Error& error) {
  HttpResponse response = text_response(http_status_of(error.code), error.message + "\n");
  if (error.code == Errc::unauthenticated) response.headers.add("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace accel::net
