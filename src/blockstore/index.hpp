// SPDX-License-Identifier: Apache-2.0
#pragma once
// The LMDB environment of the store with errors as values: typed tables, closures as transactions,
// growth of the map, several processes, recovery from a disk that was full. Private to blockstore.
//
// Threads: read() and write() from any thread; one write at a time over all processes. Never nested
// on one thread (internal error). A write closure may run twice (the map grew): it must start over.
// Ownership: one Index per folder and process (POSIX locks are per process), checked at open().
// Spec: docs/formats/store.md, "Index"; LMDB 0.9.24.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <type_traits>

#include "accel/core/bytes.hpp"

struct MDB_env;
struct MDB_txn;

namespace accel::blockstore {

enum class Table : std::uint8_t {
  meta,    // Name -> number or text.
  blocks,  // Multihash -> places (several values).
  files,   // File id -> FileRecord.
  roots,   // CIDv1 of a whole file -> file ids (several values).
  packs,   // Pack id -> end of its records.
  pins,    // CIDv1 -> PinRecord.
  kv,      // Space NUL key -> value.
  hidden,  // Multihash -> nothing: blocks that must not be served.
};
inline constexpr std::size_t kTables = 8;

// A transaction. Views that it returns live until the next change or the end of the closure.
class Txn {
 public:
  Result<std::optional<ByteView>> get(Table table, ByteView key) const;
  Status put(Table table, ByteView key, ByteView value);
  // False when the key is there already; nothing is changed then. For tables of single values.
  Result<bool> put_new(Table table, ByteView key, ByteView value);
  Status erase(Table table, ByteView key);                        // All values; absent is no error.
  Status erase_value(Table table, ByteView key, ByteView value);  // One of several.
  Result<std::uint64_t> count(Table table) const;                 // Values.

  // Calls visit for each pair from the first key >= from, until it says false. visit must not
  // change the table.
  using Visit = std::function<Result<bool>(ByteView key, ByteView value)>;
  Status each(Table table, ByteView from, const Visit& visit) const;
  // Calls visit for the values of one key.
  Status each_value(Table table, ByteView key,
                    const std::function<Result<bool>(ByteView)>& visit) const;

  std::uint64_t id() const;  // Grows with every committed write.

 private:
  friend class Index;
  Txn(class Index& index, MDB_txn* txn) : index_(index), txn_(txn) {}
  tl::unexpected<Error> failed(int code, std::string_view what) const;

  Index& index_;
  MDB_txn* txn_;
  mutable bool map_full_ = false;
};

// Whether another process has the index of this folder open. Not for a folder that this process has
// open: asking would drop its locks.
bool is_index_in_use(const std::filesystem::path& directory);

// Makes an empty index whole at once: written to `unfinished` (same file system), synced, renamed.
// LMDB by itself syncs its first pages after later ones: a loss of power in between would leave a
// file that it refuses. Does nothing to an index that is there. Errors: permission_denied, io.
Status make_index(const std::filesystem::path& directory, const std::filesystem::path& unfinished);

struct IndexOptions {
  std::filesystem::path directory;  // Must exist.
  std::uint64_t map_size = 0;
  bool read_only = false;
};

class Index {
 public:
  // Errors: already_exists (open in this process), corrupt, permission_denied, io.
  static Result<std::unique_ptr<Index>> open(const IndexOptions& options);
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  Status read(const std::function<Status(const Txn&)>& body);
  // The same for a body that gives a Result.
  template <class F>
  std::invoke_result_t<F&, const Txn&> query(F body) {
    std::optional<std::invoke_result_t<F&, const Txn&>> result;
    Status done = read([&](const Txn& txn) -> Status {
      result.emplace(body(txn));
      return {};
    });
    if (!done) return fail(std::move(done).error());
    return *std::move(result);
  }
  // The number of the last write, of whichever process; without a transaction and
  // without waiting. Nothing: not to be had now.
  std::optional<std::uint64_t> last_write();
  // Commits when body succeeds; durable on return. Errors: body's; resource_exhausted (disk full).
  Status write(const std::function<Status(Txn&)>& body);
  // Returns once no write of any process that runs now is under way.
  Status barrier();
  // Writes a copy that holds one moment, and syncs it. Errors: as open_file, io.
  Status copy_to(const std::filesystem::path& file);
  // Frees the slots of readers that died, so that their pages can be used again.
  Status clear_stale_readers();

 private:
  friend class Txn;
  explicit Index(IndexOptions options) : options_(std::move(options)) {}
  Status open_environment();
  void close_environment();
  Status clear_readers();  // With map_mutex_ held, or alone.
  Status reopen(std::uint64_t broken);
  Status reopen_locked();
  Status open_tables();
  Result<MDB_txn*> begin(bool writing, std::shared_lock<std::shared_mutex>& lock);
  Status open_tables_in(MDB_txn* txn);
  Status write_once(const std::function<Status(Txn&)>& body, std::uint64_t& full_at);
  Status grow(std::uint64_t at_least);

  IndexOptions options_;
  // Transactions hold it shared; exclusive while the map is resized or the environment reopened.
  std::shared_mutex map_mutex_;
  MDB_env* env_ = nullptr;  // Null after an attempt to reopen it that failed: the next one tries.
  unsigned handles_[kTables] = {};
  std::uint64_t opened_ = 0;  // How often env_ was opened.
  bool registered_ = false;
};

}  // namespace accel::blockstore
