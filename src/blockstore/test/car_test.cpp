// SPDX-License-Identifier: Apache-2.0
// Archives into the store and out of it.
#include "accel/ipld/car.hpp"

#include <thread>

#include "accel/ipld/dag_cbor.hpp"
#include "disk_seam.hpp"
#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

struct Block {
  ipld::Cid cid;
  Bytes data;
};

Block raw_block(Bytes data) { return {raw_cid(data), std::move(data)}; }

// A dag-cbor node {"links": […]}.
Block cbor_node(const std::vector<ipld::Cid>& links) {
  ipld::Value::List list;
  for (const ipld::Cid& link : links) list.push_back(ipld::Value::link(link));
  ipld::Value::Map map;
  map.push_back({"links", ipld::Value::list(std::move(list))});
  Bytes data = *ipld::encode_dag_cbor(ipld::Value::map(std::move(map)));
  return {ipld::Cid::v1(ipld::Codec::dag_cbor, ipld::sha2_256(data)), std::move(data)};
}

Bytes make_car(const std::vector<ipld::Cid>& roots, const std::vector<Block>& blocks) {
  Bytes car;
  ipld::CarWriter writer;
  EXPECT_TRUE(writer.start(roots, car).has_value());
  for (const Block& block : blocks) writer.add_block(block.cid, block.data, car);
  return car;
}

struct ReadCar {
  ipld::CarHeader header;
  std::vector<Block> blocks;
};

ReadCar read_car(ByteView car) {
  ReadCar result;
  ipld::CarReader reader;
  reader.feed(car);
  reader.finish();
  for (;;) {
    const auto block = reader.next();
    EXPECT_TRUE(block.has_value()) << block.error().to_string();
    if (!block || !*block) break;
    EXPECT_TRUE(ipld::verify_car_block(**block).has_value()) << (*block)->cid.to_string();
    result.blocks.push_back({(*block)->cid, to_bytes((*block)->data)});
  }
  const auto header = reader.header();
  EXPECT_TRUE(header.has_value() && header->has_value());
  if (header && *header) result.header = **header;
  return result;
}

class CarTest : public StoreTest {
 protected:
  Result<CarImportReport> import_car(ByteView car, const CarImportOptions& options = {}) {
    return store_->import_car(pieces_of(car, 1U << 20U), options);
  }
  CarImportReport import_whole(ByteView car) {
    const auto report = import_car(car);
    EXPECT_TRUE(report.has_value()) << report.error().to_string();
    return report.value_or(CarImportReport{});
  }
  Bytes export_car(const std::vector<ipld::Cid>& roots, const CarExportOptions& options = {}) {
    Bytes car;
    const auto report = try_export(roots, options, car);
    EXPECT_TRUE(report.has_value()) << report.error().to_string();
    if (report) {
      EXPECT_EQ(report->archive_bytes, car.size());
    }
    return car;
  }
  Result<CarExportReport> try_export(const std::vector<ipld::Cid>& roots,
                                     const CarExportOptions& options, Bytes& car) {
    CarTarget target;
    target.sink = [&](ByteView piece) -> Status {
      car.insert(car.end(), piece.begin(), piece.end());
      return {};
    };
    return store_->export_car(roots, target, options);
  }
  Bytes export_to_file(const ipld::Cid& root, const CarExportOptions& options = {}) {
    const auto fd = open_file(work("out.car"), O_RDWR | O_CREAT | O_TRUNC);
    CarTarget target;
    target.file = fd->get();
    const auto report = store_->export_car({root}, target, options);
    EXPECT_TRUE(report.has_value()) << report.error().to_string();
    Bytes car = read_bytes(work("out.car"));
    if (report) {
      EXPECT_EQ(report->archive_bytes, car.size());
    }
    return car;
  }
  // A folder with a file in leaves, a small file, and one whose leaves repeat.
  ipld::Cid add_folder(const AddOptions& how = {}) {
    make_file("dir/model", 1, 3 * kMiB + 7);
    make_file("dir/config", 2, 300);
    write_bytes(work("dir/zeros"), Bytes(4 * kMiB));
    return add("dir", how).cid;
  }
  void use_new_store() {
    store_.reset();
    fs::remove_all(home());
    open();
  }
};

