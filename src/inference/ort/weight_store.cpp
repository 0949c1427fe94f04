// SPDX-License-Identifier: Apache-2.0
#include "ort/weight_store.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <set>

namespace accel::inference::ort {
namespace {

constexpr std::int64_t kNanoseconds = 1'000'000'000;
constexpr std::size_t kSample = 64;

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * kNanoseconds + time.tv_nsec;
}

// Tells most unequal tensors apart without reading them.
bool may_equal(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  const std::size_t sample = std::min(kSample, a.size());
  for (const std::size_t at : {std::size_t{0}, (a.size() - sample) / 2, a.size() - sample}) {
    if (std::memcmp(a.data() + at, b.data() + at, sample) != 0) return false;
  }
  return true;
}

template <class Map>
void forget_expired(Map& map) {
  std::erase_if(map, [](const auto& entry) { return entry.second.expired(); });
}

}  // namespace

std::optional<FileKey> file_key(const std::filesystem::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return FileKey{info.st_dev, info.st_ino, static_cast<std::uint64_t>(info.st_size),
                 nanoseconds(info.st_ctim), nanoseconds(info.st_mtim)};
}

void WeightSet::release_pages() const {
  std::set<const MappedFile*> files;
  for (const NamedWeight& named : weights) files.insert(named.weight->file.get());
  for (const MappedFile* file : files) {
    // The map is of a file and never written: the call drops clean pages, nothing else. It takes a
    // pointer that is not const.
    void* const begin = const_cast<std::uint8_t*>(file->data().data());
    static_cast<void>(::madvise(begin, file->data().size(), MADV_DONTNEED));
  }
}

std::shared_ptr<const WeightSet> WeightStore::find(const std::vector<FileKey>& files) const {
  const std::scoped_lock lock(mutex_);
  const auto found = sets_.find(files);
  return found == sets_.end() ? nullptr : found->second.lock();
}

std::size_t WeightStore::weights() const {
  const std::scoped_lock lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(weights_, [](const auto& entry) { return !entry.second.expired(); }));
}

void WeightStore::forget_dead() {
  forget_expired(sets_);
  forget_expired(weights_);
  forget_expired(packed_);
}

WeightStore::Found WeightStore::unite(const std::shared_ptr<const Weight>& offered,
                                      std::uint64_t& may_compare) {
  const Kind kind{offered->onnx_type, offered->dims};
  const auto [begin, end] = weights_.equal_range(kind);
  for (auto it = begin; it != end; ++it) {
    auto other = it->second.lock();
    if (other == nullptr || !may_equal(other->bytes, offered->bytes)) continue;
    if (may_compare < offered->bytes.size()) break;
    may_compare -= offered->bytes.size();
    if (std::memcmp(other->bytes.data(), offered->bytes.data(), other->bytes.size()) == 0)
      return {std::move(other), false};
  }
  weights_.emplace(kind, offered);
  return {offered, true};
}

Result<PackedWeights> WeightStore::packed_for(const std::vector<NamedWeight>& weights,
                                              const MakePacked& make_packed) {
  Identity identity;
  for (const NamedWeight& named : weights) identity.push_back(named.weight.get());
  std::ranges::sort(identity);
  identity.erase(std::unique(identity.begin(), identity.end()), identity.end());
  // As long as somebody has the container, it has these very tensors: no address is another's.
  auto& known = packed_[identity];
  if (auto packed = known.lock()) return packed;
  ACCEL_TRY(PackedWeights packed, make_packed());
  known = packed;
  return packed;
}

Result<std::shared_ptr<const WeightSet>> WeightStore::share(const std::vector<FileKey>& files,
                                                            std::vector<NamedWeight> offered,
                                                            const MakePacked& make_packed) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = sets_.find(files); !files.empty() && found != sets_.end()) {
    if (auto set = found->second.lock()) return set;
  }
  forget_dead();
  auto set = std::make_shared<WeightSet>();
  std::uint64_t may_compare = 0;
  for (const NamedWeight& named : offered) may_compare += named.weight->bytes.size();
  may_compare *= kMaxCompared;
  for (NamedWeight& named : offered) {
    Found found = unite(named.weight, may_compare);
    if (!found.is_new) set->found_bytes += found.weight->bytes.size();
    set->weights.push_back({std::move(named.name), std::move(found.weight)});
  }
  ACCEL_TRY(set->packed, packed_for(set->weights, make_packed));
  if (!files.empty()) sets_[files] = set;
  return set;
}

}  // namespace accel::inference::ort
