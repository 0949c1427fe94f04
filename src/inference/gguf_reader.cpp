// SPDX-License-Identifier: Apache-2.0
// GGUF, little-endian, versions 2 and 3: counts, metadata (typed values, arrays of them), tensor
// infos, then the tensors, aligned.
#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

#include "accel/core/file.hpp"
#include "accel/inference/gguf_reader.hpp"

namespace accel::inference {
namespace {

constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMaxAlignment = 1U << 20U;
constexpr std::uint64_t kMaxPairs = 1U << 20U;
constexpr std::uint32_t kMaxDims = 4;
constexpr int kMaxArrayDepth = 4;
constexpr std::uint64_t kFirstGuess = 1U << 20U;  // One leaf.

// Type ids of ggml (enum ggml_type): elements of a block and its bytes.
struct GgmlType {
  std::uint32_t id;
  std::string_view name;
  std::uint64_t block;
  std::uint64_t bytes;
};
constexpr GgmlType kTypes[] = {
    {0, "F32", 1, 4},         {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},
    {3, "Q4_1", 32, 20},      {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},
    {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 36},      {10, "Q2_K", 256, 84},
    {11, "Q3_K", 256, 110},   {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},   {15, "Q8_K", 256, 292},   {16, "IQ2_XXS", 256, 66},
    {17, "IQ2_XS", 256, 74},  {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},
    {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},  {22, "IQ2_S", 256, 82},
    {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},         {25, "I16", 1, 2},
    {26, "I32", 1, 4},        {27, "I64", 1, 8},        {28, "F64", 1, 8},
    {29, "IQ1_M", 256, 56},   {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17}};

// Bytes of a value by its type in the metadata; 0 for strings, arrays and unknown ones.
constexpr std::uint64_t kValueBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
// Whole numbers and booleans; signed ones are kept as their bits.
constexpr bool kIsWhole[] = {true, true,  true,  true, true, true, false,
                             true, false, false, true, true, false};
constexpr std::uint32_t kUint32 = 4, kString = 8, kArray = 9;

// Dimensions by which llama.cpp divides, or allocates; none of a real model comes near these
// limits.
constexpr std::pair<std::string_view, std::uint64_t> kDimensions[] = {
    {".block_count", 4096},          {".embedding_length", 1U << 20U},
    {".attention.head_count", 4096}, {".attention.head_count_kv", 4096},
    {".context_length", 1U << 28U},  {".vocab_size", 1U << 24U}};

template <class... Args>
tl::unexpected<Error> bad(fmt::format_string<Args...> format, Args&&... args) {
  return fail(Errc::corrupt, "The GGUF header is broken: {}.",
              fmt::format(format, std::forward<Args>(args)...));
}

// Reads forward; once the bytes that are here end, missing() says so and every read gives zero.
class Cursor {
 public:
  explicit Cursor(ByteView bytes) : bytes_(bytes) {}

  std::uint64_t at() const { return at_; }
  bool missing() const { return missing_; }
  std::uint64_t number(std::uint64_t size) {
    if (!take(size)) return 0;
    std::uint64_t value = 0;
    for (std::uint64_t i = 0; i < size; ++i) {
      value |= std::uint64_t{bytes_[at_ - size + i]} << (8 * i);
    }
    return value;
  }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::string_view text() {
    const std::uint64_t size = number(8);
    return take(size) ? as_text(bytes_.subspan(at_ - size, size)) : std::string_view();
  }
  bool take(std::uint64_t size) {
    if (missing_ || size > bytes_.size() - at_) {
      wanted_ = missing_ ? wanted_ : std::max(wanted_, size);
      missing_ = true;
      return false;
    }
    at_ += size;
    return true;
  }
  // How much of the file's start to try next.
  std::uint64_t needs(std::uint64_t file_bytes) const {
    const std::uint64_t here = bytes_.size();
    const std::uint64_t more =
        std::max({2 * here, kFirstGuess, at_ + std::min(wanted_, file_bytes)});
    return std::min(more, file_bytes);
  }

 private:
  ByteView bytes_;
  std::uint64_t at_ = 0;
  std::uint64_t wanted_ = 0;
  bool missing_ = false;
};

class GgufReader {
 public:
  GgufReader(ByteView start, std::uint64_t file_bytes)
      : cursor_(start), start_bytes_(start.size()), file_bytes_(file_bytes) {}