TEST_F(CarTest, an_exported_folder_comes_back_in_another_store) {
  for (const ipld::ImportProfile& profile : {ipld::unixfs_v1_2025(), ipld::unixfs_v0_2015()}) {
    SCOPED_TRACE(profile.name);
    AddOptions how;
    how.profile = profile;
    const ipld::Cid root = add_folder(how);
    const Bytes car = export_car({root});
    use_new_store();
    const CarImportReport report = import_whole(car);
    EXPECT_EQ(report.roots, std::vector{root});
    EXPECT_EQ(report.blocks, read_car(car).blocks.size());
    EXPECT_EQ(report.blocks_new, report.blocks);
    EXPECT_EQ(report.archive_bytes, car.size());
    ASSERT_TRUE(store_->pin(root, {}).has_value());
    EXPECT_EQ(cat(*store_->resolve(root, "model")), random_bytes(1, 3 * kMiB + 7));
    EXPECT_EQ(cat(*store_->resolve(root, "config")), random_bytes(2, 300));
    expect_sound();
    EXPECT_EQ(export_car({root}), car);  // From packs as from files.
    use_new_store();
  }
}

TEST_F(CarTest, an_archive_begins_at_its_root_and_holds_each_block_once_in_the_order_of_the_links) {
  const ipld::Cid root = add_folder();
  const ReadCar car = read_car(export_car({root}));
  EXPECT_EQ(car.header.roots, std::vector{root});
  std::vector<ipld::Cid> expected{root};
  const auto expect_file = [&](const std::string& name) {
    const Bytes bytes = read_bytes(work("dir/" + name));
    const FileDag dag = make_dag(ipld::unixfs_v1_2025(), bytes);
    if (dag.slots.size() > 1) expected.push_back(dag.root);
    for (const LeafSlot& slot : dag.slots) {
      if (std::find(expected.begin(), expected.end(), slot.cid) == expected.end())
        expected.push_back(slot.cid);
    }
  };
  for (const char* name : {"config", "model", "zeros"}) expect_file(name);
  std::vector<ipld::Cid> found;
  for (const Block& block : car.blocks) found.push_back(block.cid);
  EXPECT_EQ(found, expected);
}

TEST_F(CarTest, a_file_and_a_function_get_the_same_bytes) {
  const ipld::Cid root = add_folder();
  for (const int version : {1, 2}) {
    CarExportOptions options;
    options.version = version;
    EXPECT_EQ(export_to_file(root, options), export_car({root}, options));
  }
}

TEST_F(CarTest, version_2_has_an_index_of_what_it_holds) {
  const ipld::Cid root = add_folder();
  CarExportOptions options;
  options.version = 2;
  const Bytes car = export_car({root}, options);
  const ReadCar read = read_car(car);
  ASSERT_TRUE(read.header.v2.has_value());
  EXPECT_EQ(read.header.v2->data_size, export_car({root}).size());
  const auto index = ipld::read_car_index(ByteView(car).subspan(read.header.v2->index_offset));
  ASSERT_TRUE(index.has_value()) << index.error().to_string();
  EXPECT_EQ(index->size(), read.blocks.size());
  use_new_store();
  EXPECT_EQ(import_whole(car).version, 2);
  EXPECT_EQ(export_car({root}, options), car);
}

TEST_F(CarTest, archives_have_several_roots_or_none) {
  const Block one = raw_block(random_bytes(1, 100));
  const Block two = raw_block(random_bytes(2, 100));
  EXPECT_EQ(import_whole(make_car({one.cid, two.cid}, {one, two})).roots.size(), 2U);
  EXPECT_EQ(read_car(export_car({one.cid, two.cid})).blocks.size(), 2U);
  const Block three = raw_block(random_bytes(3, 100));
  EXPECT_TRUE(import_whole(make_car({}, {three})).roots.empty());
  EXPECT_EQ(*store_->get(three.cid), three.data);
}

