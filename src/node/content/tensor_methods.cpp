// SPDX-License-Identifier: Apache-2.0
// content.tensors: which tensors a weights file has, and the bytes of some of them, without the
// rest of the file.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "accel/core/random.hpp"
#include "accel/models/tensor_index.hpp"
#include "content/pulling.hpp"
#include "context.hpp"
#include "names/names.hpp"

namespace accel::node {
namespace {

using nlohmann::json;
using Range = exchange::PullSelection::Range;

constexpr std::uint64_t kMagicBytes = 16;
constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();

// A weights file that may be far away: what is read of it is fetched and verified.
class RemoteFile {
 public:
  RemoteFile(Context& context, blockstore::Store& store, FileTarget target,
             exchange::PullOptions options)
      : context_(context),
        store_(store),
        target_(std::move(target)),
        options_(std::move(options)) {}

  // Learns its size and leaves.
  Status open() { return read({}, {}); }
  Status read(std::vector<Range> ranges,
              std::function<Status(std::uint64_t offset, ByteView bytes)> on_bytes) {
    exchange::PullSelection selection;
    selection.ranges = std::move(ranges);
    selection.on_bytes = std::move(on_bytes);
    ACCEL_TRY(const exchange::PullReport report,
              fetch_part(context_, store_, target_, options_, std::move(selection)));
    bytes_ = report.file_bytes;
    leaves_ = report.leaves;
    fetched_ += report.bytes_fetched;
    return {};
  }
  Result<Bytes> start(std::uint64_t length) {
    Bytes start;
    ACCEL_CHECK(read({{0, length}}, [&](std::uint64_t, ByteView bytes) -> Status {
      start.insert(start.end(), bytes.begin(), bytes.end());
      return {};
    }));
    return start;
  }
  // The whole of it as a file of the store.
  Result<MappedFile> map() {
    ACCEL_CHECK(read({{0, kAll}}, [](std::uint64_t, ByteView) -> Status { return {}; }));
    ipld::Cid cid = target_.root;
    if (!target_.path.empty()) {
      ACCEL_TRY(cid, store_.resolve(target_.root, target_.path));
    }
    ACCEL_TRY(const std::filesystem::path path, store_.ensure_file(cid, context_.stop));
    return MappedFile::open(path);
  }

