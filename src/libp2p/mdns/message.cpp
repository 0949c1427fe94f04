// SPDX-License-Identifier: Apache-2.0
#include "mdns/message.hpp"

#include <algorithm>
#include <string_view>

namespace accel::libp2p::mdns {
namespace {

constexpr std::string_view kService = "_p2p._udp.local";
constexpr std::string_view kDomain = "local";
constexpr std::string_view kAddressKey = "dnsaddr=";
constexpr std::uint16_t kTypeA = 1;
constexpr std::uint16_t kTypePtr = 12;
constexpr std::uint16_t kTypeTxt = 16;
constexpr std::uint16_t kTypeSrv = 33;
constexpr std::uint16_t kTypeAny = 255;
constexpr std::uint16_t kClassIn = 1;
constexpr std::uint16_t kClassFlush = 0x8001;   // The whole of what there is of this name.
constexpr std::uint16_t kAnswerFlags = 0x8400;  // A response, of an authority.
constexpr std::uint32_t kTtlSeconds = 120;
constexpr std::size_t kMaxLabelBytes = 63;
constexpr std::size_t kMaxTextBytes = 255;
constexpr std::size_t kMaxJumps = 16;
constexpr std::uint8_t kPointer = 0xc0;

tl::unexpected<Error> broken(std::string_view what) {
  return fail(Errc::protocol, "A message of mDNS can't be read: {}.", what);
}

class Reader {
 public:
  explicit Reader(ByteView message) : message_(message) {}

  Result<std::uint16_t> u16() {
    if (message_.size() - at_ < 2) return broken("it is cut off");
    at_ += 2;
    return static_cast<std::uint16_t>(message_[at_ - 2] << 8U | message_[at_ - 1]);
  }
  Result<ByteView> take(std::size_t size) {
    if (message_.size() - at_ < size) return broken("it is cut off");
    at_ += size;
    return message_.subspan(at_ - size, size);
  }
  // In lower case, without the last dot.
  Result<std::string> name() {
    std::string text;
    std::size_t at = at_;
    bool jumped = false;
    for (std::size_t jumps = 0; jumps <= kMaxJumps;) {
      if (at >= message_.size()) return broken("a name is cut off");
      const std::uint8_t length = message_[at];
      if ((length & kPointer) == kPointer) {
        if (message_.size() - at < 2) return broken("a name is cut off");
        if (!jumped) at_ = at + 2;
        jumped = true;
        ++jumps;
        at = static_cast<std::size_t>(length & ~kPointer) << 8U | message_[at + 1];
        continue;
      }
      if (length > kMaxLabelBytes) return broken("a name has a label of another kind");
      if (!jumped) at_ = std::min(at + 1 + length, message_.size());
      if (length == 0) return text;
      if (message_.size() - at <= length) return broken("a name is cut off");
      if (text.size() + length >= kMaxNameBytes) return broken("a name is too long");
      if (!text.empty()) text += '.';
      for (const std::uint8_t byte : message_.subspan(at + 1, length)) {
        const bool is_upper = byte >= 'A' && byte <= 'Z';
        text += static_cast<char>(is_upper ? byte + ('a' - 'A') : byte);
      }
      at += 1U + length;
    }
    return broken("a name goes in circles");
  }

 private:
  ByteView message_;
  std::size_t at_ = 0;
};

bool is_of_service(std::string_view name) {
  if (name == kService) return true;
  return name.ends_with(kService) && name[name.size() - kService.size() - 1] == '.';
}

void take_texts(ByteView texts, std::vector<ipld::Multiaddr>& into) {
  while (!texts.empty() && into.size() < kMaxAddresses) {
    const std::size_t length = texts[0];
    if (texts.size() - 1 < length) return;  // Cut off: what came before counts.
    const std::string_view text = as_text(texts.subspan(1, length));
    texts = texts.subspan(1 + length);
    if (!text.starts_with(kAddressKey)) continue;
    const auto address = ipld::Multiaddr::parse(text.substr(kAddressKey.size()));
    if (address && address->peer_id()) into.push_back(*address);
  }
}

Status read_question(Reader& reader, Message& into) {
  ACCEL_TRY(const std::string name, reader.name());
  ACCEL_TRY(const std::uint16_t type, reader.u16());
  ACCEL_TRY(const std::uint16_t klass, reader.u16());
  static_cast<void>(klass);  // Also asked with the bit for a direct answer; all get one here.
  const bool kind = type == kTypePtr || type == kTypeAny || type == kTypeTxt;
  into.asks_for_peers |= kind && is_of_service(name);
  return {};
}

Status read_record(Reader& reader, Message& into) {
  constexpr std::size_t kTtlBytes = 4;
  ACCEL_TRY(const std::string name, reader.name());
  ACCEL_TRY(const std::uint16_t type, reader.u16());
  ACCEL_CHECK(reader.u16());
  ACCEL_CHECK(reader.take(kTtlBytes));
  ACCEL_TRY(const std::uint16_t length, reader.u16());
  ACCEL_TRY(const ByteView data, reader.take(length));
  if (type == kTypeTxt && is_of_service(name)) take_texts(data, into.addresses);
  return {};
}

void put_u16(Bytes& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8U));
  out.push_back(static_cast<std::uint8_t>(value));
}