TEST_F(CarTest, an_import_is_the_same_however_the_archive_comes) {
  const ipld::Cid root = add_folder();
  const Bytes car = export_car({root});
  for (const std::size_t piece : {std::size_t{1} << 30U, std::size_t{70'001}, std::size_t{997}}) {
    use_new_store();
    const auto report = store_->import_car(pieces_of(car, piece), {});
    ASSERT_TRUE(report.has_value()) << report.error().to_string();
    EXPECT_TRUE(store_->pin(root, {}).has_value());
    expect_sound();
  }
}

TEST_F(CarTest, what_is_here_already_is_not_written_again) {
  const ipld::Cid root = add_folder();
  const auto before = store_->usage();
  const CarImportReport report = import_whole(export_car({root}));
  EXPECT_EQ(report.blocks_new, 0U);
  EXPECT_EQ(store_->usage()->packs_bytes, before->packs_bytes);
}

TEST_F(CarTest, an_import_mends_what_is_damaged_here) {
  const Block block = raw_block(random_bytes(1, 5000));
  ASSERT_TRUE(store_->put(block.cid, block.data).has_value());
  rot_byte(only_pack(), 3000);
  ASSERT_FALSE(store_->get(block.cid).has_value());
  EXPECT_EQ(import_whole(make_car({}, {block})).blocks_new, 1U);
  EXPECT_EQ(*store_->get(block.cid), block.data);
  expect_sound();
}

TEST_F(CarTest, a_lying_block_is_named_with_its_place_and_what_came_before_stays) {
  std::vector<Block> blocks;
  for (std::uint64_t i = 0; i < 40; ++i) blocks.push_back(raw_block(random_bytes(i, 10'000)));
  const Bytes good = make_car({blocks[0].cid}, blocks);
  blocks[20].data[77] ^= 1U;
  const Bytes bad = make_car({blocks[0].cid}, blocks);
  const auto report = import_car(bad);
  EXPECT_ERRC(report, Errc::corrupt);
  ipld::CarReader reader;
  reader.feed(good);
  std::uint64_t offset = 0;
  for (int i = 0; i <= 20; ++i) offset = (*reader.next())->offset;
  EXPECT_NE(report.error().message.find(blocks[20].cid.to_string()), std::string::npos);
  EXPECT_NE(report.error().message.find(fmt::format("at byte {}", offset)), std::string::npos);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_TRUE(*store_->has(blocks[i].cid)) << i;
  for (std::size_t i = 20; i < 40; ++i) EXPECT_FALSE(*store_->has(blocks[i].cid)) << i;
  expect_sound();
}

TEST_F(CarTest, a_cut_archive_is_noticed_and_what_came_stays) {
  const Block one = raw_block(random_bytes(1, 100'000));
  const Block two = raw_block(random_bytes(2, 100'000));
  const Bytes car = make_car({one.cid}, {one, two});
  for (const std::size_t cut : {car.size() - 1, car.size() - 99'000, std::size_t{100'100}}) {
    use_new_store();
    EXPECT_ERRC(import_car(ByteView(car).first(cut)), Errc::corrupt);
    EXPECT_TRUE(*store_->has(one.cid));
    EXPECT_FALSE(*store_->has(two.cid));
    expect_sound();
  }
  EXPECT_ERRC(import_car({}), Errc::corrupt);
}

TEST_F(CarTest, absurd_lengths_are_refused_at_once) {
  const Block one = raw_block(random_bytes(1, 100));
  const Bytes start = make_car({one.cid}, {one});
  for (const std::vector<std::uint8_t>& length :
       {Bytes{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F},        // 2^63 - 1
        Bytes{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01},  // 2^63
        Bytes{0x80, 0x80, 0x80, 0x04}}) {                                   // 8 MiB
    Bytes car = start;
    car.insert(car.end(), length.begin(), length.end());
    car.resize(car.size() + 1000);
    const auto report = import_car(car);
    ASSERT_FALSE(report.has_value());
    EXPECT_TRUE(report.error().code == Errc::corrupt ||
                report.error().code == Errc::resource_exhausted);
    EXPECT_TRUE(*store_->has(one.cid));
  }
}

TEST_F(CarTest, a_hash_that_cannot_be_computed_is_refused_by_name) {
  const auto sha1 = ipld::Multihash::wrap(ipld::HashCode{0x11}, random_bytes(1, 20));
  const Block block{ipld::Cid::v1(ipld::Codec::raw, *sha1), random_bytes(2, 50)};
  const auto report = import_car(make_car({block.cid}, {block}));
  EXPECT_ERRC(report, Errc::unsupported);
  EXPECT_NE(report.error().message.find(block.cid.to_string()), std::string::npos);
}

TEST_F(CarTest, identity_cids_are_checked_but_not_stored) {
  const Bytes text = to_bytes(std::string_view("inline"));
  const auto hash = ipld::Multihash::wrap(ipld::HashCode::identity, text);
  const ipld::Cid identity = ipld::Cid::v1(ipld::Codec::raw, *hash);
  const Block root = cbor_node({identity});
  EXPECT_EQ(import_whole(make_car({root.cid}, {root, {identity, text}})).blocks_new, 1U);
  EXPECT_EQ(read_car(export_car({root.cid})).blocks.size(), 1U);
  EXPECT_ERRC(import_car(make_car({identity}, {{identity, to_bytes(std::string_view("liar!!"))}})),
              Errc::corrupt);
}

TEST_F(CarTest, gc_keeps_what_only_an_inline_node_leads_to) {
  const Block leaf = raw_block(random_bytes(1, 1000));
  const Block inner = cbor_node({leaf.cid});
  const auto hash = ipld::Multihash::wrap(ipld::HashCode::identity, inner.data);
  const Block root = cbor_node({ipld::Cid::v1(ipld::Codec::dag_cbor, *hash)});
  import_whole(make_car({root.cid}, {root, leaf}));
  ASSERT_TRUE(store_->pin(root.cid, {}).has_value());
  gc();
  EXPECT_EQ(*store_->get(leaf.cid), leaf.data);
  EXPECT_EQ(read_car(export_car({root.cid})).blocks.size(), 2U);
}

TEST_F(CarTest, pins_keep_what_dag_cbor_links_to) {
  const Block leaf = raw_block(random_bytes(1, 1000));
  const Block middle = cbor_node({leaf.cid});
  const Block root = cbor_node({middle.cid, middle.cid});
  import_whole(make_car({root.cid}, {root, middle}));
  const Status incomplete = store_->pin(root.cid, {});
  EXPECT_ERRC(incomplete, Errc::not_found);
  EXPECT_NE(incomplete.error().message.find(leaf.cid.to_string()), std::string::npos);
  ASSERT_TRUE(store_->put(leaf.cid, leaf.data).has_value());
  ASSERT_TRUE(store_->pin(root.cid, {}).has_value());
  gc();
  EXPECT_EQ(*store_->get(leaf.cid), leaf.data);
  const auto stat = store_->dag_stat({root.cid}, {});
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->blocks, 3U);
  EXPECT_EQ(stat->bytes, root.data.size() + middle.data.size() + leaf.data.size());
}

TEST_F(CarTest, a_missing_block_is_named_unless_a_part_will_do) {
  const Block leaf = raw_block(random_bytes(1, 1000));
  const Block other = raw_block(random_bytes(2, 1000));
  const Block root = cbor_node({leaf.cid, other.cid});
  import_whole(make_car({root.cid}, {root, other}));
  Bytes car;
  const auto report = try_export({root.cid}, {}, car);
  EXPECT_ERRC(report, Errc::not_found);
  EXPECT_NE(report.error().message.find(leaf.cid.to_string()), std::string::npos);
  CarExportOptions partial;
  partial.partial = true;
  EXPECT_EQ(read_car(export_car({root.cid}, partial)).blocks.size(), 2U);
  EXPECT_ERRC(store_->dag_stat({root.cid}, {}), Errc::not_found);
}

TEST_F(CarTest, damage_is_never_exported) {
  const Block leaf = raw_block(random_bytes(1, 300'000));
  const Block root = cbor_node({leaf.cid});
  import_whole(make_car({root.cid}, {leaf, root}));
  rot_byte(only_pack(), 100'000);
  Bytes car;
  const auto report = try_export({root.cid}, {}, car);
  EXPECT_ERRC(report, Errc::corrupt);
  EXPECT_NE(report.error().message.find(leaf.cid.to_string()), std::string::npos);
}

TEST_F(CarTest, a_very_deep_dag_costs_no_stack) {
  std::vector<Block> blocks{cbor_node({})};
  for (int i = 0; i < 20'000; ++i) blocks.push_back(cbor_node({blocks.back().cid}));
  const ipld::Cid root = blocks.back().cid;
  import_whole(make_car({root}, blocks));
  ASSERT_TRUE(store_->pin(root, {}).has_value());
  EXPECT_EQ(store_->dag_stat({root}, {})->blocks, 20'001U);
  EXPECT_EQ(read_car(export_car({root})).blocks.size(), 20'001U);
  EXPECT_EQ(gc().blocks_freed, 0U);
}

// 2^60 paths lead through it.
TEST_F(CarTest, a_dag_that_repeats_itself_is_walked_once) {
  std::vector<Block> blocks{cbor_node({})};
  for (int i = 0; i < 60; ++i) {
    blocks.push_back(cbor_node({blocks.back().cid, blocks.back().cid}));
  }
  import_whole(make_car({blocks.back().cid}, blocks));
  EXPECT_EQ(read_car(export_car({blocks.back().cid})).blocks.size(), 61U);
}

TEST_F(CarTest, a_private_import_is_hidden) {
  const Block block = raw_block(random_bytes(1, 1000));
  CarImportOptions options;
  options.is_private = true;
  ASSERT_TRUE(import_car(make_car({block.cid}, {block}), options).has_value());
  EXPECT_TRUE(*store_->is_private(block.cid));
}

TEST_F(CarTest, gc_leaves_alone_what_an_import_brings_until_its_lease_ends) {
  const Block was_here = raw_block(random_bytes(1, 1000));
  const Block is_new = raw_block(random_bytes(2, 1000));
  const Block garbage = raw_block(random_bytes(3, 1000));
  for (const Block* block : {&was_here, &garbage}) {
    ASSERT_TRUE(store_->put(block->cid, block->data).has_value());
  }
  {
    const auto lease = store_->lease_new_blocks();
    ASSERT_TRUE(lease.has_value()) << lease.error().to_string();
    import_whole(make_car({}, {was_here, is_new}));
    gc();
    EXPECT_TRUE(*store_->has(was_here.cid));
    EXPECT_TRUE(*store_->has(is_new.cid));
    EXPECT_FALSE(*store_->has(garbage.cid));
  }
  gc();
  EXPECT_FALSE(*store_->has(was_here.cid));
  EXPECT_FALSE(*store_->has(is_new.cid));
}

TEST_F(CarTest, an_import_that_is_stopped_keeps_what_it_verified) {
  const ipld::Cid root = add_folder();
  const Bytes car = export_car({root});
  use_new_store();
  std::stop_source stop;
  CarImportOptions options;
  options.stop = stop.get_token();
  int pieces = 0;
  const ByteSource source = pieces_of(car, kMiB);
  const auto report = store_->import_car(
      [&](std::span<std::uint8_t> out) {
        if (++pieces == 3) stop.request_stop();
        return source(out);
      },
      options);
  EXPECT_ERRC(report, Errc::cancelled);
  expect_sound();
}

TEST_F(CarTest, imports_and_exports_go_side_by_side_with_gc) {
  const ipld::Cid root = add_folder();
  const Bytes car = export_car({root});
  std::vector<std::jthread> threads;
  for (std::uint64_t worker = 0; worker < 3; ++worker) {
    threads.emplace_back([&, worker] {
      for (std::uint64_t round = 0; round < 5; ++round) {
        const Block own = raw_block(random_bytes(100 * worker + round, 200'000));
        const auto lease = store_->lease_new_blocks();
        ASSERT_TRUE(import_car(make_car({own.cid}, {own})).has_value());
        ASSERT_TRUE(*store_->has(own.cid));
        Bytes out;
        ASSERT_TRUE(try_export({root}, {}, out).has_value());
        ASSERT_EQ(out, car);
      }
    });
  }
  threads.emplace_back([&] {
    for (int round = 0; round < 10; ++round) ASSERT_TRUE(store_->gc({}).has_value());
  });
  threads.clear();
  expect_sound();
}

}  // namespace
}  // namespace accel::blockstore::test
