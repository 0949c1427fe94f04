// SPDX-License-Identifier: Apache-2.0
#include "accel/net/txt_lookup.hpp"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace accel::net {
namespace {

constexpr std::size_t kMaxDomainBytes = 253;
constexpr std::size_t kMaxAnswerBytes = 16U << 10U;
constexpr int kSecondsPerTry = 2;
constexpr int kTries = 2;

// The resolver's state belongs to one call.
class Resolver {
 public:
  Resolver() {
    usable_ = ::res_ninit(&state_) == 0;
    state_.retrans = kSecondsPerTry;
    state_.retry = kTries;
  }
  ~Resolver() {
    if (usable_) ::res_nclose(&state_);
  }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  bool usable() const { return usable_; }
  bool ask_only(const DnsServer& server) {
    sockaddr_in& address = state_.nsaddr_list[0];
    address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port);
    state_.nscount = 1;
    return inet_pton(AF_INET, server.ip4.c_str(), &address.sin_addr) == 1;
  }
  int query(const std::string& domain, std::array<unsigned char, kMaxAnswerBytes>& answer) {
    return ::res_nquery(&state_, domain.c_str(), ns_c_in, ns_t_txt, answer.data(),
                        static_cast<int>(answer.size()));
  }
  int error() const { return state_.res_h_errno; }

 private:
  struct __res_state state_{};
  bool usable_ = false;
};

tl::unexpected<Error> lookup_failed(const std::string& domain, int error) {
  if (error == HOST_NOT_FOUND || error == NO_DATA) {
    return fail(Errc::not_found, "{} has no TXT records.", domain);
  }
  if (error == TRY_AGAIN) return fail(Errc::timeout, "DNS did not answer about {}.", domain);
  return fail(Errc::unavailable, "DNS cannot be asked about {}.", domain);
}

// The strings of one record: each has its length in front.
std::string join_strings(const unsigned char* at, std::size_t size) {
  std::string text;
  while (size > 0) {
    const std::size_t length = std::min<std::size_t>(*at, size - 1);
    text.append(reinterpret_cast<const char*>(at + 1), length);
    at += length + 1;
    size -= length + 1;
  }
  return text;
}

}  // namespace

Result<std::vector<std::string>> look_up_txt(const std::string& domain,
                                             const std::optional<DnsServer>& server) {
  const auto is_name_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  };
  if (domain.empty() || domain.size() > kMaxDomainBytes ||
      !std::ranges::all_of(domain, is_name_char)) {
    return fail(Errc::invalid_argument, "That is no domain name.");
  }
  Resolver resolver;
  if (!resolver.usable()) return fail(Errc::unavailable, "DNS is not configured here.");
  if (server && !resolver.ask_only(*server)) {
    return fail(Errc::invalid_argument, "{} is no IPv4 address of a DNS server.", server->ip4);
  }
  std::array<unsigned char, kMaxAnswerBytes> answer{};
  const int size = resolver.query(domain, answer);
  if (size < 0) return lookup_failed(domain, resolver.error());
  ns_msg message{};
  const auto usable = std::min<std::size_t>(static_cast<std::size_t>(size), answer.size());
  if (::ns_initparse(answer.data(), static_cast<int>(usable), &message) != 0) {
    return fail(Errc::corrupt, "DNS answered about {} what cannot be read.", domain);
  }
  std::vector<std::string> records;
  for (int i = 0; i < ns_msg_count(message, ns_s_an) && records.size() < kMaxTxtRecords; ++i) {
    ns_rr record{};
    if (::ns_parserr(&message, ns_s_an, i, &record) != 0) break;
    if (ns_rr_type(record) != ns_t_txt) continue;
    records.push_back(join_strings(ns_rr_rdata(record), ns_rr_rdlen(record)));
  }
  if (records.empty()) return fail(Errc::not_found, "{} has no TXT records.", domain);
  return records;
}

}  // namespace accel::net
