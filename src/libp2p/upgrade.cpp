// SPDX-License-Identifier: Apache-2.0
#include "upgrade.hpp"

#include <algorithm>

#include "accel/core/async/with_timeout.hpp"
#include "multistream.hpp"
#include "noise.hpp"
#include "tls.hpp"

namespace accel::libp2p {
namespace {

Task<void> send_bytes(Link& link, ByteView bytes) {
  RawBuffer out;
  out.append(bytes);
  co_return co_await link.send(out);
}

// Feeds the negotiation from `in`, which more() fills.
Status take_what_is_there(Multistream& negotiation, RawBuffer& in) {
  while (!in.empty() && !negotiation.agreed()) {
    const std::size_t part = std::min(in.size(), negotiation.wanted());
    ACCEL_CHECK(negotiation.receive(in.view().first(part)));
    in.consume(part);
  }
  return {};
}

Task<void> fill_within(Link& link, std::optional<Duration> limit) {
  auto filling = link.fill();
  if (!limit) co_return co_await std::move(filling);
  co_return co_await with_timeout(std::move(filling), *limit);
}

Task<std::string> negotiate_on_link(Link& link, Multistream negotiation,
                                    std::optional<Duration> first_bytes) {
  for (;;) {
    ACCEL_CO_CHECK(take_what_is_there(negotiation, link.in()));
    const Bytes out = negotiation.take_output();
    if (!out.empty()) {
      const Status sent = co_await send_bytes(link, out);
      ACCEL_CO_CHECK(sent);
    }
    if (negotiation.agreed()) co_return *negotiation.agreed();
    if (!link.in().empty()) continue;
    const Status filled = co_await fill_within(link, std::exchange(first_bytes, std::nullopt));
    ACCEL_CO_CHECK(filled);
  }
}

Task<std::string> negotiate_inside(Link& link, Upgraded& upgraded, Multistream negotiation) {
  SecureCodec& codec = *upgraded.session.codec;
  for (;;) {
    ACCEL_CO_CHECK(take_what_is_there(negotiation, upgraded.plain));
    const Bytes out = negotiation.take_output();
    if (!out.empty()) {
      RawBuffer wire;
      ACCEL_CO_CHECK(codec.seal(out, wire));
      const Status sent = co_await link.send(wire);
      ACCEL_CO_CHECK(sent);
    }
    if (negotiation.agreed()) co_return *negotiation.agreed();
    if (!upgraded.plain.empty()) continue;
    const Status filled = co_await link.fill();
    ACCEL_CO_CHECK(filled);
    ACCEL_CO_CHECK(codec.open(link.in(), upgraded.plain));
  }
}

Task<SecureSession> shake_hands(Link& link, SecureHandshake& handshake) {
  RawBuffer out;
  Status stepped = handshake.start(out);
  for (;;) {
    // An alert is worth sending even when the handshake has failed.
    if (!out.empty()) {
      const Status sent = co_await link.send(out);
      if (stepped) stepped = sent;
    }
    ACCEL_CO_CHECK(stepped);
    if (handshake.done()) co_return handshake.take();
    const Status filled = co_await link.fill();
    ACCEL_CO_CHECK(filled);
    stepped = handshake.advance(link.in(), out);
  }
}

Result<std::unique_ptr<SecureHandshake>> make_handshake(Security security,
                                                        const UpgradeOptions& options,
                                                        Random& random) {
  if (security == Security::tls) {
    return make_tls_handshake({options.dialer, options.tls, options.expected});
  }
  return make_noise_handshake(
      {options.dialer, options.identity, options.expected, std::string(kYamuxProtocol)}, random);
}

std::vector<std::string> names(const std::vector<Security>& security) {
  std::vector<std::string> list;
  for (const Security one : security) list.emplace_back(security_protocol(one));
  return list;
}

Multistream choose_from(const UpgradeOptions& options, std::vector<std::string> protocols) {
  if (options.dialer) return Multistream::initiator(std::move(protocols));
  return Multistream::responder([protocols = std::move(protocols)](const std::string& wanted) {
    return std::ranges::find(protocols, wanted) != protocols.end();
  });
}

}  // namespace

std::string_view security_name(Security security) {
  return security == Security::tls ? "tls" : "noise";
}

std::string_view security_protocol(Security security) {
  return security == Security::tls ? "/tls/1.0.0" : "/noise";
}

Task<Upgraded> upgrade(Link& link, UpgradeOptions options, Random& random) {
  Multistream for_security = choose_from(options, names(options.security));
  const Result<std::string> secured =
      co_await negotiate_on_link(link, std::move(for_security), options.first_bytes);
  ACCEL_CO_CHECK(secured);
  Upgraded upgraded;
  upgraded.security =
      *secured == security_protocol(Security::tls) ? Security::tls : Security::noise;
  const auto handshake = make_handshake(upgraded.security, options, random);
  if (!handshake) co_return fail(handshake.error());
  Result<SecureSession> session = co_await shake_hands(link, **handshake);
  if (!session) co_return fail(std::move(session.error()));
  upgraded.session = std::move(*session);
  ACCEL_CO_CHECK(upgraded.session.codec->open(link.in(), upgraded.plain));
  if (!upgraded.session.muxer) {
    Multistream for_muxer = choose_from(options, {std::string(kYamuxProtocol)});
    const Result<std::string> muxed =
        co_await negotiate_inside(link, upgraded, std::move(for_muxer));
    ACCEL_CO_CHECK(muxed);
  }
  co_return upgraded;
}

}  // namespace accel::libp2p
