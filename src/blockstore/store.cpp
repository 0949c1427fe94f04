// SPDX-License-Identifier: Apache-2.0
// The public calls, each handed to the part that does it.
#include "accel/blockstore/store.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include "accel/core/async/offload.hpp"
#include "block_reader.hpp"
#include "blocks.hpp"
#include "car_exporter.hpp"
#include "car_importer.hpp"
#include "collector.hpp"
#include "exporter.hpp"
#include "importer.hpp"
#include "kv.hpp"
#include "leases.hpp"
#include "opener.hpp"
#include "partial_impl.hpp"
#include "path_resolver.hpp"
#include "pins.hpp"
#include "quota.hpp"
#include "unixfs_reader.hpp"
#include "verifier.hpp"

namespace accel::blockstore {
namespace {

// A tenth of what others get, where they want it all: its one write holds up other writes.
constexpr int kGcNiceness = 10;

}  // namespace

class Store::Impl {
 public:
  explicit Impl(std::unique_ptr<StoreCore> parts) : core(std::move(parts)) {}

  ~Impl() { flush_uses(*core); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status check_writable() const {
    if (!core->options.read_only) return {};
    return fail(Errc::permission_denied, "The store in {} was opened for reading only.",
                core->layout.directory.string());
  }

  std::unique_ptr<StoreCore> core;
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options) {
  ACCEL_TRY(auto core, open_store(options));
  return std::unique_ptr<Store>(
      new Store(std::make_unique<Impl>(std::move(core))));  // tidy: raw-new: private constructor
}

Result<bool> Store::has(const ipld::Cid& cid) const {
  if (cid.is_identity()) return true;
  ACCEL_TRY(auto found,
            impl_->core->index->query([&](const Txn& txn) { return has_block(txn, cid.hash()); }));
  return found;
}

Result<Bytes> Store::get(const ipld::Cid& cid) const { return read_block(*impl_->core, cid); }

std::shared_ptr<const Bytes> Store::cached_public(const ipld::Cid& cid) const {
  return cached_public_block(*impl_->core, cid);
}

Result<std::uint64_t> Store::size_of(const ipld::Cid& cid) const {
  return block_size(*impl_->core, cid);
}

Result<BlockPlace> Store::locate(const ipld::Cid& cid) const {
  return locate_block(*impl_->core, cid);
}

Status Store::put(const ipld::Cid& cid, ByteView block, const PutOptions& options) {
  return put_all({{cid, block}}, options);
}

Status Store::put_all(const BlockList& blocks, const PutOptions& options) {
  ACCEL_CHECK(impl_->check_writable());
  return put_blocks(*impl_->core, blocks, options);
}

Result<CarImportReport> Store::import_car(const ByteSource& source,
                                          const CarImportOptions& options) {
  ACCEL_CHECK(impl_->check_writable());
  return CarImporter(*impl_->core, options).run(source);
}

Result<CarExportReport> Store::export_car(const std::vector<ipld::Cid>& roots,
                                          const CarTarget& target,
                                          const CarExportOptions& options) const {
  return CarExporter(*impl_->core, options).run(roots, target);
}

Result<DagStat> Store::dag_stat(const std::vector<ipld::Cid>& roots,
                                const std::stop_token& stop) const {
  return count_dag(*impl_->core, roots, stop);
}

Result<AddedRoot> Store::add(const std::filesystem::path& path, const AddOptions& options) {
  if (!options.only_hash) ACCEL_CHECK(impl_->check_writable());
  return Importer(*impl_->core, options).run(path);
}

Result<std::unique_ptr<PartialFile>> Store::begin_file(const ipld::Cid& root,
                                                       std::uint64_t file_bytes,
                                                       std::vector<LeafSlot> slots,
                                                       const PutOptions& options) {
  ACCEL_CHECK(impl_->check_writable());
  const auto whole = file_of(root);
  if (whole && whole->has_value()) {
    return fail(Errc::already_exists, "The file {} is in the store already.", root);
  }
  PartialRequest request{root, file_bytes, std::move(slots), options.is_private, options.stop};
  request.in_part = options.in_part;
  ACCEL_TRY(auto impl, PartialFile::Impl::open(*impl_->core, std::move(request)));
  return std::make_unique<PartialFile>(std::move(impl));
}

Result<std::optional<std::filesystem::path>> Store::file_of(const ipld::Cid& root) const {
  return path_of_file(*impl_->core, root);
}

Result<std::filesystem::path> Store::ensure_file(const ipld::Cid& root,
                                                 const std::stop_token& stop) {
  const auto before = file_of(root);
  if (before && before->has_value()) return **before;
  ACCEL_CHECK(impl_->check_writable());
  // One at a time for a root in all processes: who comes second finds what the first one wrote.
  ACCEL_TRY(OwnLock turn, wait_for_own_lock(impl_->core->layout.part_lock(root), stop));
  if (const auto now = file_of(root); now && now->has_value()) return **now;
  ACCEL_TRY(const Lease held, lease(root));
  ACCEL_TRY(const bool hidden, is_private(root));
  ACCEL_TRY(PartialRequest request, plan_file(*impl_->core, root));
  request.is_private = hidden;
  request.stop = stop;
  request.lock = std::move(turn);
  ACCEL_TRY(const auto file, PartialFile::Impl::open(*impl_->core, std::move(request)));
  if (const Status whole = file->commit(); !whole && whole.error().code == Errc::unavailable) {
    return fail(Error{Errc::corrupt,
                      fmt::format("The file {} is damaged in the store. What is missing comes back "
                                  "with `ipfs-accelerate pull {} --from URL`.",
                                  root, root),
                      whole.error().message});
  } else if (!whole) {
    return fail(whole.error());
  }
  ACCEL_TRY(const auto path, file_of(root));
  if (!path) return fail(Errc::corrupt, "The file {} was damaged as soon as it was written.", root);
  return *path;
}

Status Store::read(const ipld::Cid& root, std::uint64_t offset, std::uint64_t length,
                   const Sink& sink) const {
  return read_file_range(*impl_->core, root, offset, length, sink);
}

Result<std::uint64_t> Store::file_size(const ipld::Cid& root) const {
  return file_size_of(*impl_->core, root);
}

Result<std::vector<DirEntry>> Store::list(const ipld::Cid& directory) const {
  return list_folder(*impl_->core, directory);
}

Status Store::each_entry(const ipld::Cid& directory, const OnEntry& on_entry) const {
  return blockstore::each_entry(*impl_->core, directory, on_entry);
}

Result<ipld::Cid> Store::resolve(const ipld::Cid& root, std::string_view path) const {
  return blockstore::resolve_path(*impl_->core, root, path);
}

Result<ResolvedPath> Store::resolve_path(const ipld::Cid& root,
                                         const std::vector<std::string>& segments) const {
  return resolve_segments(*impl_->core, root, segments);
}

Status Store::export_to(const ipld::Cid& root, const std::filesystem::path& out,
                        const ExportOptions& options) const {
  return Exporter(*impl_->core, options).run(root, out);
}

Status Store::pin(const ipld::Cid& root, const PinOptions& options) {
  ACCEL_CHECK(impl_->check_writable());
  return pin_root(*impl_->core, root, options);
}

Status Store::unpin(const ipld::Cid& root) {
  ACCEL_CHECK(impl_->check_writable());
  return unpin_root(*impl_->core, root);
}

Status Store::update_pin(const ipld::Cid& from, const ipld::Cid& to, bool keep_old) {
  ACCEL_CHECK(impl_->check_writable());
  return move_pin(*impl_->core, from, to, keep_old);
}

Result<std::vector<PinCheck>> Store::check_pins(const std::stop_token& stop) const {
  return check_all_pins(*impl_->core, stop);
}

Result<bool> Store::unpin_named(const ipld::Cid& root, std::string_view name) {
  ACCEL_CHECK(impl_->check_writable());
  return unpin_root_named(*impl_->core, root, name);
}

Result<std::optional<PinInfo>> Store::pin_of(const ipld::Cid& root) const {
  return find_pin(*impl_->core, root);
}

Result<std::vector<PinInfo>> Store::pins() const { return list_pins(*impl_->core); }

Result<bool> Store::is_private(const ipld::Cid& cid) const {
  bool hidden = false;
  const Status looked = impl_->core->index->read([&](const Txn& txn) -> Status {
    ACCEL_TRY(const auto found, txn.get(Table::hidden, cid.hash().bytes()));
    hidden = found.has_value();
    return {};
  });
  ACCEL_CHECK(looked);
  return hidden;
}

Result<Lease> Store::lease(const ipld::Cid& root) const { return take_lease(*impl_->core, root); }

Result<Lease> Store::lease_new_blocks() const { return take_new_blocks_lease(*impl_->core); }

// On a thread of its own, which gives way to those that read meanwhile.
Result<GcReport> Store::gc(const GcOptions& options) {
  ACCEL_CHECK(impl_->check_writable());
  const auto job = [this, &options](std::stop_token) {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kGcNiceness);  // Of this thread.
    return Collector(*impl_->core, options).run();
  };
  OffloadPool own(1, 1, "gc");
  return own.submit(job);
}

Result<UsageReport> Store::usage() const { return measure_usage(*impl_->core); }

CacheReport Store::cache_report() const { return impl_->core->cache->report(); }

Result<VerifyReport> Store::verify(const VerifyOptions& options) const {
  return Verifier(*impl_->core, options).run();
}

Result<std::optional<std::string>> Store::kv_get(std::string_view space,
                                                 std::string_view key) const {
  return read_kv(*impl_->core->index, space, key);
}

Status Store::kv_put(std::string_view space, std::string_view key, std::string_view value) {
  return write_kv(*impl_->core->index, space, key, value, false);
}

Status Store::kv_put_new(std::string_view space, std::string_view key, std::string_view value) {
  return write_kv(*impl_->core->index, space, key, value, true);
}

Status Store::kv_apply(const std::vector<KvChange>& changes) {
  return apply_kv(*impl_->core->index, changes);
}

Status Store::kv_erase(std::string_view space, std::string_view key) {
  return erase_kv(*impl_->core->index, space, key);
}

Result<std::vector<std::pair<std::string, std::string>>> Store::kv_list(
    std::string_view space) const {
  return list_kv(*impl_->core->index, space);
}

}  // namespace accel::blockstore