  const std::string& path() const { return target_.path; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t fetched() const { return fetched_; }
  const std::vector<blockstore::LeafSlot>& leaves() const { return leaves_; }
  // Numbers of the first and last leaf that hold bytes of it.
  std::pair<std::size_t, std::size_t> leaves_of(std::uint64_t offset, std::uint64_t length) const {
    const auto holds = [&](std::uint64_t at) {
      const auto above = std::ranges::upper_bound(leaves_, at, {}, &blockstore::LeafSlot::offset);
      return static_cast<std::size_t>(std::max<std::ptrdiff_t>(above - leaves_.begin() - 1, 0));
    };
    return {holds(offset), holds(offset + std::max<std::uint64_t>(length, 1) - 1)};
  }

 private:
  Context& context_;
  blockstore::Store& store_;
  FileTarget target_;
  exchange::PullOptions options_;
  std::uint64_t bytes_ = 0;
  std::uint64_t fetched_ = 0;
  std::vector<blockstore::LeafSlot> leaves_;
};

Result<models::TensorIndex> read_index(RemoteFile& file) {
  ACCEL_TRY(Bytes start, file.start(kMagicBytes));
  ACCEL_TRY(const models::WeightsFormat format, models::weights_format(file.path(), start));
  if (format == models::WeightsFormat::onnx) {
    ACCEL_TRY(const MappedFile map, file.map());
    return models::read_onnx_tensors(map.data());
  }
  while (true) {
    ACCEL_TRY(models::TensorHeader header, format == models::WeightsFormat::gguf
                                               ? models::read_gguf(start, file.bytes())
                                               : models::read_safetensors(start, file.bytes()));
    if (header.needs_bytes == 0) return std::move(header.index);
    ACCEL_TRY(start, file.start(header.needs_bytes));
  }
}

// What makes the tensors findable: the header, or of an ONNX file, whose graph lies around them,
// all that is no tensor.
std::vector<Range> frame_of(const models::TensorIndex& index, std::uint64_t file_bytes) {
  if (index.header_bytes > 0) return {{0, index.header_bytes}};
  std::vector<Range> holes;
  for (const auto& tensor : index.tensors) {
    if (tensor.file.empty()) holes.push_back({tensor.offset, tensor.length});
  }
  std::ranges::sort(holes, {}, &Range::offset);
  std::vector<Range> frame;
  std::uint64_t at = 0;
  for (const Range& hole : holes) {
    if (hole.offset > at) frame.push_back({at, hole.offset - at});
    at = std::max(at, hole.offset + hole.length);
  }
  if (at < file_bytes) frame.push_back({at, file_bytes - at});
  return frame;
}

// The frame and the tensors, ascending, those that touch as one.
std::vector<Range> ranges_of(std::vector<Range> all,
                             const std::vector<models::TensorPlace>& tensors) {
  for (const auto& tensor : tensors) all.push_back({tensor.offset, tensor.length});
  std::erase_if(all, [](const Range& range) { return range.length == 0; });
  std::ranges::sort(all, {}, &Range::offset);
  std::vector<Range> merged;
  for (const Range& range : all) {
    const bool touches =
        !merged.empty() && range.offset <= merged.back().offset + merged.back().length;
    if (!touches) {
      merged.push_back(range);
      continue;
    }
    Range& last = merged.back();
    last.length = std::max(last.length, range.offset + range.length - last.offset);
  }
  return merged;
}

Status check_in_file(const std::vector<models::TensorPlace>& tensors) {
  for (const auto& tensor : tensors) {
    if (tensor.file.empty()) continue;
    return fail(Errc::unsupported,
                "The bytes of {} lie in another file of the model, {}; `get` that file, or give "
                "--list to see where each tensor lies in it.",
                tensor.name, tensor.file);
  }
  return {};
}

// A file of the full size with holes where nothing was asked for; it appears when it is complete.
Status write_sparse(RemoteFile& file, const std::vector<Range>& ranges, const std::string& output,
                    bool force) {
  if (!force && ::access(output.c_str(), F_OK) == 0) {
    return fail(Errc::already_exists, "{} exists; --force replaces it.", output);
  }
  const std::string part = output + ".part-" + random_hex(system_random(), 4);
  ACCEL_TRY(const UniqueFd fd, open_file(part, O_RDWR | O_CREAT | O_EXCL, 0644));
  Status done;
  if (::ftruncate(fd.get(), static_cast<off_t>(file.bytes())) != 0) {
    done = fail_errno(errc_from_errno(errno), errno, "Cannot give " + part + " its size.");
  }
  if (done) {
    done = file.read(ranges, [&fd](std::uint64_t offset, ByteView bytes) {
      return pwrite_all(fd.get(), bytes, offset);
    });
  }
  if (done && ::rename(part.c_str(), output.c_str()) != 0) {
    done = fail_errno(errc_from_errno(errno), errno, "Cannot write " + output + ".");
  }
  if (!done) ::unlink(part.c_str());
  return done;
}

json json_of(const RemoteFile& file, const models::TensorPlace& tensor) {
  json row{{"name", tensor.name},
           {"dtype", tensor.dtype},
           {"shape", tensor.shape},
           {"offset", tensor.offset},
           {"bytes", tensor.length}};
  if (tensor.file.empty()) {
    const auto [first, last] = file.leaves_of(tensor.offset, tensor.length);
    row["first_leaf"] = first;
    row["last_leaf"] = last;
  } else {
    row["file"] = tensor.file;
  }
  return row;
}

}  // namespace

Result<json> content_tensors(Context& context) {
  const std::string text = context.params.required_text("target");
  const std::vector<std::string> patterns = context.params.texts("tensors");
  const std::string output = context.params.text("output", {});
  const bool force = context.params.flag("force");
  ACCEL_TRY(exchange::PullOptions options, pull_options(context));
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const FileTarget target, file_target(*store, text));
  if (!context.params.texts("routers").empty()) {
    ACCEL_CHECK(find_sources(context, target.root, options));
  }
  ACCEL_TRY(const blockstore::Lease lease, store->lease(target.root));
  RemoteFile file(context, *store, target, std::move(options));
  ACCEL_CHECK(file.open());
  ACCEL_TRY(const models::TensorIndex index, read_index(file));
  ACCEL_TRY(const auto tensors, models::select_tensors(index, patterns));
  if (!output.empty()) {
    ACCEL_CHECK(check_in_file(tensors));
    const std::vector<Range> ranges = ranges_of(frame_of(index, file.bytes()), tensors);
    ACCEL_CHECK(write_sparse(file, ranges, output, force));
  }
  json rows = json::array();
  std::uint64_t bytes = 0;
  for (const auto& tensor : tensors) {
    rows.push_back(json_of(file, tensor));
    bytes += tensor.length;
  }
  json result{{"cid", target.root.to_string()},
              {"format", index.format},
              {"file_bytes", file.bytes()},
              {"header_bytes", index.header_bytes},
              {"tensors_total", index.tensors.size()},
              {"bytes", bytes},
              {"bytes_fetched", file.fetched()},
              {"leaves", file.leaves().size()},
              {"tensors", std::move(rows)}};
  if (!output.empty()) result["path"] = output;
  return result;
}

}  // namespace accel::node
