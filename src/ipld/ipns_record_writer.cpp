// SPDX-License-Identifier: Apache-2.0
#include <fmt/chrono.h>

#include "accel/ipld/dag_cbor.hpp"
#include "accel/ipld/ipns_record.hpp"
#include "accel/ipld/peer_id.hpp"
#include "accel/ipld/protobuf.hpp"

namespace accel::ipld {
namespace {

constexpr std::string_view kSignaturePrefix = "ipns-signature:";
constexpr std::string_view kUntilADate = "EOL";  // The one type of validity, as V1 signs it.
constexpr std::uint64_t kEndOfLife = 0;

// Fields of the protobuf.
enum Field : std::uint32_t {
  value = 1,
  signature_v1 = 2,
  validity_type = 3,
  validity = 4,
  sequence = 5,
  ttl = 6,
  signature_v2 = 8,
  data = 9,
};

// RFC 3339 with as much of a fraction as there is, as Go writes it.
std::string date_of(WallTime time) {
  using namespace std::chrono;
  const auto since = duration_cast<nanoseconds>(time.time_since_epoch());
  const auto whole = duration_cast<seconds>(since);
  std::string text = fmt::format("{:%Y-%m-%dT%H:%M:%S}", fmt::gmtime(whole.count()));
  if (since > whole) {
    text += fmt::format(".{:09}", (since - whole).count());
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "Z";
}

void append(Bytes& out, std::string_view text) {
  const ByteView bytes = as_bytes(text);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

Result<Bytes> data_of(const IpnsRecord& record, const std::string& until, std::uint64_t cache_ns) {
  Value::Map fields;
  fields.push_back({"Value", Value::bytes(to_bytes(record.value))});
  fields.push_back({"Validity", Value::bytes(to_bytes(until))});
  fields.push_back({"ValidityType", Value::integer(Integer::of_unsigned(kEndOfLife))});
  fields.push_back({"Sequence", Value::integer(Integer::of_unsigned(record.sequence))});
  fields.push_back({"TTL", Value::integer(Integer::of_unsigned(cache_ns))});
  return encode_dag_cbor(Value::map(std::move(fields)));
}

Status check(const IpnsRecord& record) {
  const bool is_path = record.value.starts_with("/ipfs/") || record.value.starts_with("/ipns/");
  if (!is_path) {
    return fail(Errc::invalid_argument,
                "\"{}\" is no path that a name can lead to: /ipfs/… or "
                "/ipns/….",
                record.value.substr(0, 80));
  }
  if (record.ttl < std::chrono::nanoseconds(0) || record.validity < WallTime{}) {
    return fail(Errc::invalid_argument, "The times of an IPNS record must not be negative.");
  }
  return {};
}

}  // namespace

IpnsName ipns_name_of(const crypto::Ed25519Key& key) {
  const Bytes protobuf = encode_public_key({crypto::KeyType::ed25519, to_bytes(key.public_key())});
  // The id of a key is always a name.
  return IpnsName::of_hash(PeerId::of_public_key(protobuf).hash()).value();
}

Result<Bytes> write_ipns_record(const crypto::Ed25519Key& key, const IpnsRecord& record) {
  ACCEL_CHECK(check(record));
  const std::string until = date_of(record.validity);
  const auto cache_ns = static_cast<std::uint64_t>(record.ttl.count());
  ACCEL_TRY(const Bytes signed_data, data_of(record, until, cache_ns));
  Bytes v1 = to_bytes(record.value);
  append(v1, until);
  append(v1, kUntilADate);
  Bytes v2 = to_bytes(kSignaturePrefix);
  v2.insert(v2.end(), signed_data.begin(), signed_data.end());
  Bytes out;
  put_bytes_field(out, Field::value, as_bytes(record.value));
  put_bytes_field(out, Field::signature_v1, key.sign(v1));
  put_varint_field(out, Field::validity_type, kEndOfLife);
  put_bytes_field(out, Field::validity, as_bytes(until));
  put_varint_field(out, Field::sequence, record.sequence);
  put_varint_field(out, Field::ttl, cache_ns);
  put_bytes_field(out, Field::signature_v2, key.sign(v2));
  put_bytes_field(out, Field::data, signed_data);
  if (out.size() > kMaxIpnsRecordBytes) {
    return fail(Errc::resource_exhausted, "The IPNS record has {} bytes, at most {} are allowed.",
                out.size(), kMaxIpnsRecordBytes);
  }
  return out;
}

}  // namespace accel::ipld
