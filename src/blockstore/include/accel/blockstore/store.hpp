// SPDX-License-Identifier: Apache-2.0
#pragma once
// The file-shaped store: where blocks live. A file that was added or fetched lies once, as a file;
// its blocks are slices of it; small blocks lie in packs; an LMDB index maps multihash to places.
// Used by exchange, gateway and node.
//
// Threads: every call is safe from any thread; all of them block (callers use an OffloadPool).
// Processes: any number may have a store on the same directory; each opens it once. A forked child
// must not use its parent's Store. Ownership: closes everything on destruction; PartialFiles must
// be gone by then. Format, durability order and locks: docs/formats/store.md.
//
// What gc may free is everything that no pin, lease or partial file reaches. A caller that puts
// blocks one by one holds a lease() on their root until it has pinned it.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/blockstore/car.hpp"
#include "accel/blockstore/lease.hpp"
#include "accel/blockstore/options.hpp"
#include "accel/blockstore/partial_file.hpp"
#include "accel/blockstore/reports.hpp"
#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::blockstore {

inline constexpr int kStoreVersion = 2;
inline constexpr int kOldestStoreVersion = 1;  // Migrated when it is opened for writing.
inline constexpr std::size_t kMaxKvKeyBytes = 400;
inline constexpr std::size_t kMaxKvSpaceBytes = 64;
inline constexpr std::size_t kMaxKvValueBytes = 1U << 20U;

struct KvChange {
  std::string space;
  std::string key;
  std::optional<std::string> value;  // Nothing: it is erased.
};