void put_name(Bytes& out, std::string_view name) {
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    const auto length = std::min(label.size(), kMaxLabelBytes);
    out.push_back(static_cast<std::uint8_t>(length));
    const ByteView bytes = as_bytes(label.substr(0, length));
    out.insert(out.end(), bytes.begin(), bytes.end());
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  out.push_back(0);
}

struct Kind {
  std::uint16_t type = 0;
  std::uint16_t klass = kClassFlush;
};

void put_record(Bytes& out, std::string_view name, Kind kind, ByteView data) {
  put_name(out, name);
  put_u16(out, kind.type);
  put_u16(out, kind.klass);
  put_u16(out, 0);
  put_u16(out, static_cast<std::uint16_t>(kTtlSeconds));
  put_u16(out, static_cast<std::uint16_t>(data.size()));
  out.insert(out.end(), data.begin(), data.end());
}

void put_header(Bytes& out, std::uint16_t flags, std::uint16_t questions, std::uint16_t answers,
                std::uint16_t additional) {
  for (const std::uint16_t value :
       {std::uint16_t{0}, flags, questions, answers, std::uint16_t{0}, additional}) {
    put_u16(out, value);
  }
}

Bytes texts_of(const std::vector<ipld::Multiaddr>& addresses) {
  Bytes out;
  for (const ipld::Multiaddr& address : addresses) {
    const std::string text = std::string(kAddressKey) + address.to_string();
    if (text.size() > kMaxTextBytes || out.size() + text.size() > kMaxMessageBytes / 2) continue;
    out.push_back(static_cast<std::uint8_t>(text.size()));
    out.insert(out.end(), text.begin(), text.end());
  }
  return out;
}

}  // namespace

Result<Message> decode(ByteView bytes) {
  if (bytes.size() > kMaxMessageBytes) return broken("it is too long");
  Reader reader(bytes);
  std::array<std::uint16_t, 6> head{};
  for (std::uint16_t& value : head) {
    ACCEL_TRY(value, reader.u16());
  }
  Message message;
  const std::size_t questions = head[2];
  const std::size_t records = std::size_t{head[3]} + head[4] + head[5];
  const bool is_answer = (head[1] & 0x8000U) != 0;
  for (std::size_t i = 0; i < std::min(questions, kMaxRecords); ++i) {
    ACCEL_CHECK(read_question(reader, message));
  }
  if (is_answer) message.asks_for_peers = false;
  if (!is_answer || questions > kMaxRecords) return message;  // Known answers are not news.
  for (std::size_t i = 0; i < std::min(records, kMaxRecords); ++i) {
    ACCEL_CHECK(read_record(reader, message));
  }
  return message;
}

std::vector<Told> peers_at(const ipld::Multiaddr& remote, const Message& message) {
  std::vector<Told> out;
  const auto sender = remote.parts();
  for (const ipld::Multiaddr& address : message.addresses) {
    const auto peer = address.peer_id();
    const auto parts = address.parts();
    if (!peer || sender.empty() || parts.empty() || parts[0] != sender[0]) continue;
    auto found = std::ranges::find(out, *peer, &Told::peer);
    if (found == out.end()) found = out.insert(out.end(), Told{*peer, {}});
    found->addresses.push_back(address.without_peer());
  }
  return out;
}

Bytes encode_question() {
  Bytes out;
  put_header(out, 0, 1, 0, 0);
  put_name(out, kService);
  put_u16(out, kTypePtr);
  put_u16(out, kClassIn);
  return out;
}

Bytes encode_answer(const Announcement& announcement) {
  const std::string instance = announcement.instance + "." + std::string(kService);
  const std::string machine = announcement.instance + "." + std::string(kDomain);
  Bytes out;
  const auto additional = static_cast<std::uint16_t>(2 + announcement.ips.size());
  put_header(out, kAnswerFlags, 0, 1, additional);
  Bytes data;
  put_name(data, instance);
  put_record(out, kService, {kTypePtr, kClassIn}, data);
  put_record(out, instance, {kTypeTxt}, texts_of(announcement.addresses));
  data.clear();
  put_u16(data, 0);  // Priority, then weight.
  put_u16(data, 0);
  put_u16(data, announcement.port);
  put_name(data, machine);
  put_record(out, instance, {kTypeSrv}, data);
  for (const auto& ip : announcement.ips) put_record(out, machine, {kTypeA}, ip);
  return out;
}

}  // namespace accel::libp2p::mdns
