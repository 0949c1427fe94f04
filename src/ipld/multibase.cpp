// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/multibase.hpp"

#include <algorithm>
#include <array>

namespace accel::ipld {
namespace {

constexpr std::string_view kBase16 = "0123456789abcdef";
constexpr std::string_view kBase16Upper = "0123456789ABCDEF";
constexpr std::string_view kBase32 = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::string_view kBase32Upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::string_view kBase36 = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kBase36Upper = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kBase58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::int8_t kNoDigit = -1;
using DigitTable = std::array<std::int8_t, 256>;

constexpr char other_case(char letter) {
  if (letter >= 'a' && letter <= 'z') return static_cast<char>(letter - 'a' + 'A');
  if (letter >= 'A' && letter <= 'Z') return static_cast<char>(letter - 'A' + 'a');
  return letter;
}

struct Alphabet {
  Multibase base;
  std::string_view digits;
  unsigned bits;  // Of one digit; 0 for a base that is no power of two.
  DigitTable values;
};

constexpr Alphabet alphabet(Multibase base, std::string_view digits, unsigned bits) {
  Alphabet made{base, digits, bits, {}};
  made.values.fill(kNoDigit);
  const bool either_case = digits.size() <= kBase36.size();
  for (std::size_t i = 0; i < digits.size(); ++i) {
    made.values[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
    if (!either_case) continue;
    made.values[static_cast<unsigned char>(other_case(digits[i]))] = static_cast<std::int8_t>(i);
  }
  return made;
}

constexpr std::array kAlphabets{
    alphabet(Multibase::base32, kBase32, 5),
    alphabet(Multibase::base58btc, kBase58, 0),
    alphabet(Multibase::base36, kBase36, 0),
    alphabet(Multibase::base16, kBase16, 4),
    alphabet(Multibase::base64url, kBase64Url, 6),
    alphabet(Multibase::base64, kBase64, 6),
    alphabet(Multibase::base32_upper, kBase32Upper, 5),
    alphabet(Multibase::base36_upper, kBase36Upper, 0),
    alphabet(Multibase::base16_upper, kBase16Upper, 4),
};

const Alphabet* find_alphabet(char prefix) {
  const auto* const found =
      std::ranges::find(kAlphabets, static_cast<Multibase>(prefix), &Alphabet::base);
  return found == kAlphabets.end() ? nullptr : found;
}

std::string encode_bits(const Alphabet& alphabet, ByteView bytes) {
  std::string digits((bytes.size() * 8 + alphabet.bits - 1) / alphabet.bits, '\0');
  auto digit = digits.begin();
  std::uint32_t pending = 0;
  unsigned pending_bits = 0;
  const std::uint32_t mask = (1U << alphabet.bits) - 1;
  for (const std::uint8_t byte : bytes) {
    pending = (pending << 8U) | byte;
    for (pending_bits += 8; pending_bits >= alphabet.bits;) {
      pending_bits -= alphabet.bits;
      *digit++ = alphabet.digits[(pending >> pending_bits) & mask];
    }
  }
  if (pending_bits > 0) {
    *digit = alphabet.digits[(pending << (alphabet.bits - pending_bits)) & mask];
  }
  return digits;
}

// Base 58 and 36 write the bytes as one big number; each leading zero byte is one zero digit.
std::string encode_number(const Alphabet& alphabet, ByteView bytes) {
  const auto radix = static_cast<std::uint32_t>(alphabet.digits.size());
  const auto first = std::ranges::find_if(bytes, [](std::uint8_t byte) { return byte != 0; });
  const auto zeros = static_cast<std::size_t>(first - bytes.begin());
  Bytes number;  // Digits, least significant first.
  for (const std::uint8_t byte : bytes.subspan(zeros)) {
    std::uint32_t carry = byte;
    for (std::uint8_t& digit : number) {
      carry += std::uint32_t{digit} << 8U;
      digit = static_cast<std::uint8_t>(carry % radix);
      carry /= radix;
    }
    for (; carry > 0; carry /= radix) number.push_back(static_cast<std::uint8_t>(carry % radix));
  }
  std::string digits(zeros, alphabet.digits.front());
  digits.reserve(zeros + number.size());
  for (auto digit = number.rbegin(); digit != number.rend(); ++digit) {
    digits.push_back(alphabet.digits[*digit]);
  }
  return digits;
}

tl::unexpected<Error> bad_digit(std::string_view digits, std::size_t position) {
  const auto character = static_cast<unsigned char>(digits[position]);
  return fail(Errc::invalid_argument,
              "The character 0x{:02x} at position {} is no digit of the base.", character,
              position);
}

Result<Bytes> decode_bits(const Alphabet& alphabet, std::string_view digits) {
  Bytes bytes;
  bytes.reserve(digits.size() * alphabet.bits / 8);
  std::uint32_t pending = 0;
  unsigned pending_bits = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const std::int8_t value = alphabet.values[static_cast<unsigned char>(digits[i])];
    if (value == kNoDigit) return bad_digit(digits, i);
    pending = (pending << alphabet.bits) | static_cast<std::uint32_t>(value);
    pending_bits += alphabet.bits;
    if (pending_bits < 8) continue;
    pending_bits -= 8;
    bytes.push_back(static_cast<std::uint8_t>(pending >> pending_bits));
  }
  const std::uint32_t left_over = pending & ((1U << pending_bits) - 1);
  if (pending_bits >= alphabet.bits || left_over != 0) {
    return fail(Errc::invalid_argument, "{} digits do not end on a whole byte.", digits.size());
  }
  return bytes;
}

Result<Bytes> decode_number(const Alphabet& alphabet, std::string_view digits) {
  const auto radix = static_cast<std::uint32_t>(alphabet.digits.size());
  const std::size_t zeros =
      std::min(digits.find_first_not_of(alphabet.digits.front()), digits.size());
  Bytes bytes;  // Least significant first.
  for (std::size_t i = zeros; i < digits.size(); ++i) {
    const std::int8_t value = alphabet.values[static_cast<unsigned char>(digits[i])];
    if (value == kNoDigit) return bad_digit(digits, i);
    auto carry = static_cast<std::uint32_t>(value);
    for (std::uint8_t& byte : bytes) {
      carry += byte * radix;
      byte = static_cast<std::uint8_t>(carry);
      carry >>= 8U;
    }
    if (carry > 0) bytes.push_back(static_cast<std::uint8_t>(carry));
  }
  bytes.insert(bytes.end(), zeros, 0);
  std::ranges::reverse(bytes);
  return bytes;
}

Status check_length(std::string_view digits) {
  if (digits.size() <= kMaxMultibaseText) return {};
  return fail(Errc::invalid_argument, "A text of {} characters is too long; at most {} are read.",
              digits.size(), kMaxMultibaseText);
}

}  // namespace

std::string base_encode(Multibase base, ByteView bytes) {
  const Alphabet* const alphabet = find_alphabet(static_cast<char>(base));
  return alphabet->bits == 0 ? encode_number(*alphabet, bytes) : encode_bits(*alphabet, bytes);
}

std::string multibase_encode(Multibase base, ByteView bytes) {
  return static_cast<char>(base) + base_encode(base, bytes);
}

Result<Bytes> base_decode(Multibase base, std::string_view digits) {
  const Alphabet* const alphabet = find_alphabet(static_cast<char>(base));
  if (alphabet->bits == 0) ACCEL_CHECK(check_length(digits));
  return alphabet->bits == 0 ? decode_number(*alphabet, digits) : decode_bits(*alphabet, digits);
}

Result<Bytes> multibase_decode(std::string_view text) {
  if (text.empty()) return fail(Errc::invalid_argument, "An empty text names no base.");
  const Alphabet* const alphabet = find_alphabet(text.front());
  if (alphabet == nullptr) {
    return fail(
        Errc::invalid_argument,
        "The first character, 0x{:02x}, names no base that is read here (b, z, k, f, u, m).",
        static_cast<unsigned char>(text.front()));
  }
  ACCEL_CHECK(check_length(text.substr(1)));
  return base_decode(alphabet->base, text.substr(1));
}

}  // namespace accel::ipld
