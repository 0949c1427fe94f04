// SPDX-License-Identifier: Apache-2.0
#include "index.hpp"

#include <fcntl.h>
#include <lmdb.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <mutex>
#include <set>

#include "accel/core/file.hpp"

namespace accel::blockstore {
namespace {

constexpr unsigned kMaxReaders = 1024;  // Reads at one time, over all processes.
constexpr std::uint64_t kMaxMapBytes = 1ULL
                                       << 40U;  // 1 TiB of index: beyond any disk it describes.
constexpr int kMaxBeginTries = 16;              // Of a begin that meets another process's growth.

struct TableInfo {
  const char* name;
  unsigned flags;
};
constexpr TableInfo kTableInfo[kTables] = {{"meta", 0},  {"blocks", MDB_DUPSORT | MDB_DUPFIXED},
                                           {"files", 0}, {"roots", MDB_DUPSORT | MDB_DUPFIXED},
                                           {"packs", 0}, {"pins", 0},
                                           {"kv", 0},    {"hidden", 0}};

// LMDB forbids to open an environment twice in one process (closing either drops the process's file
// locks), so the process must know its environments: the only global state of this module.
struct OpenFolders {
  std::mutex mutex;
  std::set<std::pair<pid_t, std::string>> names;  // By process: a forked child has opened none.
};
OpenFolders& open_folders() {
  static OpenFolders folders;
  return folders;
}

thread_local bool inside_transaction = false;

class InsideTransaction {
 public:
  InsideTransaction() : outer_(inside_transaction) { inside_transaction = true; }
  ~InsideTransaction() { inside_transaction = outer_; }
  InsideTransaction(const InsideTransaction&) = delete;
  InsideTransaction& operator=(const InsideTransaction&) = delete;
  bool nested() const { return outer_; }

