// SPDX-License-Identifier: Apache-2.0
#include "gateway/gateway_routing.hpp"

#include "accel/core/file.hpp"
#include "accel/crypto/certificate.hpp"
#include "accel/gateway/ipns_store.hpp"
#include "accel/ipld/peer_id.hpp"
#include "accel/node/gateway_tls.hpp"
#include "accel/routing/http_address.hpp"

namespace accel::node {
namespace {

constexpr std::uint64_t kMaxCertificateBytes = 1U << 20U;

std::string peer_id_of(const crypto::CertificateKey& key) {
  const Bytes message = ipld::encode_public_key({key.type, key.der});
  return ipld::PeerId::of_public_key(message).to_string();
}

bool listens_everywhere(const net::Url& url) { return url.host == "0.0.0.0" || url.host == "::"; }

}  // namespace

void ServingPeers::set(std::vector<routing::PeerRecord> records) {
  const std::scoped_lock lock(mutex_);
  records_ = std::move(records);
}

std::vector<routing::PeerRecord> ServingPeers::get() const {
  const std::scoped_lock lock(mutex_);
  return records_;
}

Result<routing::PeerRecord> gateway_record(const Home& home, const Config& config,
                                           const std::vector<std::string>& listeners) {
  ACCEL_TRY(const net::ServerTls files, gateway_tls(home, config));
  ACCEL_TRY(const std::string pem, read_text_file(files.certificate, kMaxCertificateBytes));
  ACCEL_TRY(const auto key, crypto::public_key_of_certificate(pem));
  routing::PeerRecord record;
  record.id = peer_id_of(key);
  record.protocols = {std::string(routing::kGatewayProtocol)};
  const auto announced = config.get<ConfigList>("gateway.announce");
  for (const std::string& text : announced.empty() ? listeners : announced) {
    ACCEL_TRY(const net::Url url, net::parse_url(text));
    if (announced.empty() && listens_everywhere(url)) continue;
    ACCEL_TRY(std::string address, routing::multiaddr_of_url(url));
    record.addresses.push_back(std::move(address));
  }
  return record;
}

Status keep_published(blockstore::Store& store, const ipld::IpnsName& name, ByteView record,
                      WallTime now) {
  ACCEL_TRY(const auto present, store.kv_get(gateway::kIpnsSpace, name.to_string()));
  if (!present) {
    ACCEL_TRY(const auto all, store.kv_list(gateway::kIpnsSpace));
    if (all.size() >= kMaxPublishedRecords) {
      return fail(Errc::resource_exhausted, "Records of {} names are kept here; no more fit.",
                  all.size());
    }
  }
  ACCEL_CHECK(gateway::put_ipns_record(store, name, record, now));
  return {};
}

}  // namespace accel::node
