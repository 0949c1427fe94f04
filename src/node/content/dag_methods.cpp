// SPDX-License-Identifier: Apache-2.0
// Archives in and out, and counting.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "accel/core/file.hpp"
#include "accel/core/random.hpp"
#include "content/byte_progress.hpp"
#include "content/dag_target.hpp"
#include "context.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::string_view kStandardInput = "-";

bool is_regular(int fd, std::uint64_t& bytes) {
  struct stat info{};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return false;
  bytes = static_cast<std::uint64_t>(info.st_size);
  return true;
}

Result<UniqueFd> open_archive(const Context& context, const std::string& path) {
  if (path != kStandardInput) return open_file(path, O_RDONLY);
  if (context.services.is_daemon()) {
    return fail(Errc::invalid_argument,
                "A daemon does not see the standard input of its callers; name a file.");
  }
  UniqueFd own(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!own) return fail_errno(Errc::io, errno, "There is no standard input.");
  return own;
}

struct ImportRequest {
  std::vector<std::string> files;
  bool pin_roots = true;
  bool is_private = false;
  std::string name;
};

// All archives of one call: their sums, and the progress over all of them.
class ArchiveImport {
 public:
  ArchiveImport(Context& context, blockstore::Store& store, const ImportRequest& request)
      : context_(context), store_(store), request_(request), progress_(context, "import") {}

  Result<json> run() {
    std::vector<UniqueFd> archives;
    for (const std::string& file : request_.files) {
      ACCEL_TRY(archives.emplace_back(), open_archive(context_, file));
      std::uint64_t bytes = 0;
      known_total_ = is_regular(archives.back().get(), bytes) && known_total_;
      total_ += bytes;
    }
    // Until the roots are pinned nothing holds what comes.
    ACCEL_TRY(const blockstore::Lease lease, store_.lease_new_blocks());
    json reports = json::array();
    for (std::size_t i = 0; i < archives.size(); ++i) {
      auto report = import_one(request_.files[i], archives[i].get());
      if (!report) return fail(std::move(report).error());
      reports.push_back(*std::move(report));
    }
    const double seconds = progress_.seconds();
    json result{{"archives", std::move(reports)},
                {"blocks", blocks_},
                {"bytes", bytes_},
                {"blocks_new", blocks_new_},
                {"bytes_new", bytes_new_},
                {"archive_bytes", done_},
                {"seconds", seconds},
                {"bytes_per_second", seconds > 0 ? static_cast<double>(done_) / seconds : 0.0}};
    result["roots"] = pin_roots();
    return result;
  }

 private:
  Result<json> import_one(const std::string& file, int fd) {
    blockstore::CarImportOptions options;
    options.is_private = request_.is_private;
    options.stop = context_.stop;
    options.on_progress = [&](const blockstore::CarProgress& step) {
      progress_.report(done_ + step.bytes, known_total_ ? total_ : 0, {});
    };
    auto report = store_.import_car(blockstore::read_from(fd), options);
    if (!report) {
      Error error = std::move(report).error();
      error.message = fmt::format("{}: {} What came before it was stored; no root was pinned.",
                                  file, error.message);
      return fail(std::move(error));
    }
    done_ += report->archive_bytes;
    blocks_ += report->blocks;
    bytes_ += report->bytes;
    blocks_new_ += report->blocks_new;
    bytes_new_ += report->bytes_new;
    json roots = json::array();
    for (const ipld::Cid& root : report->roots) roots.push_back(root.to_string());
    roots_.insert(roots_.end(), report->roots.begin(), report->roots.end());
    return json{{"file", file},
                {"version", report->version},
                {"roots", std::move(roots)},
                {"blocks", report->blocks},
                {"bytes", report->bytes},
                {"blocks_new", report->blocks_new}};
  }

  json pin_roots() {
    json roots = json::array();
    for (const ipld::Cid& root : roots_) {
      json row{{"cid", root.to_string()}, {"pinned", false}};
      if (request_.pin_roots) {
        const Status pinned = store_.pin(root, {.name = request_.name,
                                                .is_private = request_.is_private,
                                                .merge = true,
                                                .keep_hidden = true});
        row["pinned"] = pinned.has_value();
        if (!pinned) row["error"] = pinned.error().message;
      }
      roots.push_back(std::move(row));
    }
    return roots;
  }

  Context& context_;
  blockstore::Store& store_;
  const ImportRequest& request_;
  ByteProgress progress_;
  std::uint64_t total_ = 0;
  bool known_total_ = true;
  std::uint64_t done_ = 0, blocks_ = 0, bytes_ = 0, blocks_new_ = 0, bytes_new_ = 0;
  std::vector<ipld::Cid> roots_;
};

// A file beside its place until it is whole; other things (pipes, devices) are written to as they
// are.
class OutputFile {
 public:
  static Result<OutputFile> open(const std::string& path, bool force) {
    OutputFile out;
    out.path_ = path;
    struct stat info{};
    const bool there = ::stat(path.c_str(), &info) == 0;
    if (there && !S_ISREG(info.st_mode)) {
      ACCEL_TRY(out.fd_, open_file(path, O_WRONLY));
      return out;
    }
    if (there && !force) {
      return fail(Errc::already_exists, "{} exists already; --force replaces it.", path);
    }
    out.temporary_ = fmt::format("{}.{}.part", path, random_hex(system_random(), 4));
    ACCEL_TRY(out.fd_, open_file(out.temporary_, O_RDWR | O_CREAT | O_EXCL, 0644));
    return out;
  }
  OutputFile(OutputFile&&) noexcept = default;
  ~OutputFile() {
    if (fd_ && !temporary_.empty()) ::unlink(temporary_.c_str());
  }

