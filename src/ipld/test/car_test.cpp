// SPDX-License-Identifier: Apache-2.0
// Vectors: test/data/ipld/car, the fixtures of ipld/specs (with what they hold, as dag-json) and
// archives that go-car wrote.
#include "accel/ipld/car.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "accel/core/file.hpp"
#include "accel/ipld/codec.hpp"
#include "accel/ipld/dag_cbor.hpp"
#include "accel/ipld/dag_json.hpp"
#include "accel/ipld/varint.hpp"
#include "property_support.hpp"

namespace accel::ipld {
namespace {

using nlohmann::json;

std::string read_data(const std::string& name) {
  const auto text =
      read_text_file(std::string(ACCEL_TEST_DATA) + "/ipld/car/" + name, std::size_t{1} << 20U);
  if (!text) throw std::runtime_error(text.error().message + " Run from the project's root.");
  return *text;
}

struct OwnedBlock {
  Cid cid{};
  Bytes data{};
  std::uint64_t offset = 0;

  friend bool operator==(const OwnedBlock&, const OwnedBlock&) = default;
};

struct Archive {
  CarHeader header{};
  std::vector<OwnedBlock> blocks{};
  std::optional<Error> error{};
};

// Hands over all blocks that can be read now; false after an error.
bool drain(CarReader& reader, Archive& archive) {
  for (;;) {
    auto block = reader.next();
    if (!block) {
      archive.error = block.error();
      return false;
    }
    if (!*block) return true;
    archive.blocks.push_back({(*block)->cid, to_bytes((*block)->data), (*block)->offset});
  }
}

Archive read_car(ByteView bytes, std::size_t piece = SIZE_MAX, CarLimits limits = {}) {
  CarReader reader(limits);
  Archive archive;
  while (!bytes.empty()) {
    const ByteView front = bytes.first(std::min(piece, bytes.size()));
    reader.feed(front);
    bytes = bytes.subspan(front.size());
    if (!drain(reader, archive)) return archive;
  }
  reader.finish();
  if (!drain(reader, archive)) return archive;
  EXPECT_TRUE(reader.done());
  archive.header = reader.header().value().value();
  return archive;
}

std::optional<Errc> error_of(ByteView bytes, CarLimits limits = {}) {
  const Archive archive = read_car(bytes, SIZE_MAX, limits);
  const Archive again = read_car(bytes, 1, limits);
  EXPECT_EQ(archive.error.has_value(), again.error.has_value());
  if (!archive.error || !again.error) return std::nullopt;
  EXPECT_EQ(archive.error->code, again.error->code);
  EXPECT_EQ(archive.error->message, again.error->message);
  return archive.error->code;
}

std::optional<Errc> error_of_hex(std::string_view hex) { return error_of(from_hex(hex).value()); }

Bytes header_of(const std::vector<Cid>& roots) {
  Bytes out;
  EXPECT_TRUE(CarWriter().start(roots, out));
  return out;
}

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

Cid raw_cid(ByteView block) { return Cid::v1(Codec::raw, sha2_256(block)); }

std::vector<CarIndexEntry> entries_of(const Archive& archive) {
  std::vector<CarIndexEntry> entries;
  for (const OwnedBlock& block : archive.blocks)
    entries.push_back({block.cid.hash(), block.offset});
  return entries;
}

// Against the description that the specification gives beside its fixture.
void expect_described(const std::string& name) {
  const std::string bytes = read_data(name + ".car");
  const json described = json::parse(read_data(name + ".json"));
  for (const std::size_t piece : {SIZE_MAX, std::size_t{1}, std::size_t{50}}) {
    const Archive archive = read_car(as_bytes(bytes), piece);
    ASSERT_FALSE(archive.error) << archive.error->message;
    ASSERT_EQ(archive.header.roots.size(), described["header"]["roots"].size());
    for (std::size_t i = 0; i < archive.header.roots.size(); ++i) {
      EXPECT_EQ(archive.header.roots[i].to_string(), described["header"]["roots"][i]["/"]);
    }
    const std::uint64_t start = archive.header.v2 ? archive.header.v2->data_offset : 0;
    ASSERT_EQ(archive.blocks.size(), described["blocks"].size());
    for (std::size_t i = 0; i < archive.blocks.size(); ++i) {
      const OwnedBlock& block = archive.blocks[i];
      const json& wanted = described["blocks"][i];
      EXPECT_EQ(block.cid.to_string(), wanted["cid"]["/"]);
      EXPECT_EQ(start + block.offset, wanted["offset"]);
      EXPECT_EQ(block.data.size(), wanted["blockLength"]);
      EXPECT_TRUE(verify_block(block.cid, block.data));
      const auto value = decode_value(block.cid.codec(), block.data, Strictness::canonical);
      EXPECT_EQ(encode_dag_json(value.value()).value(), wanted["content"].dump());
    }
  }
}

TEST(CarReader, reads_the_fixture_of_version_1) { expect_described("carv1-basic"); }

TEST(CarReader, reads_the_fixture_of_version_2) {
  expect_described("carv2-basic");
  const std::string bytes = read_data("carv2-basic.car");
  EXPECT_EQ(read_car(as_bytes(bytes)).header.v2, (CarV2Header{false, 51, 448, 499}));
}

TEST(CarWriter, writes_the_fixture_of_version_1_byte_by_byte) {
  const std::string bytes = read_data("carv1-basic.car");
  const Archive archive = read_car(as_bytes(bytes));
  CarWriter writer;
  Bytes out;
  ASSERT_TRUE(writer.start(archive.header.roots, out));
  std::uint64_t promised = out.size();
  for (const OwnedBlock& block : archive.blocks) {
    EXPECT_EQ(block.offset, writer.size_bytes());
    promised += CarWriter::section_bytes(block.cid, block.data.size());
    writer.add_block(block.cid, block.data, out);
  }
  EXPECT_EQ(as_text(out), bytes);
  EXPECT_EQ(writer.size_bytes(), bytes.size());
  EXPECT_EQ(promised, bytes.size());
}

TEST(CarWriter, writes_the_archives_of_go_car_with_their_index_byte_by_byte) {
  for (const std::string name : {"sample-unixfs-v2.car", "sample-rw-bs-v2.car"}) {
    const std::string bytes = read_data(name);
    const Archive archive = read_car(as_bytes(bytes));
    ASSERT_FALSE(archive.error) << name << archive.error->message;
    CarWriter writer(true);
    Bytes payload;
    ASSERT_TRUE(writer.start(archive.header.roots, payload));
    for (const OwnedBlock& block : archive.blocks) {
      EXPECT_TRUE(verify_block(block.cid, block.data)) << name;
      writer.add_block(block.cid, block.data, payload);
    }
    const CarV2Header& header = *archive.header.v2;
    EXPECT_EQ(header.data_size, payload.size()) << name;
    Bytes out = car_v2_head(header);
    out.resize(header.data_offset);
    append(out, payload);
    out.resize(header.index_offset);
    append(out, writer.index());
    EXPECT_EQ(to_hex(out), to_hex(as_bytes(bytes))) << name;
  }
}

TEST(CarIndex, names_what_the_archive_holds) {
  const std::string bytes = read_data("sample-rw-bs-v2.car");
  const Archive archive = read_car(as_bytes(bytes));
  const ByteView index = as_bytes(bytes).subspan(archive.header.v2->index_offset);
  const auto entries = read_car_index(index);
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ(entries->size(), archive.blocks.size());
  EXPECT_TRUE(std::ranges::equal(encode_car_index(entries_of(archive)), index));
  EXPECT_TRUE(std::ranges::equal(encode_car_index(*entries), index));
}

TEST(CarIndex, groups_hash_functions_and_lengths) {
  const Bytes digest(64, 7);
  const ByteView view(digest);
  const std::vector<CarIndexEntry> sorted{
      {Multihash::wrap(HashCode::identity, view.first(1)).value(), 5},
      {Multihash::wrap(HashCode::sha2_256, view.first(20)).value(), 4},
      {Multihash::wrap(HashCode::sha2_256, view.first(32)).value(), 2},
      {Multihash::wrap(HashCode::sha2_256, view.first(32)).value(), 3},
      {Multihash::wrap(HashCode::sha2_512, view).value(), 1},
  };
  auto reversed = sorted;
  std::ranges::reverse(reversed);
  EXPECT_EQ(read_car_index(encode_car_index(reversed)).value(), sorted);
  EXPECT_EQ(read_car_index(encode_car_index({})).value(), std::vector<CarIndexEntry>{});
}

TEST(CarIndex, refuses_what_lies) {
  const Bytes good = encode_car_index({{sha2_256(as_bytes("a")), 1}});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(read_car_index(ByteView(good).first(size)).error().code, Errc::corrupt) << size;
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(read_car_index(longer).error().code, Errc::corrupt);
  const auto refuse = [](std::string_view hex, Errc code) {
    EXPECT_EQ(read_car_index(from_hex(hex).value()).error().code, code) << hex;
  };
  refuse("8008", Errc::unsupported);                              // IndexSorted
  refuse("8108ffffffff", Errc::corrupt);                          // 2^32 - 1 functions
  refuse("8108010000001200000000000000ffffffff", Errc::corrupt);  // as many lengths
  const std::string one =
      "8108010000001200000000000000"
      "01000000";
  refuse(one +
             "00000000"
             "0000000000000000",
         Errc::corrupt);  // no width
  refuse(one +
             "ffffffff"
             "ffffffffffffffff",
         Errc::corrupt);
  refuse(one +
             "28000000"
             "2900000000000000",
         Errc::corrupt);  // not a multiple
  refuse(one +
             "28000000"
             "f8ffffffffffffff",
         Errc::corrupt);  // beyond the end
  refuse(one +
             "09000000"
             "0900000000000000"
             "000000000000000000",
         Errc::corrupt);
}

TEST(CarReader, takes_none_or_several_roots_and_no_blocks) {
  for (const std::vector<Cid>& roots :
       {std::vector<Cid>{}, std::vector<Cid>{Cid{}}, std::vector<Cid>{Cid{}, Cid{}, raw_cid({})}}) {
    const Archive archive = read_car(header_of(roots), 1);
    ASSERT_FALSE(archive.error) << archive.error->message;
    EXPECT_EQ(archive.header.roots, roots);
    EXPECT_TRUE(archive.blocks.empty());
    EXPECT_FALSE(archive.header.v2);
  }
}

TEST(CarReader, says_that_it_needs_more_until_it_is_told_that_there_is_none) {
  const Bytes header = header_of({});
  CarReader reader;
  EXPECT_EQ(reader.header().value().has_value(), false);
  EXPECT_FALSE(reader.next().value());
  reader.feed(header);
  EXPECT_TRUE(reader.header().value().has_value());
  EXPECT_FALSE(reader.next().value());
  EXPECT_FALSE(reader.done());
  reader.finish();
  EXPECT_FALSE(reader.next().value());
  EXPECT_TRUE(reader.done());
}

TEST(CarReader, hands_on_blocks_that_are_not_what_they_claim) {
  Bytes archive = header_of({});
  CarWriter().add_block(raw_cid(as_bytes("a")), as_bytes("b"), archive);
  CarReader reader;
  reader.feed(archive);
  const auto block = reader.next();
  ASSERT_TRUE(block && *block);
  EXPECT_EQ(as_text((*block)->data), "b");
  EXPECT_EQ(verify_car_block(**block).error().code, Errc::corrupt);
}

TEST(CarReader, every_cut_is_noticed) {
  const std::string v1 = read_data("carv1-basic.car");
  std::vector<std::size_t> boundaries{v1.size()};
  for (const OwnedBlock& block : read_car(as_bytes(v1)).blocks) boundaries.push_back(block.offset);
  for (std::size_t size = 0; size < v1.size(); ++size) {
    const auto error = error_of(as_bytes(v1).first(size));
    const bool at_boundary = std::ranges::find(boundaries, size) != boundaries.end();
    EXPECT_EQ(error, at_boundary ? std::nullopt : std::optional(Errc::corrupt)) << size;
  }
  const std::string v2 = read_data("carv2-basic.car");
  for (std::size_t size = 0; size < 499; ++size) {  // Where its data ends.
    EXPECT_EQ(error_of(as_bytes(v2).first(size)), Errc::corrupt) << size;
  }
  EXPECT_EQ(error_of(as_bytes(v2).first(499)), std::nullopt);
}

TEST(CarReader, refuses_headers_that_are_none) {
  EXPECT_EQ(error_of_hex("00"), Errc::corrupt);    // no header
  EXPECT_EQ(error_of_hex("8000"), Errc::corrupt);  // a length that could be shorter
  EXPECT_EQ(error_of_hex("01a0"), Errc::corrupt);  // no version
  EXPECT_EQ(error_of_hex("01ff"), Errc::corrupt);  // no dag-cbor
  EXPECT_EQ(error_of_hex("0180"), Errc::corrupt);  // a list
  EXPECT_EQ(error_of_hex("ffffffffffffffff7f"), Errc::resource_exhausted);  // 2^63 - 1 bytes
  EXPECT_EQ(error_of_hex("ffffffffffffffffff01"), Errc::corrupt);           // beyond 2^63
  EXPECT_EQ(error_of_hex("0ba16776657273696f6e182a"), Errc::unsupported);   // go-car: version 42
  EXPECT_EQ(error_of_hex("0aa16776657273696f6e01"), Errc::corrupt);         // no roots
  EXPECT_EQ(error_of_hex("0aa16776657273696f6e00"), Errc::unsupported);
  EXPECT_EQ(error_of_hex("12a265726f6f7473f66776657273696f6e01"
                         "00"),
            Errc::corrupt);
  const auto header = [](const Value& value) {
    const Bytes block = encode_dag_cbor(value).value();
    Bytes out;
    put_uvarint(out, block.size());
    append(out, block);
    return error_of(out);
  };
  const auto one = Value::integer(1);
  EXPECT_EQ(header(Value::map({{"roots", Value::list({one})}, {"version", one}})), Errc::corrupt);
  EXPECT_EQ(header(Value::map({{"roots", Value::list({})}, {"version", Value::text("1")}})),
            Errc::corrupt);
  EXPECT_EQ(header(Value::map({{"roots", Value::list({})}, {"version", one}, {"x", one}})),
            Errc::corrupt);
}

TEST(CarReader, refuses_sections_that_lie) {
  const auto after_header = [](std::string_view hex) {
    Bytes archive = header_of({});
    append(archive, from_hex(hex).value());
    return error_of(archive);
  };
  EXPECT_EQ(after_header("0401550000"), std::nullopt);     // bafkqaaa
  EXPECT_EQ(after_header("00"), Errc::corrupt);            // padding
  EXPECT_EQ(after_header("040155000000"), Errc::corrupt);  // padding at the end
  EXPECT_EQ(after_header("8400"
                         "01550000"),
            Errc::corrupt);  // not the shortest length
  EXPECT_EQ(after_header("ffffffffffffffff7f"), Errc::resource_exhausted);
  EXPECT_EQ(after_header("8080808080808080808001"), Errc::corrupt);  // 2^63 and above
  EXPECT_EQ(after_header("0301550000"), Errc::corrupt);              // ends inside its CID
  EXPECT_EQ(after_header("0402550000"), Errc::corrupt);              // CID version 2
  EXPECT_EQ(after_header("0501558000"
                         "00"),
            Errc::corrupt);  // a long varint in the CID
  EXPECT_EQ(after_header("22"
                         "1220" +
                         std::string(64, '0')),
            std::nullopt);  // CIDv0, no bytes
  EXPECT_EQ(after_header("21"
                         "1220" +
                         std::string(62, '0')),
            Errc::corrupt);
}

TEST(CarReader, refuses_headers_of_version_2_that_lie) {
  const Bytes payload = header_of({});
  const auto error_with = [&](const CarV2Header& header) {
    Bytes archive = car_v2_head(header);
    append(archive, payload);
    return error_of(archive);
  };
  const std::uint64_t size = payload.size();
  EXPECT_EQ(error_with({false, 51, size, 0}), std::nullopt);
  EXPECT_EQ(error_with({true, 51, size, 51 + size}), std::nullopt);
  EXPECT_EQ(error_with({false, 50, size, 0}), Errc::corrupt);
  EXPECT_EQ(error_with({false, 0, size, 0}), Errc::corrupt);
  EXPECT_EQ(error_with({false, 51, 0, 0}), Errc::corrupt);
  EXPECT_EQ(error_with({false, 51, size, 51}), Errc::corrupt);
  EXPECT_EQ(error_with({false, 51, size - 1, 0}), Errc::corrupt);
  EXPECT_EQ(error_with({false, 51, size + 1, 0}), Errc::corrupt);
  EXPECT_EQ(error_with({false, 52, size, 0}), Errc::corrupt);
  EXPECT_EQ(error_with({false, 51, UINT64_MAX, 0}), Errc::corrupt);
  EXPECT_EQ(error_with({false, UINT64_MAX, size, 0}), Errc::corrupt);
  EXPECT_EQ(error_with({false, INT64_MAX, size, 0}), Errc::corrupt);
  EXPECT_EQ(error_with({false, std::uint64_t{1} << 40U, size, 0}), Errc::resource_exhausted);

  Bytes nested = car_v2_head({false, 51, 51 + size, 0});  // A CARv2 in a CARv2.
  append(nested, car_v2_head({false, 51, size, 0}));
  append(nested, payload);
  EXPECT_EQ(error_of(nested), Errc::unsupported);
}

TEST(CarReader, skips_padding_and_ignores_what_follows_the_data) {
  Bytes payload = header_of({Cid{}});
  CarWriter().add_block(Cid{}, {}, payload);
  Bytes archive = car_v2_head({false, 1000, payload.size(), 0});
  archive.resize(1000, 0xff);
  append(archive, payload);
  archive.resize(archive.size() + 5000, 0xff);
  const Archive read = read_car(archive, 7);
  ASSERT_FALSE(read.error) << read.error->message;
  EXPECT_EQ(read.blocks.size(), 1U);
  EXPECT_EQ(read.blocks[0].offset, header_of({Cid{}}).size());
}

TEST(CarReader, has_limits) {
  const CarLimits limits{.max_header_bytes = 100, .max_block_bytes = 10, .max_padding_bytes = 5};
  EXPECT_EQ(error_of(header_of(std::vector<Cid>(20)), limits), Errc::resource_exhausted);
  Bytes archive = header_of({});
  CarWriter().add_block(Cid{}, Bytes(10), archive);
  EXPECT_EQ(error_of(archive, limits), std::nullopt);
  CarWriter().add_block(Cid{}, Bytes(11), archive);
  EXPECT_EQ(error_of(archive, limits), Errc::resource_exhausted);
  Bytes padded = car_v2_head({false, 57, 10, 0});
  EXPECT_EQ(error_of(padded, limits), Errc::resource_exhausted);
}

TEST(CarReader, gives_its_error_again) {
  CarReader reader;
  reader.feed(from_hex("00").value());
  const Error first = reader.next().error();
  reader.feed(header_of({}));
  EXPECT_EQ(reader.next().error().message, first.message);
  EXPECT_EQ(reader.header().error().message, first.message);
  EXPECT_FALSE(reader.done());
}

TEST(CarReader, takes_bytes_in_its_own_memory_and_gives_that_away) {
  const Cid second = raw_cid(as_bytes("second"));
  Bytes archive = header_of({});
  CarWriter().add_block(raw_cid(as_bytes("first")), as_bytes("first"), archive);
  CarWriter().add_block(second, as_bytes("second"), archive);
  const std::size_t half = archive.size() - 3;  // Inside the second block.
  CarReader reader;
  std::ranges::copy(ByteView(archive).first(half), reader.room(half).begin());
  reader.filled(half);
  const auto one = reader.next();
  ASSERT_TRUE(one && *one);
  EXPECT_FALSE(reader.next().value());
  const Bytes memory = reader.exchange(Bytes(7, 0xAA));
  EXPECT_GE((*one)->data.data(), memory.data());
  reader.feed(ByteView(archive).subspan(half));
  const auto two = reader.next();
  ASSERT_TRUE(two && *two);
  EXPECT_EQ((*two)->cid, second);
  EXPECT_EQ(as_text((*two)->data), "second");
  EXPECT_EQ(as_text((*one)->data), "first");  // Lives in `memory`.
}

TEST(CarReader, keeps_blocks_readable_behind_an_error) {
  Bytes archive = header_of({});
  CarWriter().add_block(raw_cid(as_bytes("first")), as_bytes("first"), archive);
  archive.push_back(0);  // A section of no bytes.
  CarReader reader;
  reader.feed(archive);
  const auto block = reader.next();
  ASSERT_TRUE(block && *block);
  EXPECT_EQ(reader.next().error().code, Errc::corrupt);
  EXPECT_EQ(as_text((*block)->data), "first");
}

TEST(Car, random_archives_come_back_equal_however_they_are_cut) {
  testing::Generator generator;
  ACCEL_TRACE_SEED();
  for (int round = 0; round < 50; ++round) {
    std::vector<Cid> roots(generator.below(4));
    for (Cid& root : roots) root = generator.cid();
    CarWriter writer(true);
    Bytes payload;
    ASSERT_TRUE(writer.start(roots, payload));
    std::vector<OwnedBlock> blocks;
    for (std::uint64_t left = generator.below(8); left > 0; --left) {
      blocks.push_back({generator.cid(), generator.bytes_up_to(300), writer.size_bytes()});
      writer.add_block(blocks.back().cid, blocks.back().data, payload);
    }
    Bytes v2 = car_v2_head({false, 51, payload.size(), 51 + payload.size()});
    append(v2, payload);
    append(v2, writer.index());
    for (const Bytes& archive : {payload, v2}) {
      const Archive read = read_car(archive, 1 + generator.below(200));
      ASSERT_FALSE(read.error) << read.error->message;
      EXPECT_EQ(read.header.roots, roots);
      EXPECT_EQ(read.blocks, blocks);
    }
    ASSERT_TRUE(read_car_index(writer.index()));
  }
}

}  // namespace
}  // namespace accel::ipld
