// SPDX-License-Identifier: Apache-2.0
// A process of its own for the store's tests: store_child COMMAND STORE [ARGUMENTS].
// With ACCEL_DIE_AT=n it kills itself before the n-th step that the store announces, as kill -9
// would. Exit status: 0, or the Errc's exit
// code.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

using Arguments = std::vector<std::string>;

std::function<void(std::string_view)> death() {
  const char* const at = std::getenv("ACCEL_DIE_AT");
  if (at == nullptr) return {};
  return [left = std::strtol(at, nullptr, 10)](std::string_view) mutable {
    if (--left == 0) ::raise(SIGKILL);
  };
}

Status fill_kv(Store& store, const Arguments& arguments) {
  const int count = std::stoi(arguments.at(0));
  for (int i = 0; i < count; ++i) {
    ACCEL_CHECK(store.kv_put("test", fmt::format("key {}", i), std::string(100'000, 'v')));
  }
  return {};
}

Status add(Store& store, const Arguments& arguments) {
  ACCEL_TRY(const AddedRoot added, store.add(arguments.at(0), {}));
  std::printf("%s\n", added.cid.to_string().c_str());
  return {};
}

// Fetches the file that random_bytes(seed, size) makes, from nowhere but memory.
Status pull(Store& store, const Arguments& arguments) {
  const Bytes bytes = random_bytes(std::stoull(arguments.at(0)), std::stoull(arguments.at(1)));
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), bytes);
  ACCEL_TRY(const Lease lease, store.lease(dag.root));
  for (const auto& [cid, block] : dag.nodes) ACCEL_CHECK(store.put(cid, block));
  const auto file = store.begin_file(dag.root, bytes.size(), dag.slots);
  if (!file && file.error().code == Errc::already_exists) return store.pin(dag.root, {});
  if (!file) return fail(file.error());
  for (const std::size_t i : (*file)->missing()) {
    ACCEL_CHECK((*file)->write_leaf(i, dag.leaves[i]));
  }
  ACCEL_CHECK((*file)->commit());
  return store.pin(dag.root, {});
}

Status import(Store& store, const Arguments& arguments) {
  ACCEL_TRY(const Bytes car, read_file(arguments.at(0), 1ULL << 32U));
  ACCEL_TRY(const Lease lease, store.lease_new_blocks());
  ACCEL_TRY(const CarImportReport report, store.import_car(pieces_of(car), {}));
  for (const ipld::Cid& root : report.roots) ACCEL_CHECK(store.pin(root, {}));
  return {};
}

Status collect(Store& store, const Arguments&) {
  ACCEL_TRY(const GcReport report, store.gc({}));
  static_cast<void>(report);
  return {};
}

// Adds, reads, unpins and collects files of its own, again and again.
Status churn(Store& store, const Arguments& arguments) {
  const std::string folder = arguments.at(0);
  const auto seed = std::stoull(arguments.at(1));
  const int rounds = std::stoi(arguments.at(2));
  for (int i = 0; i < rounds; ++i) {
    const Bytes bytes = random_bytes(seed + static_cast<std::uint64_t>(i % 3), 300'000);
    const std::string path = fmt::format("{}/{}-{}", folder, ::getpid(), i);
    write_bytes(path, bytes);
    ACCEL_TRY(const AddedRoot added, store.add(path, {}));
    Bytes back;
    ACCEL_CHECK(store.read(added.cid, 0, UINT64_MAX, [&](ByteView part) -> Status {
      back.insert(back.end(), part.begin(), part.end());
      return {};
    }));
    if (back != bytes) return fail(Errc::corrupt, "Read other bytes than were added.");
    ACCEL_CHECK(store.unpin(added.cid));
    const auto collected = store.gc({});
    if (!collected && collected.error().code != Errc::unavailable) {
      return fail(collected.error());
    }
  }
  return {};
}

int run(const Arguments& arguments) {
  const std::map<std::string, Status (*)(Store&, const Arguments&)> commands = {
      {"fill-kv", &fill_kv}, {"add", &add},     {"pull", &pull},
      {"gc", &collect},      {"churn", &churn}, {"import", &import}};
  StoreOptions options;
  options.directory = arguments.at(1);
  options.map_size = kMiB;
  options.hash_threads = 1;
  options.on_step = death();
  const auto store = Store::open(options);
  const Status done =
      store ? commands.at(arguments.at(0))(**store, {arguments.begin() + 2, arguments.end()})
            : Status(tl::unexpected<Error>(store.error()));
  if (done) return 0;
  std::fprintf(stderr, "store_child: %s\n", done.error().to_string().c_str());
  return errc_exit_code(done.error().code);
}

}  // namespace
}  // namespace accel::blockstore::test

int main(int argc, char** argv) { return accel::blockstore::test::run({argv + 1, argv + argc}); }
