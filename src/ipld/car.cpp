// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/car.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "accel/ipld/dag_cbor.hpp"
#include "accel/ipld/varint.hpp"
#include "car_parts.hpp"
#include "little_endian.hpp"

namespace accel::ipld {
namespace {

constexpr std::size_t kCarV2HeaderBytes = kCarV2HeadBytes - detail::kCarPragma.size();

// Errors: corrupt, unsupported (the version).
Result<std::vector<Cid>> read_roots(ByteView block) {
  ACCEL_TRY(const Value header, decode_dag_cbor(block, Strictness::historical));
  const Value* const version = header.find("version");
  if (version == nullptr || version->as_integer() == nullptr) {
    return fail(Errc::corrupt, "The header has no version.");
  }
  if (*version->as_integer() != Integer::of(1)) {
    return fail(Errc::unsupported, "An archive of version {} is not read; 1 is, and 2 around it.",
                version->as_integer()->to_string());
  }
  const Value* const list = header.find("roots");
  if (list == nullptr || list->as_list() == nullptr || header.as_map()->size() != 2) {
    return fail(Errc::corrupt, "The header is not a map of roots and version.");
  }
  std::vector<Cid> roots;
  for (const Value& root : *list->as_list()) {
    if (root.as_link() == nullptr) return fail(Errc::corrupt, "A root is not a link.");
    roots.push_back(*root.as_link());
  }
  return roots;
}

}  // namespace

void CarReader::feed(ByteView bytes) {
  if (!is_open()) return;  // An index, or of no use.
  std::ranges::copy(bytes, room(bytes.size()).begin());
  filled(bytes.size());
}

std::span<std::uint8_t> CarReader::room(std::size_t bytes) {
  if (at_ > 0) {
    std::copy(rest().begin(), rest().end(), buffer_.begin());
    end_ -= at_;
    at_ = 0;
  }
  if (buffer_.size() < end_ + bytes) buffer_.resize(end_ + bytes);
  return std::span(buffer_).subspan(end_);
}

void CarReader::filled(std::size_t bytes) {
  if (is_open()) end_ += bytes;
}

Bytes CarReader::exchange(Bytes other) {
  if (other.size() < rest().size()) other.resize(rest().size());
  std::ranges::copy(rest(), other.begin());
  end_ -= at_;
  at_ = 0;
  return std::exchange(buffer_, std::move(other));
}

Result<std::optional<CarHeader>> CarReader::header() {
  if (auto read = keep_error<void>(advance()); !read) return fail(std::move(read).error());
  if (state_ != State::sections && state_ != State::done) return std::nullopt;
  return header_;
}

Result<std::optional<CarBlock>> CarReader::next() {
  if (auto read = keep_error<void>(advance()); !read) return fail(std::move(read).error());
  if (state_ != State::sections) return std::nullopt;
  return keep_error(read_section());
}

template <class T>
Result<T> CarReader::keep_error(Result<T> result) {
  if (result) return result;
  state_ = State::failed;
  error_ = result.error();
  at_ = end_;  // The memory stays: blocks before the error borrow from it.
  return result;
}

ByteView CarReader::rest() const { return ByteView(buffer_).subspan(at_, end_ - at_); }

void CarReader::consume(std::size_t bytes) {
  at_ += bytes;
  position_ += bytes;
}

tl::unexpected<Error> CarReader::bad(std::string_view why) const {
  return fail(Errc::corrupt, "The archive is broken at byte {}. {}", position_, why);
}

Status CarReader::want_more(std::string_view what) const {
  if (!finished_) return {};
  return bad(fmt::format("It ends inside {}.", what));
}

// Goes on to the first section.
Status CarReader::advance() {
  if (error_) return fail(*error_);
  for (bool moved = true; moved;) {
    moved = false;
    ACCEL_CHECK(step(moved));
  }
  return {};
}

Status CarReader::step(bool& moved) {
  switch (state_) {
    case State::start:
      return read_start(moved);
    case State::v2_header:
      return read_v2_header(moved);
    case State::padding:
      return skip_padding(moved);
    case State::v1_header:
      return read_v1_header(moved);
    case State::sections:
    case State::done:
    case State::failed:
      break;
  }
  return {};
}

// A CARv2 begins with 11 bytes that a CARv1 cannot begin with.
Status CarReader::read_start(bool& moved) {
  const ByteView bytes = rest().first(std::min(rest().size(), detail::kCarPragma.size()));
  const bool like_v2 = std::ranges::equal(bytes, ByteView(detail::kCarPragma).first(bytes.size()));
  if (like_v2 && bytes.size() < detail::kCarPragma.size()) return want_more("its first bytes");
  if (like_v2) consume(bytes.size());
  state_ = like_v2 ? State::v2_header : State::v1_header;
  moved = true;
  return {};
}

Status CarReader::read_v2_header(bool& moved) {
  if (rest().size() < kCarV2HeaderBytes) return want_more("the header of a CARv2");
  const auto number = [bytes = rest()](std::size_t at) {
    return detail::little_endian(bytes.subspan(at, 8));
  };
  const CarV2Header v2{(rest()[0] & detail::kCarFullyIndexed) != 0, number(16), number(24),
                       number(32)};
  constexpr auto kMost = static_cast<std::uint64_t>(INT64_MAX);
  if (v2.data_offset < kCarV2HeadBytes || v2.data_size == 0 || v2.data_offset > kMost ||
      v2.data_size > kMost - v2.data_offset) {
    return bad(
        fmt::format("Its data cannot be {} bytes from byte {} on.", v2.data_size, v2.data_offset));
  }
  if (v2.index_offset != 0 && v2.index_offset < v2.data_offset + v2.data_size) {
    return bad(
        fmt::format("Its index at byte {} lies before the end of its data.", v2.index_offset));
  }
  if (v2.data_offset - kCarV2HeadBytes > limits_.max_padding_bytes) {
    return fail(Errc::resource_exhausted,
                "The archive has {} bytes of padding; at most {} are "
                "read.",
                v2.data_offset - kCarV2HeadBytes, limits_.max_padding_bytes);
  }
  consume(kCarV2HeaderBytes);
  header_.v2 = v2;
  state_ = State::padding;
  moved = true;
  return {};
}

Status CarReader::skip_padding(bool& moved) {
  const std::uint64_t left = header_.v2->data_offset - position_;
  consume(static_cast<std::size_t>(std::min<std::uint64_t>(left, rest().size())));
  if (position_ < header_.v2->data_offset) return want_more("the padding before its data");
  payload_start_ = position_;
  payload_left_ = header_.v2->data_size;
  state_ = State::v1_header;
  moved = true;
  return {};
}

Status CarReader::read_v1_header(bool& moved) {
  ACCEL_TRY(const auto piece, read_piece(limits_.max_header_bytes, "the header"));
  if (!piece) return {};
  auto roots = read_roots(piece->bytes);
  if (!roots && roots.error().code == Errc::corrupt) return bad(roots.error().message);
  if (!roots) return fail(std::move(roots).error());
  header_.roots = *std::move(roots);
  consume(piece->size);
  payload_left_ -= piece->size;
  state_ = State::sections;
  moved = true;
  return {};
}

Result<std::optional<CarReader::Piece>> CarReader::read_piece(std::size_t most,
                                                              std::string_view what) const {
  const ByteView front = rest().first(std::min(rest().size(), kMaxUvarintBytes));
  const bool ends = std::ranges::any_of(front, [](std::uint8_t byte) { return byte < 0x80; });
  if (!ends && front.size() < kMaxUvarintBytes) {
    ACCEL_CHECK(want_more(what));
    return std::nullopt;
  }
  const auto length = get_uvarint(front);
  if (!length) return bad(length.error().message);
  if (length->value == 0) {
    return bad(fmt::format("The length of {} is zero: padding is not read.", what));
  }
  if (length->value > most) {
    return fail(Errc::resource_exhausted,
                "At byte {} of the archive, {} has {} bytes; at most {} are read.", position_, what,
                length->value, most);
  }
  const std::size_t size = length->size + static_cast<std::size_t>(length->value);
  if (size > payload_left_) return bad(fmt::format("Past the end of its data goes {}.", what));
  if (size > rest().size()) {
    ACCEL_CHECK(want_more(what));
    return std::nullopt;
  }
  return Piece{rest().subspan(length->size, static_cast<std::size_t>(length->value)), size};
}

Result<std::optional<CarBlock>> CarReader::read_section() {
  const bool at_end = payload_left_ == 0 || (finished_ && !header_.v2 && rest().empty());
  if (at_end) {
    state_ = State::done;
    return std::nullopt;
  }
  ACCEL_TRY(const auto piece, read_piece(limits_.max_block_bytes + kMaxCidBytes, "a section"));
  if (!piece) return std::nullopt;
  auto prefix = Cid::read_prefix(piece->bytes);
  if (!prefix) return bad(prefix.error().message);
  const ByteView data = piece->bytes.subspan(prefix->size);
  if (data.size() > limits_.max_block_bytes) {
    return fail(Errc::resource_exhausted,
                "At byte {} of the archive, the block {} has {} bytes; at most {} are read.",
                position_, prefix->cid, data.size(), limits_.max_block_bytes);
  }
  const std::uint64_t offset = position_ - payload_start_;
  consume(piece->size);
  payload_left_ -= piece->size;
  return CarBlock{std::move(prefix->cid), data, offset};
}

}  // namespace accel::ipld