  int fd() const { return fd_.get(); }
  bool is_file() const { return !temporary_.empty(); }
  Status finish() {
    if (is_file() && ::rename(temporary_.c_str(), path_.c_str()) != 0) {
      return fail_errno(errc_from_errno(errno), errno, fmt::format("Cannot write {}.", path_));
    }
    fd_.reset();
    return {};
  }

 private:
  OutputFile() = default;
  UniqueFd fd_;
  std::string path_, temporary_;
};

struct ExportRequest {
  std::vector<ipld::Cid> roots;
  std::string output;
  bool force = false;
};

Result<blockstore::CarExportReport> export_roots(Context& context, const blockstore::Store& store,
                                                 const ExportRequest& request,
                                                 const blockstore::CarExportOptions& options) {
  blockstore::CarTarget target;
  if (request.output.empty()) {
    target.sink = [&](ByteView piece) -> Status {
      if (context.stop.stop_requested()) return fail(Errc::cancelled, "The export was stopped.");
      if (context.on_event) context.on_event(Event{nullptr, piece});
      return {};
    };
    return store.export_car(request.roots, target, options);
  }
  ACCEL_TRY(OutputFile file, OutputFile::open(request.output, request.force));
  target.file = file.fd();
  ACCEL_TRY(const blockstore::CarExportReport report,
            store.export_car(request.roots, target, options));
  ACCEL_CHECK(file.finish());
  return report;
}

Result<std::vector<ipld::Cid>> resolve_roots(const blockstore::Store& store,
                                             const std::vector<std::string>& texts) {
  if (texts.empty()) return fail(Errc::invalid_argument, "Name at least one root.");
  std::vector<ipld::Cid> roots;
  for (const std::string& text : texts) {
    ACCEL_TRY(const DagTarget target, resolve_dag_target(store, text));
    if (!target.remainder.empty()) {
      return fail(Errc::invalid_argument, "{} leads into block {}, not to a block.", text,
                  target.cid);
    }
    roots.push_back(target.cid);
  }
  return roots;
}

}  // namespace

Result<json> dag_import(Context& context) {
  ImportRequest request;
  request.files = context.params.texts("files");
  request.pin_roots = context.params.flag("pin_roots", true);
  request.is_private = context.params.flag("private");
  request.name = context.params.text("name", {});
  ACCEL_CHECK(context.params.finish());
  if (request.files.empty()) return fail(Errc::invalid_argument, "Name at least one archive.");
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  return ArchiveImport(context, *store, request).run();
}

Result<json> dag_export(Context& context) {
  const std::vector<std::string> targets = context.params.texts("targets");
  ExportRequest request;
  request.output = context.params.text("output", {});
  request.force = context.params.flag("force");
  blockstore::CarExportOptions options;
  options.version = static_cast<int>(context.params.integer_in("version", 1, 1, 2));
  options.partial = context.params.flag("partial");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(request.roots, resolve_roots(*store, targets));
  std::vector<blockstore::Lease> leases;
  for (const ipld::Cid& root : request.roots) {
    ACCEL_TRY(leases.emplace_back(), store->lease(root));
  }
  ByteProgress progress(context, "export");
  options.stop = context.stop;
  options.on_progress = [&](const blockstore::CarProgress& step) {
    progress.report(step.bytes, 0, {});
  };
  ACCEL_TRY(const blockstore::CarExportReport report,
            export_roots(context, *store, request, options));
  json roots = json::array();
  for (const ipld::Cid& root : request.roots) roots.push_back(root.to_string());
  const double seconds = progress.seconds();
  json result{{"roots", std::move(roots)},
              {"version", options.version},
              {"blocks", report.blocks},
              {"bytes", report.bytes},
              {"archive_bytes", report.archive_bytes},
              {"seconds", seconds},
              {"bytes_per_second",
               seconds > 0 ? static_cast<double>(report.archive_bytes) / seconds : 0.0}};
  if (!request.output.empty()) result["path"] = request.output;
  return result;
}

Result<json> dag_stat(Context& context) {
  const std::vector<std::string> targets = context.params.texts("targets");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const std::vector<ipld::Cid> roots, resolve_roots(*store, targets));
  json dags = json::array();
  std::uint64_t sum = 0;
  for (const ipld::Cid& root : roots) {
    ACCEL_TRY(const blockstore::DagStat stat, store->dag_stat({root}, context.stop));
    dags.push_back({{"cid", root.to_string()}, {"blocks", stat.blocks}, {"bytes", stat.bytes}});
    sum += stat.bytes;
  }
  ACCEL_TRY(const blockstore::DagStat all, store->dag_stat(roots, context.stop));
  return json{
      {"dags", std::move(dags)},
      {"unique_blocks", all.blocks},
      {"total_bytes", all.bytes},
      {"shared_bytes", sum - all.bytes},
      {"ratio", all.bytes > 0 ? static_cast<double>(sum) / static_cast<double>(all.bytes) : 1.0}};
}

}  // namespace accel::node
