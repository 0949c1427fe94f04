// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include <algorithm>
#include <system_error>

#include "accel/core/file.hpp"
#include "accel/crypto/sha256.hpp"
#include "layouts.hpp"
#include "model_files.hpp"

namespace accel::models {
namespace {

// Fits the second-level cache, so that hashing reads what was just copied there.
constexpr std::uint64_t kReadBytes = 256 << 10;

Result<std::string> sha256_of_file(const std::filesystem::path& path, std::uint64_t size,
                                   const std::stop_token& stop) {
  ACCEL_TRY(const UniqueFd fd, open_file(path, O_RDONLY));
  crypto::Sha256 hash;
  Bytes buffer(std::min(size, kReadBytes));
  for (std::uint64_t at = 0; at < size;) {
    if (stop.stop_requested())
      return fail(Errc::cancelled, "Hashing {} was cancelled.", path.string());
    const std::span<std::uint8_t> part =
        std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), size - at));
    ACCEL_CHECK(pread_all(fd.get(), part, at));
    hash.update(part);
    at += part.size();
  }
  return to_hex(hash.finish());
}

// One graph with the external data that it names.
Result<std::filesystem::path> fetch_graph(const Variant& variant, const std::string& graph,
                                          const Fetcher& fetcher) {
  ACCEL_TRY(std::filesystem::path local_graph, fetcher(graph));
  if (variant.format != "onnx") return local_graph;
  auto weights = inspect_onnx(local_graph);
  if (!weights) {
    weights.error().message = fmt::format("{}: {}", graph, weights.error().message);
    return fail(std::move(weights).error());
  }
  const std::string folder(folder_of(graph));
  for (const std::string& name : weights->externals) {
    const std::string path = folder + name;
    if (find_file(variant.files, path) == nullptr) {
      return fail(Errc::not_found,
                  "{} keeps weights in {}, which is not among the variant's files.", graph, path);
    }
    ACCEL_TRY(const std::filesystem::path local, fetcher(path));
    std::error_code ignored;  // A path that does not exist is not the wanted file either.
    if (!std::filesystem::equivalent(local, local_graph.parent_path() / name, ignored)) {
      return fail(Errc::unsupported,
                  "{} lies in {}, but engines look for it beside {}: models with external data "
                  "need a folder of their own.",
                  path, local.string(), local_graph.string());
    }
  }
  return local_graph;
}

}  // namespace

Result<std::string> weights_sha256(const Variant& variant, const Fetcher& fetcher,
                                   std::stop_token stop) {
  std::vector<std::pair<std::string, std::string>> hashes;
  for (const ModelFile& file : variant.files) {
    ACCEL_TRY(const std::filesystem::path path, fetcher(file.path));
    ACCEL_TRY(std::string hash, sha256_of_file(path, file.bytes, stop));
    hashes.emplace_back(file.path, std::move(hash));
  }
  std::string result = combine_hashes(variant.entry, std::move(hashes));
  if (!variant.claimed_sha256.empty() && variant.claimed_sha256 != result) {
    return fail(Errc::corrupt,
                "The weights of {} have the SHA-256 {}, but model.json says {}: do not use them.",
                variant.entry, result, variant.claimed_sha256);
  }
  return result;
}

Result<std::filesystem::path> fetch_variant(const Variant& variant, const Fetcher& fetcher) {
  return fetch_graph(variant, variant.entry, fetcher);
}

Result<inference::GraphFiles> fetch_graphs(const Variant& variant, const Fetcher& fetcher) {
  inference::GraphFiles files;
  ACCEL_TRY(files.entry, fetch_variant(variant, fetcher));
  for (const auto& [name, path] : variant.graphs) {
    if (path == variant.entry) {
      files.graphs[name] = files.entry;
      continue;
    }
    ACCEL_TRY(files.graphs[name], fetch_graph(variant, path, fetcher));
  }
  return files;
}

}  // namespace accel::models