 private:
  bool outer_;
};

MDB_val to_val(ByteView bytes) { return {bytes.size(), const_cast<std::uint8_t*>(bytes.data())}; }

ByteView to_view(const MDB_val& value) {
  return {static_cast<const std::uint8_t*>(value.mv_data), value.mv_size};
}

Errc errc_from_mdb(int code) {
  switch (code) {
    case MDB_NOTFOUND:
      return Errc::not_found;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_PANIC:
      return Errc::corrupt;
    case MDB_VERSION_MISMATCH:
      return Errc::unsupported;
    case MDB_MAP_FULL:
    case MDB_READERS_FULL:
    case MDB_TXN_FULL:
      return Errc::resource_exhausted;
    case MDB_BAD_VALSIZE:
      return Errc::invalid_argument;
    default:
      return code > 0 ? errc_from_errno(code) : Errc::internal;
  }
}

tl::unexpected<Error> fail_mdb(int code, std::string_view what, const std::string& folder) {
  const std::string_view advice =
      errc_from_mdb(code) == Errc::corrupt
          ? " Run `ipfs-accelerate doctor`; the files themselves may be whole."
          : "";
  Error error{errc_from_mdb(code),
              fmt::format("Cannot {} the index in {}.{}", what, folder, advice),
              ::mdb_strerror(code)};
  return fail(std::move(error));
}

}  // namespace

tl::unexpected<Error> Txn::failed(int code, std::string_view what) const {
  if (code == MDB_MAP_FULL) map_full_ = true;
  return fail_mdb(code, what, index_.options_.directory.string());
}

Result<std::optional<ByteView>> Txn::get(Table table, ByteView key) const {
  MDB_val name = to_val(key);
  MDB_val value{};
  const int code = ::mdb_get(txn_, index_.handles_[static_cast<std::size_t>(table)], &name, &value);
  if (code == MDB_NOTFOUND) return std::optional<ByteView>{};
  if (code != 0) return failed(code, "read");
  return std::optional<ByteView>(to_view(value));
}

Status Txn::put(Table table, ByteView key, ByteView value) {
  MDB_val name = to_val(key);
  MDB_val data = to_val(value);
  const int code =
      ::mdb_put(txn_, index_.handles_[static_cast<std::size_t>(table)], &name, &data, 0);
  if (code != 0) return failed(code, "write to");
  return {};
}

Result<bool> Txn::put_new(Table table, ByteView key, ByteView value) {
  MDB_val name = to_val(key);
  MDB_val data = to_val(value);
  const int code = ::mdb_put(txn_, index_.handles_[static_cast<std::size_t>(table)], &name, &data,
                             MDB_NOOVERWRITE);
  if (code == MDB_KEYEXIST) return false;
  if (code != 0) return failed(code, "write to");
  return true;
}

Status Txn::erase(Table table, ByteView key) {
  MDB_val name = to_val(key);
  const int code =
      ::mdb_del(txn_, index_.handles_[static_cast<std::size_t>(table)], &name, nullptr);
  if (code != 0 && code != MDB_NOTFOUND) return failed(code, "erase from");
  return {};
}

Status Txn::erase_value(Table table, ByteView key, ByteView value) {
  MDB_val name = to_val(key);
  MDB_val data = to_val(value);
  const int code = ::mdb_del(txn_, index_.handles_[static_cast<std::size_t>(table)], &name, &data);
  if (code != 0 && code != MDB_NOTFOUND) return failed(code, "erase from");
  return {};
}

Result<std::uint64_t> Txn::count(Table table) const {
  MDB_stat stat{};
  const int code = ::mdb_stat(txn_, index_.handles_[static_cast<std::size_t>(table)], &stat);
  if (code != 0) return failed(code, "read");
  return static_cast<std::uint64_t>(stat.ms_entries);
}

Status Txn::each(Table table, ByteView from, const Visit& visit) const {
  MDB_cursor* raw = nullptr;
  int code = ::mdb_cursor_open(txn_, index_.handles_[static_cast<std::size_t>(table)], &raw);
  if (code != 0) return failed(code, "read");
  const std::unique_ptr<MDB_cursor, decltype(&::mdb_cursor_close)> cursor(raw, &::mdb_cursor_close);
  MDB_val key = to_val(from);
  MDB_val value{};
  code = ::mdb_cursor_get(raw, &key, &value, from.empty() ? MDB_FIRST : MDB_SET_RANGE);
  while (code == 0) {
    ACCEL_TRY(const bool more, visit(to_view(key), to_view(value)));
    if (!more) return {};
    code = ::mdb_cursor_get(raw, &key, &value, MDB_NEXT);
  }
  if (code != MDB_NOTFOUND) return failed(code, "read");
  return {};
}

Status Txn::each_value(Table table, ByteView key,
                       const std::function<Result<bool>(ByteView)>& visit) const {
  MDB_cursor* raw = nullptr;
  int code = ::mdb_cursor_open(txn_, index_.handles_[static_cast<std::size_t>(table)], &raw);
  if (code != 0) return failed(code, "read");
  const std::unique_ptr<MDB_cursor, decltype(&::mdb_cursor_close)> cursor(raw, &::mdb_cursor_close);
  MDB_val name = to_val(key);
  MDB_val value{};
  code = ::mdb_cursor_get(raw, &name, &value, MDB_SET_KEY);
  while (code == 0) {
    ACCEL_TRY(const bool more, visit(to_view(value)));
    if (!more) return {};
    code = ::mdb_cursor_get(raw, &name, &value, MDB_NEXT_DUP);
  }
  if (code != MDB_NOTFOUND) return failed(code, "read");
  return {};
}

std::uint64_t Txn::id() const { return static_cast<std::uint64_t>(::mdb_txn_id(txn_)); }

Status make_index(const std::filesystem::path& directory, const std::filesystem::path& unfinished) {
  const std::filesystem::path file = directory / "data.mdb";
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(file, error);
  if (!error && bytes > 0) return sync_directory(directory);
  std::filesystem::remove(unfinished, error);
  MDB_env* env = nullptr;
  if (const int code = ::mdb_env_create(&env); code != 0) {
    return fail_mdb(code, "make", directory.string());
  }
  int code = ::mdb_env_open(env, unfinished.c_str(), MDB_NOSUBDIR | MDB_NOLOCK, 0600);
  if (code == 0) code = ::mdb_env_sync(env, 1);
  ::mdb_env_close(env);
  if (code != 0) return fail_mdb(code, "make", directory.string());
  if (::rename(unfinished.c_str(), file.c_str()) != 0) {
    return fail_errno(errc_from_errno(errno), errno,
                      fmt::format("Cannot make the index {}.", file.string()));
  }
  return sync_directory(directory);
}

Result<std::unique_ptr<Index>> Index::open(const IndexOptions& options) {
  std::unique_ptr<Index> index(new Index(options));  // tidy: raw-new: private constructor
  {
    OpenFolders& folders = open_folders();
    const std::scoped_lock lock(folders.mutex);
    std::error_code ignored;  // A folder that cannot be resolved fails to open below.
    index->options_.directory = std::filesystem::weakly_canonical(options.directory, ignored);
    if (index->options_.directory.empty()) index->options_.directory = options.directory;
    if (!folders.names.emplace(::getpid(), index->options_.directory.string()).second) {
      return fail(Errc::already_exists, "This process has the store of {} open already.",
                  options.directory.string());
    }
    index->registered_ = true;
  }
  ACCEL_CHECK(index->open_environment());
  ACCEL_CHECK(index->open_tables());
  return index;
}

Index::~Index() {
  close_environment();
  if (!registered_) return;
  OpenFolders& folders = open_folders();
  const std::scoped_lock lock(folders.mutex);
  folders.names.erase({::getpid(), options_.directory.string()});
}

void Index::close_environment() {
  if (env_ != nullptr) ::mdb_env_close(env_);
  env_ = nullptr;
}

Status Index::open_environment() {
  const std::string folder = options_.directory.string();
  const auto attempt = [&](unsigned flags) -> int {
    close_environment();
    if (const int code = ::mdb_env_create(&env_); code != 0) return code;
    ::mdb_env_set_maxdbs(env_, kTables);
    ::mdb_env_set_maxreaders(env_, kMaxReaders);
    ::mdb_env_set_mapsize(env_, options_.map_size);
    return ::mdb_env_open(env_, folder.c_str(), flags, 0600);
  };
  // NOTLS: a reader's slot belongs to its transaction, so threads of a pool need no care.
  const unsigned flags = MDB_NOTLS | (options_.read_only ? MDB_RDONLY : 0U);
  int code = attempt(flags);
  // Somebody else's home: its lock file cannot be written. Nobody writes there in our name, so
  // reading without locks is safe unless its owner writes at this moment.
  if (options_.read_only && code == EACCES) code = attempt(flags | MDB_NOLOCK);
  if (code != 0) {
    close_environment();
    return fail_mdb(code, "open", folder);
  }
  ++opened_;
  return clear_readers();
}

Status Index::open_tables() {
  std::shared_lock<std::shared_mutex> lock;
  ACCEL_TRY(MDB_txn* const txn, begin(!options_.read_only, lock));
  return open_tables_in(txn);
}

// Ends the transaction.
Status Index::open_tables_in(MDB_txn* txn) {
  const std::string folder = options_.directory.string();
  for (std::size_t i = 0; i < kTables; ++i) {
    const unsigned create = options_.read_only ? 0U : static_cast<unsigned>(MDB_CREATE);
    const int code =
        ::mdb_dbi_open(txn, kTableInfo[i].name, kTableInfo[i].flags | create, &handles_[i]);
    if (code != 0) {
      ::mdb_txn_abort(txn);
      return fail_mdb(code, fmt::format("open the table \"{}\" of", kTableInfo[i].name), folder);
    }
  }
  const int code = ::mdb_txn_commit(txn);
  if (code != 0) return fail_mdb(code, "write to", folder);
  return {};
}

// After a failed write of its meta page LMDB refuses every transaction until the environment is
// opened again: a daemon must not stay useless because its disk was full for a moment.
Status Index::reopen(std::uint64_t broken) {
  const std::unique_lock lock(map_mutex_);
  if (opened_ != broken && env_ != nullptr) return {};  // Another thread was first.
  const Status reopened = reopen_locked();
  if (!reopened) close_environment();  // Without its tables it is of no use; the next begin tries.
  return reopened;
}

Status Index::reopen_locked() {
  ACCEL_CHECK(open_environment());
  MDB_txn* txn = nullptr;
  const int code = ::mdb_txn_begin(env_, nullptr, options_.read_only ? MDB_RDONLY : 0U, &txn);
  if (code != 0) return fail_mdb(code, "reopen", options_.directory.string());
  return open_tables_in(txn);
}

Result<MDB_txn*> Index::begin(bool writing, std::shared_lock<std::shared_mutex>& lock) {
  for (int attempt = 0; attempt < kMaxBeginTries; ++attempt) {
    lock = std::shared_lock(map_mutex_);
    MDB_txn* txn = nullptr;
    const std::uint64_t opened = opened_;
    if (env_ == nullptr) {
      lock.unlock();
      ACCEL_CHECK(reopen(opened));
      continue;
    }
    const int code = ::mdb_txn_begin(env_, nullptr, writing ? 0U : MDB_RDONLY, &txn);
    if (code == 0) return txn;
    lock.unlock();
    if (code == MDB_MAP_RESIZED) {  // Another process grew it.
      ACCEL_CHECK(grow(0));
    } else if (code == MDB_PANIC && attempt == 0) {
      ACCEL_CHECK(reopen(opened));
    } else if (code == MDB_READERS_FULL && attempt == 0) {
      ACCEL_CHECK(clear_stale_readers());
    } else {
      return fail_mdb(code, "begin a transaction on", options_.directory.string());
    }
  }
  return fail(Errc::unavailable, "The index in {} keeps growing; try again.",
              options_.directory.string());
}

Status Index::read(const std::function<Status(const Txn&)>& body) {
  const InsideTransaction inside;
  if (inside.nested()) return fail(Errc::internal, "A transaction was begun inside another.");
  std::shared_lock<std::shared_mutex> lock;
  ACCEL_TRY(MDB_txn* const raw, begin(false, lock));
  const std::unique_ptr<MDB_txn, decltype(&::mdb_txn_abort)> guard(raw, &::mdb_txn_abort);
  const Txn txn(*this, raw);
  return body(txn);
}

std::optional<std::uint64_t> Index::last_write() {
  const std::shared_lock lock(map_mutex_, std::try_to_lock);
  MDB_envinfo info{};
  if (!lock.owns_lock() || env_ == nullptr || ::mdb_env_info(env_, &info) != 0) return std::nullopt;
  return info.me_last_txnid;
}

Status Index::write(const std::function<Status(Txn&)>& body) {
  const InsideTransaction inside;
  if (inside.nested()) return fail(Errc::internal, "A transaction was begun inside another.");
  if (options_.read_only) {
    return fail(Errc::permission_denied, "The store in {} was opened for reading only.",
                options_.directory.parent_path().string());
  }
  for (;;) {
    std::uint64_t full_at = 0;
    const Status status = write_once(body, full_at);
    if (full_at == 0 || full_at >= kMaxMapBytes) return status;
    ACCEL_CHECK(grow(2 * full_at));
  }
}

// full_at: the size of the map, if it was too small.
Status Index::write_once(const std::function<Status(Txn&)>& body, std::uint64_t& full_at) {
  std::shared_lock<std::shared_mutex> lock;
  ACCEL_TRY(MDB_txn* const raw, begin(true, lock));
  MDB_envinfo info{};
  ::mdb_env_info(env_, &info);
  Txn txn(*this, raw);
  Status status = body(txn);
  int code = 0;
  if (status && !txn.map_full_) {
    code = ::mdb_txn_commit(raw);
  } else {
    ::mdb_txn_abort(raw);
  }
  if (txn.map_full_ || code == MDB_MAP_FULL) full_at = info.me_mapsize;
  if (code != 0) return fail_mdb(code, "write to", options_.directory.string());
  return status;
}

Status Index::grow(std::uint64_t at_least) {
  const std::unique_lock lock(map_mutex_);
  if (env_ == nullptr) return {};  // The next begin opens it, as large as it is on disk.
  MDB_envinfo info{};
  ::mdb_env_info(env_, &info);
  if (at_least != 0 && info.me_mapsize >= at_least) return {};  // Another thread was first.
  const int code = ::mdb_env_set_mapsize(env_, std::min(at_least, kMaxMapBytes));  // 0: as on disk.
  if (code != 0) return fail_mdb(code, "grow", options_.directory.string());
  return {};
}

Status Index::copy_to(const std::filesystem::path& file) {
  ACCEL_TRY(const UniqueFd fd, open_file(file, O_WRONLY | O_CREAT | O_TRUNC));
  const std::shared_lock lock(map_mutex_);
  if (env_ == nullptr) return fail(Errc::internal, "The index is closed.");
  const int code = ::mdb_env_copyfd(env_, fd.get());
  if (code != 0) return fail_mdb(code, "copy", options_.directory.string());
  return sync_file(fd.get());
}

bool is_index_in_use(const std::filesystem::path& directory) {
  const auto fd = open_file(directory / "lock.mdb", O_RDWR);
  if (!fd) return false;
  // LMDB holds a read lock on the first byte while an environment is open (mdb_env_excl_lock).
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 1;
  return ::fcntl(fd->get(), F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

Status Index::barrier() {
  return write([](Txn&) -> Status { return {}; });
}

Status Index::clear_stale_readers() {
  const std::shared_lock lock(map_mutex_);
  return clear_readers();
}

Status Index::clear_readers() {
  if (options_.read_only || env_ == nullptr) return {};
  int dead = 0;
  const int code = ::mdb_reader_check(env_, &dead);
  if (code != 0) return fail_mdb(code, "check the readers of", options_.directory.string());
  return {};
}

}  // namespace accel::blockstore