class Store {
 public:
  // Errors: unsupported (made by a newer version: nothing is touched), permission_denied,
  // already_exists (this process has it open), corrupt, resource_exhausted, io.
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Blocks. Identity CIDs are always there. Common errors: not_found; corrupt (its bytes on disk
  // are not what the CID names, or a referenced file was changed: the message names the file and
  // what to do); unavailable (a referenced file is gone).
  Result<bool> has(const ipld::Cid& cid) const;
  Result<Bytes> get(const ipld::Cid& cid) const;
  // The block if it lies in memory and may be served: in the store at this moment, not private, and
  // not only in a referenced file. Opens and hashes nothing, waits for nothing: fit for an I/O
  // thread. nullptr: ask locate() or get(), which puts small blocks there, after each write anew.
  std::shared_ptr<const Bytes> cached_public(const ipld::Cid& cid) const;
  Result<std::uint64_t> size_of(const ipld::Cid& cid) const;
  // Errors: unsupported (no slice that may be sent unhashed: use get()), not_found, corrupt.
  Result<BlockPlace> locate(const ipld::Cid& cid) const;
  // Verifies and stores; storing again is no error. Durable on return.
  // Errors: corrupt, resource_exhausted, permission_denied, io.
  Status put(const ipld::Cid& cid, ByteView block, const PutOptions& options = {});
  // The same for several at the price of one sync; all or nothing.
  using BlockList = std::vector<std::pair<ipld::Cid, ByteView>>;
  Status put_all(const BlockList& blocks, const PutOptions& options = {});

  // Archives (CAR version 1 and 2). import_car() verifies each block and stores it in batches, each
  // durable; what came before an error stays. Hold a lease_new_blocks() until the roots are pinned.
  // Errors: corrupt (the message names the block and its place in the archive), unsupported,
  // resource_exhausted, cancelled, the source's.
  Result<CarImportReport> import_car(const ByteSource& source, const CarImportOptions& options);
  // Writes what the roots reach, depth first, each block once, blocks of packs and referenced files
  // hashed. Errors: not_found (names the block that is missing), corrupt, cancelled, io, the
  // sink's.
  Result<CarExportReport> export_car(const std::vector<ipld::Cid>& roots, const CarTarget& target,
                                     const CarExportOptions& options) const;
  // Counts what a root reaches. Errors: not_found (names the block that is missing), corrupt.
  Result<DagStat> dag_stat(const std::vector<ipld::Cid>& roots, const std::stop_token& stop) const;

  // Adds a file, folder or symbolic link and pins its root: all or nothing.
  // Errors: not_found, permission_denied, invalid_argument (a profile that check_profile()
  // refuses), unsupported (a socket, device or pipe), unavailable (a file changed while it was
  // read), cancelled, resource_exhausted.
  Result<AddedRoot> add(const std::filesystem::path& path, const AddOptions& options);

  // Takes up or starts the fetch of a file; copies what the store has of it already. The slots are
  // all leaves in file order. Errors: unavailable (somebody fetches it now), invalid_argument
  // (slots that leave gaps), already_exists (it is here: file_of()), resource_exhausted (no room on
  // disk), cancelled (what was copied stays for the next call).
  Result<std::unique_ptr<PartialFile>> begin_file(const ipld::Cid& root, std::uint64_t file_bytes,
                                                  std::vector<LeafSlot> slots,
                                                  const PutOptions& options = {});

  // The read-only file with these contents, if the root is stored (or referenced, and unchanged) as
  // one. The path stays valid while a pin or lease holds the root. Errors: corrupt, unavailable.
  Result<std::optional<std::filesystem::path>> file_of(const ipld::Cid& root) const;
  // The same, and writes such a file when the blocks lie in packs; waits while another call, or a
  // fetch, works on the same file. Errors: as read(); cancelled.
  Result<std::filesystem::path> ensure_file(const ipld::Cid& root,
                                            const std::stop_token& stop = {});

  // Reading UnixFS. Errors: not_found, corrupt, unsupported (other codecs), invalid_argument (a
  // folder where a file is meant, or the reverse; a range that starts beyond the end), and the
  // sink's own.
  using Sink = std::function<Status(ByteView)>;
  Status read(const ipld::Cid& root, std::uint64_t offset, std::uint64_t length,
              const Sink& sink) const;
  Result<std::uint64_t> file_size(const ipld::Cid& root) const;
  // By name. Errors: also resource_exhausted (more than kMaxListedEntries).
  Result<std::vector<DirEntry>> list(const ipld::Cid& directory) const;
  // Every entry as it stands, a sharded directory's by the hashes of the names; memory does not
  // grow with their number. An error of on_entry ends it and is returned.
  using OnEntry = std::function<Status(const ipld::DirectoryEntry&)>;
  Status each_entry(const ipld::Cid& directory, const OnEntry& on_entry) const;
  Result<ipld::Cid> resolve(const ipld::Cid& root, std::string_view path) const;
  // Follows decoded names through UnixFS folders and through the values of dag-cbor, dag-json and
  // other dag-pb, and says which blocks it passed. The block at the end need not be here.
  // Errors: not_found (a block, or no such name; also a name below a file), corrupt, unsupported.
  Result<ResolvedPath> resolve_path(const ipld::Cid& root,
                                    const std::vector<std::string>& segments) const;
  // Writes a file or folder; never outside of `out`, whose parent must exist.
  // Errors: as read(); already_exists (without overwrite), permission_denied (a link that leads
  // out).
  Status export_to(const ipld::Cid& root, const std::filesystem::path& out,
                   const ExportOptions& options) const;

  // Roots. pin() keeps the whole DAG, which must be here, or (direct) one block. Errors: not_found
  // (names what is missing), already_exists (direct, of what is pinned with all below it).
  Status pin(const ipld::Cid& root, const PinOptions& options);
  Status unpin(const ipld::Cid& root);
  // Only while the pin has this name; whether it had.
  Result<bool> unpin_named(const ipld::Cid& root, std::string_view name);
  // Moves a pin, with its name and privacy, in one step; keep_old leaves the old one as well.
  // Errors: not_found (not pinned, or names what is missing below `to`), invalid_argument (direct).
  Status update_pin(const ipld::Cid& from, const ipld::Cid& to, bool keep_old);
  Result<std::vector<PinInfo>> pins() const;
  Result<std::optional<PinInfo>> pin_of(const ipld::Cid& root) const;
  // Walks what each pin keeps; nodes are hashed, leaves are looked up.
  Result<std::vector<PinCheck>> check_pins(const std::stop_token& stop) const;
  // Whether the block was ever reached by a private pin and is reached by no public one: such a
  // block is never served. Errs on the private side; unpinning does not make it public.
  Result<bool> is_private(const ipld::Cid& cid) const;
  // Also for a root that is not here yet. Errors: permission_denied, io.
  Result<Lease> lease(const ipld::Cid& root) const;
  // Keeps everything that is put from now on, by whomever, and what import_car() found here.
  Result<Lease> lease_new_blocks() const;
  // Errors: unavailable (another gc runs), cancelled.
  Result<GcReport> gc(const GcOptions& options);
  Result<UsageReport> usage() const;
  CacheReport cache_report() const;  // Of the memory above the disk, since the store was opened.
  // Hashes blocks and checks that pins are whole; what is wrong stands in the report.
  Result<VerifyReport> verify(const VerifyOptions& options) const;

  // Small values in the same index (names, remembered choices). Errors: invalid_argument (too
  // long).
  Result<std::optional<std::string>> kv_get(std::string_view space, std::string_view key) const;
  Status kv_put(std::string_view space, std::string_view key, std::string_view value);
  // Errors: already_exists (the message shows the value that is there).
  Status kv_put_new(std::string_view space, std::string_view key, std::string_view value);
  Status kv_erase(std::string_view space, std::string_view key);  // Absent is no error.
  Status kv_apply(const std::vector<KvChange>& changes);          // All or none, in one commit.
  Result<std::vector<std::pair<std::string, std::string>>> kv_list(std::string_view space) const;

  class Impl;

 private:
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::blockstore
