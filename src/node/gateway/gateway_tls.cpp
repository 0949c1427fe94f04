// SPDX-License-Identifier: Apache-2.0
#include "accel/node/gateway_tls.hpp"

#include "accel/core/clock.hpp"
#include "accel/core/file.hpp"
#include "accel/crypto/certificate.hpp"

namespace accel::node {
namespace {

namespace fs = std::filesystem;

constexpr int kValidDays = 365;
constexpr auto kRenewAfter = std::chrono::hours(24 * (kValidDays - 30));

bool is_recent(const fs::path& file) {
  std::error_code ec;
  const auto written = fs::last_write_time(file, ec);
  return !ec && fs::file_time_type::clock::now() - written < kRenewAfter;
}

}  // namespace

Result<net::ServerTls> gateway_tls(const Home& home, const Config& config) {
  net::ServerTls files{config.get<std::string>("gateway.tls_certificate"),
                       config.get<std::string>("gateway.tls_key")};
  if (files.certificate.empty() != files.key.empty()) {
    return fail(Errc::invalid_argument,
                "gateway.tls_certificate and gateway.tls_key belong together: set both, or neither "
                "for a certificate made for this home.");
  }
  if (!files.certificate.empty()) return files;
  files = {home.tls() / "gateway.pem", home.tls() / "gateway.key"};
  if (is_recent(files.certificate) && is_recent(files.key)) return files;
  ACCEL_CHECK(make_directories(home.tls()));
  ACCEL_TRY(const auto made,
            crypto::make_self_signed_certificate({"localhost", "127.0.0.1", "::1"}, kValidDays));
  ACCEL_CHECK(write_file_atomic(files.key, as_bytes(made.key)));
  ACCEL_CHECK(write_file_atomic(files.certificate, as_bytes(made.certificate)));
  return files;
}

Result<std::optional<net::ServerTls>> api_tls(const Config& config) {
  net::ServerTls files{config.get<std::string>("api.tls_certificate"),
                       config.get<std::string>("api.tls_key"),
                       config.get<std::string>("api.client_ca")};
  if (files.certificate.empty() != files.key.empty()) {
    return fail(Errc::invalid_argument,
                "api.tls_certificate and api.tls_key belong together: set both, or neither.");
  }
  if (!files.certificate.empty()) return std::optional(std::move(files));
  if (files.client_ca.empty()) return std::optional<net::ServerTls>();
  return fail(Errc::invalid_argument,
              "api.client_ca asks clients for certificates, which takes TLS: set "
              "api.tls_certificate and api.tls_key, too.");
}

}  // namespace accel::node