  Result<GgufHeader> run() {
    GgufHeader header;
    ACCEL_CHECK(read_all());
    if (cursor_.missing()) {
      header.needs_bytes = cursor_.needs(std::min(file_bytes_, kMaxGgufHeader));
      if (header.needs_bytes <= start_bytes_) {
        return bad("it has no end within {} bytes", header.needs_bytes);
      }
      return header;
    }
    ACCEL_TRY(header.header_bytes, place());
    for (Info& info : infos_) header.tensors.push_back(std::move(info.tensor));
    header.texts = std::move(texts_);
    header.numbers = std::move(numbers_);
    return header;
  }

 private:
  struct Info {
    GgufTensor tensor;
    std::optional<std::uint64_t> bytes;  // Nothing for a type that is not known here.
  };

  Status read_all() {
    const auto magic = cursor_.u32();
    if (!cursor_.missing() && magic != 0x46554747U) return bad("it does not begin with GGUF");
    const std::uint32_t version = cursor_.u32();
    if (!cursor_.missing() && (version < 2 || version > 3)) {
      return fail(Errc::unsupported, "The GGUF file has version {}; 2 and 3 are read.", version);
    }
    const std::uint64_t tensors = cursor_.number(8);
    const std::uint64_t pairs = cursor_.number(8);
    if (tensors > kMaxGgufTensors || pairs > kMaxPairs) {
      return bad("it claims {} tensors and {} values", tensors, pairs);
    }
    for (std::uint64_t i = 0; i < pairs && !cursor_.missing(); ++i) ACCEL_CHECK(read_pair());
    for (std::uint64_t i = 0; i < tensors && !cursor_.missing(); ++i) ACCEL_CHECK(read_info());
    return {};
  }

  Status read_pair() {
    const std::string_view key = cursor_.text();
    const std::uint32_t type = cursor_.u32();
    if (key == "general.alignment" && type == kUint32) {
      alignment_ = cursor_.number(4);
      const bool power = alignment_ != 0 && (alignment_ & (alignment_ - 1)) == 0;
      if (!cursor_.missing() && (!power || alignment_ > kMaxAlignment)) {
        return bad("its alignment is {}", alignment_);
      }
      return {};
    }
    return keep_value(key, type);
  }

  Status keep_value(std::string_view key, std::uint32_t type) {
    if (cursor_.missing()) return {};
    const bool whole = type < std::size(kValueBytes) && kIsWhole[type];
    if (!whole && type != kString) return skip_value(type, 0);
    if (key.size() > kMaxGgufNameBytes) return bad("a key has {} bytes", key.size());
    if (texts_.contains(key) || numbers_.contains(key)) return bad("the key {} is twice", key);
    if (whole) {
      numbers_.emplace(key, cursor_.number(kValueBytes[type]));
      return {};
    }
    const std::string_view text = cursor_.text();
    if (text.size() <= kMaxGgufKeptText) texts_.emplace(key, text);
    return {};
  }

  Status skip_value(std::uint32_t type, int depth) {
    if (cursor_.missing()) return {};
    if (type == kString) {
      cursor_.text();
      return {};
    }
    if (type != kArray) {
      if (type >= std::size(kValueBytes)) return bad("a value has the type {}", type);
      cursor_.take(kValueBytes[type]);
      return {};
    }
    if (depth >= kMaxArrayDepth) return bad("its arrays nest deeper than {}", kMaxArrayDepth);
    const std::uint32_t of = cursor_.u32();
    const std::uint64_t count = cursor_.number(8);
    if (of < std::size(kValueBytes) && of != kString && of != kArray) {
      const std::uint64_t each = kValueBytes[of];
      if (count > kMaxGgufHeader / each) return bad("an array has {} values", count);
      cursor_.take(count * each);
      return {};
    }
    for (std::uint64_t i = 0; i < count && !cursor_.missing(); ++i) {
      ACCEL_CHECK(skip_value(of, depth + 1));
    }
    return {};
  }

  Status read_info() {
    Info info;
    info.tensor.name = cursor_.text();
    if (info.tensor.name.size() > kMaxGgufNameBytes) {
      return bad("a name has {} bytes", info.tensor.name.size());
    }
    const std::uint32_t dims = cursor_.u32();
    if (dims > kMaxDims) return bad("{} has {} dimensions", info.tensor.name, dims);
    for (std::uint32_t i = 0; i < dims; ++i) info.tensor.shape.push_back(cursor_.number(8));
    const std::uint32_t type = cursor_.u32();
    info.tensor.offset = cursor_.number(8);
    if (cursor_.missing()) return {};
    ACCEL_CHECK(measure(info, type));
    std::ranges::reverse(info.tensor.shape);  // ggml's innermost dimension comes first.
    if (!names_.insert(info.tensor.name).second) return bad("{} is twice", info.tensor.name);
    infos_.push_back(std::move(info));
    return {};
  }

