// SPDX-License-Identifier: Apache-2.0
#pragma once
// Weights that sessions read from one place in memory: the same stored file is mapped once, and
// tensors of different files with equal type, shape and bytes are one. Used by the ONNX Runtime
// backend, which keeps one store; knows nothing of the runtime but the name of its container.
//
// A session holds its WeightSet for as long as it lives; the store holds nothing: what the last
// session lets go of is unmapped, in whatever order sessions and the store end. Threads: all
// methods from any; share() compares bytes under its lock, so one caller at a time.
//
// What a runtime made of the weights (PackedWeights) is shared by sets of the very same tensors
// only. ONNX Runtime finds a packed weight by a 64-bit hash that is not meant to withstand anyone:
// with one container for all, a model could bring a weight whose hash is another model's.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "accel/core/file.hpp"

struct OrtPrepackedWeightsContainer;

namespace accel::inference::ort {

// Which file, as the system knows it; one that was written to since is another.
struct FileKey {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t changed_ns = 0, modified_ns = 0;
  auto operator<=>(const FileKey&) const = default;
};
// Nothing when there is no such file.
std::optional<FileKey> file_key(const std::filesystem::path& path);

// One tensor, as it lies in a mapped file.
struct Weight {
  std::shared_ptr<const MappedFile> file;  // Owners: the weights that lie in it.
  ByteView bytes;
  std::int32_t onnx_type = 0;
  std::vector<std::int64_t> dims;
};

struct NamedWeight {
  std::string name;
  std::shared_ptr<const Weight> weight;  // Owners: every set that has it.
};

using PackedWeights = std::shared_ptr<OrtPrepackedWeightsContainer>;  // Owners: sets, equal ones.

struct WeightSet {
  std::vector<NamedWeight> weights;
  PackedWeights packed;
  std::uint64_t found_bytes = 0;  // Of these, in memory for others before.

  // Lets go of the pages that opening a session has read; what a session still needs of them comes
  // back from the page cache when it is touched.
  void release_pages() const;
};

class WeightStore {
 public:
  using MakePacked = std::function<Result<PackedWeights>()>;

  // Compared bytes per byte offered at most: files made to differ in their last bytes cost no more.
  static constexpr std::uint64_t kMaxCompared = 4;

  // The set of the same files if a session has it, else a new one of `offered` in which tensors
  // that others have are theirs. `files`: those that the tensors lie in; empty: not known, nothing
  // is taken for the same file. Errors: of `make_packed`.
  Result<std::shared_ptr<const WeightSet>> share(const std::vector<FileKey>& files,
                                                 std::vector<NamedWeight> offered,
                                                 const MakePacked& make_packed);
  // The set of these files, if a session has it.
  std::shared_ptr<const WeightSet> find(const std::vector<FileKey>& files) const;

  std::size_t weights() const;  // Alive.

 private:
  using Kind = std::tuple<std::int32_t, std::vector<std::int64_t>>;  // Type and shape.
  using Identity = std::vector<const Weight*>;                       // Sorted.
  struct Found {
    std::shared_ptr<const Weight> weight;
    bool is_new = false;
  };

  void forget_dead();
  Found unite(const std::shared_ptr<const Weight>& offered, std::uint64_t& may_compare);
  Result<PackedWeights> packed_for(const std::vector<NamedWeight>& weights,
                                   const MakePacked& make_packed);

  mutable std::mutex mutex_;  // Guards what follows.
  std::map<std::vector<FileKey>, std::weak_ptr<const WeightSet>> sets_;
  std::multimap<Kind, std::weak_ptr<const Weight>> weights_;
  std::map<Identity, std::weak_ptr<OrtPrepackedWeightsContainer>> packed_;
};

}  // namespace accel::inference::ort
