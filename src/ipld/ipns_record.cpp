// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/ipns_record.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

#include "accel/crypto/public_key.hpp"
#include "accel/ipld/dag_cbor.hpp"
#include "accel/ipld/protobuf.hpp"

namespace accel::ipld {
namespace {

constexpr std::string_view kSignaturePrefix = "ipns-signature:";

// The protobuf as it came. What is absent stays empty.
struct Envelope {
  ByteView value{};
  ByteView signature_v1{};
  std::optional<std::uint64_t> validity_type{};
  ByteView validity{};
  std::optional<std::uint64_t> sequence{};
  std::optional<std::uint64_t> ttl{};
  ByteView public_key{};
  ByteView signature_v2{};
  ByteView data{};
};

tl::unexpected<Error> bad(std::string_view why) {
  return fail(Errc::corrupt, "The IPNS record is not valid: {}.", why);
}

ByteView* bytes_field(Envelope& envelope, std::uint32_t number) {
  switch (number) {
    case 1:
      return &envelope.value;
    case 2:
      return &envelope.signature_v1;
    case 4:
      return &envelope.validity;
    case 7:
      return &envelope.public_key;
    case 8:
      return &envelope.signature_v2;
    case 9:
      return &envelope.data;
    default:
      return nullptr;
  }
}

std::optional<std::uint64_t>* number_field(Envelope& envelope, std::uint32_t number) {
  switch (number) {
    case 3:
      return &envelope.validity_type;
    case 5:
      return &envelope.sequence;
    case 6:
      return &envelope.ttl;
    default:
      return nullptr;
  }
}

Result<Envelope> read_envelope(ByteView record) {
  Envelope envelope;
  PbReader reader(record);
  while (!reader.done()) {
    ACCEL_TRY(const PbField field, reader.next());
    if (ByteView* bytes = bytes_field(envelope, field.number)) {
      ACCEL_CHECK(field.expect(WireType::bytes, "a field of an IPNS record"));
      *bytes = field.bytes;
    } else if (auto* number = number_field(envelope, field.number)) {
      ACCEL_CHECK(field.expect(WireType::varint, "a field of an IPNS record"));
      *number = field.value;
    }
  }
  return envelope;
}

struct PublicKey {
  crypto::KeyType type = crypto::KeyType::ed25519;
  ByteView bytes{};
};

Result<PublicKey> read_public_key(ByteView protobuf) {
  PublicKey key;
  bool has_type = false;
  PbReader reader(protobuf);
  while (!reader.done()) {
    ACCEL_TRY(const PbField field, reader.next());
    if (field.number == 1) {
      ACCEL_CHECK(field.expect(WireType::varint, "the type of a public key"));
      if (field.value > 3) return bad("its public key is of an unknown type");
      key.type = static_cast<crypto::KeyType>(field.value);
      has_type = true;
    } else if (field.number == 2) {
      ACCEL_CHECK(field.expect(WireType::bytes, "the bytes of a public key"));
      key.bytes = field.bytes;
    }
  }
  if (!has_type || key.bytes.empty()) return bad("its public key is not whole");
  return key;
}

// The key from the name itself, else from the record when its hash is the name.
Result<PublicKey> find_key(const IpnsName& name, const Envelope& envelope) {
  if (const ByteView inlined = name.inline_key(); !inlined.empty()) {
    return read_public_key(inlined);
  }
  if (envelope.public_key.empty()) return bad("it lacks the public key of the name");
  if (sha2_256(envelope.public_key) != name.hash()) {
    return bad("its public key is not the one that the name stands for");
  }
  return read_public_key(envelope.public_key);
}

Status check_signature(const IpnsName& name, const Envelope& envelope) {
  if (envelope.signature_v2.empty() || envelope.data.empty()) {
    return bad("it has no V2 signature, and V1 alone proves nothing");
  }
  ACCEL_TRY(const PublicKey key, find_key(name, envelope));
  Bytes message = to_bytes(kSignaturePrefix);
  message.insert(message.end(), envelope.data.begin(), envelope.data.end());
  const auto holds = crypto::verify_signature(key.type, key.bytes, message, envelope.signature_v2);
  if (!holds) return bad(holds.error().message);
  return *holds ? Status{} : bad("its V2 signature does not fit");
}

const Bytes* bytes_of(const Value& data, std::string_view name) {
  const Value* found = data.find(name);
  return found == nullptr ? nullptr : found->as_bytes();
}

std::optional<std::uint64_t> number_of(const Value& data, std::string_view name) {
  const Value* found = data.find(name);
  const Integer* number = found == nullptr ? nullptr : found->as_integer();
  return number == nullptr ? std::nullopt : number->as_uint64();
}

// Digits at a place of the text, or -1.
int digits_at(std::string_view text, std::size_t at, std::size_t count) {
  int number = 0;
  if (at + count > text.size()) return -1;
  const char* const end = text.data() + at + count;
  const auto parsed = std::from_chars(text.data() + at, end, number);
  return parsed.ec == std::errc{} && parsed.ptr == end && text[at] != '-' ? number : -1;
}

// ".5Z" are 500 million nanoseconds, "Z" none.
std::chrono::nanoseconds fraction_of(std::string_view rest) {
  std::int64_t count = 0;
  for (std::size_t i = 1; i < 10; ++i) {
    count = count * 10 + (i + 1 < rest.size() ? rest[i] - '0' : 0);
  }
  return std::chrono::nanoseconds(count);
}

// "2123-08-13T22:40:59.123456789Z": RFC 3339 in UTC.
std::optional<WallTime> read_time(std::string_view text) {
  using namespace std::chrono;
  constexpr std::string_view kPattern = "dddd-dd-ddTdd:dd:dd";
  if (text.size() < kPattern.size() + 1 || !text.ends_with('Z')) return std::nullopt;
  for (std::size_t i = 0; i < kPattern.size(); ++i) {
    if (kPattern[i] != 'd' && text[i] != kPattern[i]) return std::nullopt;
  }
  const year_month_day day{year(digits_at(text, 0, 4)),
                           month(static_cast<unsigned>(digits_at(text, 5, 2))),
                           std::chrono::day(static_cast<unsigned>(digits_at(text, 8, 2)))};
  const int hour = digits_at(text, 11, 2);
  const int minute = digits_at(text, 14, 2);
  const int second = digits_at(text, 17, 2);
  if (!day.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 60) {
    return std::nullopt;
  }
  std::string_view rest = text.substr(kPattern.size());
  if (rest != "Z" && (rest.size() < 3 || rest.size() > 11 || rest.front() != '.')) {
    return std::nullopt;
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (rest != "Z" && !std::all_of(rest.begin() + 1, rest.end() - 1, is_digit)) return std::nullopt;
  // What the clock cannot hold is its end.
  const auto whole =
      sys_days(day).time_since_epoch() + hours(hour) + minutes(minute) + seconds(second);
  const auto most = duration_cast<seconds>(WallTime::max().time_since_epoch());
  const auto held = std::clamp(duration_cast<seconds>(whole), seconds(0), most);
  return WallTime(held) + (held < most ? fraction_of(rest) : nanoseconds(0));
}

bool same(ByteView left, ByteView right) { return std::ranges::equal(left, right); }

Result<IpnsRecord> read_data(const Envelope& envelope) {
  const auto data = decode_dag_cbor(envelope.data, Strictness::historical);
  if (!data) return bad("its signed data is no dag-cbor");
  const Bytes* const value = bytes_of(*data, "Value");
  const Bytes* const validity = bytes_of(*data, "Validity");
  const auto sequence = number_of(*data, "Sequence");
  const auto ttl = number_of(*data, "TTL");
  const auto type = number_of(*data, "ValidityType");
  if (value == nullptr || validity == nullptr || !sequence || !ttl || !type) {
    return bad("its signed data lacks a field");
  }
  if (*type != 0) return bad("its validity is of an unknown type");
  const auto until = read_time(as_text(*validity));
  if (!until) return bad("its validity is no date");
  const bool has_v1 = !envelope.signature_v1.empty() || !envelope.value.empty();
  const bool agrees = same(envelope.value, *value) && same(envelope.validity, *validity) &&
                      envelope.validity_type.value_or(0) == *type &&
                      envelope.sequence.value_or(0) == *sequence &&
                      envelope.ttl.value_or(0) == *ttl;
  if (has_v1 && !agrees) return bad("its V1 fields say something else than what was signed");
  constexpr auto kMost =
      static_cast<std::uint64_t>(std::numeric_limits<std::chrono::nanoseconds::rep>::max());
  IpnsRecord record;
  record.value = std::string(as_text(*value));
  record.sequence = *sequence;
  record.validity = *until;
  record.ttl = std::chrono::nanoseconds(std::min(*ttl, kMost));
  return record;
}

}  // namespace

Result<IpnsRecord> read_ipns_record(const IpnsName& name, ByteView record) {
  if (record.size() > kMaxIpnsRecordBytes) {
    return fail(Errc::resource_exhausted, "The IPNS record has {} bytes, at most {} are allowed.",
                record.size(), kMaxIpnsRecordBytes);
  }
  ACCEL_TRY(const Envelope envelope, read_envelope(record));
  ACCEL_CHECK(check_signature(name, envelope));
  return read_data(envelope);
}

Status check_validity(const IpnsName& name, const IpnsRecord& record, WallTime now) {
  if (now <= record.validity) return {};
  return fail(Errc::unavailable, "The record of {} expired at {}; its owner must publish it anew.",
              name.to_string(), to_rfc3339(record.validity));
}

bool is_newer(const IpnsRecord& candidate, const IpnsRecord& present) {
  if (candidate.sequence != present.sequence) return candidate.sequence > present.sequence;
  return candidate.validity > present.validity;
}

}  // namespace accel::ipld