  static Status measure(Info& info, std::uint32_t type) {
    const auto* const known = std::ranges::find(kTypes, type, &GgmlType::id);
    std::uint64_t elements = 1;
    for (const std::uint64_t dim : info.tensor.shape) {
      if (dim != 0 && elements > std::numeric_limits<std::uint64_t>::max() / 512 / dim) {
        return bad("{} has too many elements", info.tensor.name);
      }
      elements *= dim;
    }
    info.tensor.dtype = known == std::end(kTypes) ? fmt::format("type {}", type) : known->name;
    if (known == std::end(kTypes)) return {};
    if (elements % known->block != 0) {
      return bad("{} has {} elements, no whole blocks of {}", info.tensor.name, elements,
                 known->block);
    }
    info.bytes = elements / known->block * known->bytes;
    return {};
  }

  // Offsets count from the first aligned byte behind the infos. Returns where that is.
  Result<std::uint64_t> place() {
    const std::uint64_t data = (cursor_.at() + alignment_ - 1) / alignment_ * alignment_;
    if (data > file_bytes_) {
      if (infos_.empty()) return cursor_.at();
      return bad("its tensors would begin at {} of {} bytes", data, file_bytes_);
    }
    const std::uint64_t room = file_bytes_ - data;
    std::vector<Info*> order;
    for (Info& info : infos_) order.push_back(&info);
    std::ranges::stable_sort(order, {}, [](const Info* info) { return info->tensor.offset; });
    for (std::size_t i = 0; i < order.size(); ++i) {
      GgufTensor& tensor = order[i]->tensor;
      if (tensor.offset % alignment_ != 0) return bad("{} is not aligned", tensor.name);
      const std::uint64_t next =
          i + 1 < order.size() ? order[i + 1]->tensor.offset : std::max(room, tensor.offset);
      tensor.length = order[i]->bytes.value_or(next - tensor.offset);
      if (tensor.offset > room || tensor.length > next - tensor.offset) {
        return bad("{} has {} bytes at {}, more than there is room for", tensor.name, tensor.length,
                   tensor.offset);
      }
    }
    for (Info& info : infos_) info.tensor.offset += data;
    return data;
  }

  Cursor cursor_;
  std::uint64_t start_bytes_;
  std::uint64_t file_bytes_;
  std::uint64_t alignment_ = kDefaultAlignment;
  std::unordered_set<std::string> names_;
  std::map<std::string, std::string, std::less<>> texts_;
  std::map<std::string, std::uint64_t, std::less<>> numbers_;
  std::vector<Info> infos_;
};

}  // namespace

Result<GgufHeader> read_gguf_header(ByteView start, std::uint64_t file_bytes) {
  const auto most = std::min(file_bytes, kMaxGgufHeader);
  return GgufReader(start.first(std::min<std::uint64_t>(start.size(), most)), file_bytes).run();
}

Result<GgufHeader> read_gguf_file(const std::filesystem::path& file) {
  ACCEL_TRY(const MappedFile map, MappedFile::open(file));
  const ByteView bytes = map.data();
  ACCEL_TRY(GgufHeader header, read_gguf_header(bytes, bytes.size()));
  if (header.needs_bytes != 0) return bad("the file ends within it");
  return header;
}

Status check_gguf_model(const GgufHeader& header) {
  const auto architecture = header.texts.find("general.architecture");
  if (architecture == header.texts.end() || architecture->second.empty())
    return bad("it names no architecture");
  if (const auto parts = header.numbers.find("split.count");
      parts != header.numbers.end() && parts->second > 1) {
    return fail(Errc::unsupported, "The model is split over {} files; join them into one.",
                parts->second);
  }
  for (const auto& [name, most] : kDimensions) {
    const auto found = header.numbers.find(architecture->second + std::string(name));
    if (found == header.numbers.end()) continue;  // An array of one value a layer, or absent.
    if (found->second == 0 || found->second > most)
      return bad("{}{} is {}", architecture->second, name, found->second);
  }
  if (header.tensors.empty()) return bad("it holds no tensor");
  if (!header.texts.contains("tokenizer.ggml.model")) return bad("it has no vocabulary");
  return {};
}

}  // namespace accel::inference
