// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a model's directory holds: its task, its family, and its variants (the same model in other
// precisions or formats). Used by node (run, models show, selection) and by the families here.
//
// A directory is read as it is: in Hugging Face layout, or by its model.json
// (docs/formats/model.md). Nothing here knows where bytes come from: a Fetcher hands out local
// files. Plain values and functions; thread-safe as far as the Fetcher is.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"
#include "accel/inference/graph_set.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::models {

// Gives a readable local file for a path of the model's directory, complete and verified.
// It is asked only for what is needed: listing a model does not fetch its weights.
using Fetcher = std::function<Result<std::filesystem::path>(std::string_view relative_path)>;

struct ModelFile {
  std::string path;  // Relative to the model's directory, with '/'.
  ipld::Cid cid;
  std::uint64_t bytes = 0;
};

// One way to run the model.
struct Variant {
  std::string precision;  // How the weights are stored: "f32", "f16", "bf16", "int8", "int4", …
  std::string format = "onnx";  // "onnx" (ONNX Runtime, OpenVINO) or "gguf" (llama.cpp).
  std::string engine;  // Only this engine may open it; empty: every one that reads the format.
  std::string entry;   // The file that an engine opens; one of `files`.
  std::vector<ModelFile> files;  // Every weight file, entry first, then the others by path.
  // Of a model of several graphs, what each is for and its path among `files`; the entry is one of
  // them. Empty: the entry is the only graph.
  std::map<std::string, std::string> graphs;
  std::string claimed_sha256;  // model.json's word for weights_sha256(); empty where it gives none.

  std::uint64_t bytes() const;
  // Names the content of the weight files by their CIDs: equal keys, equal weights_sha256(). It
  // costs no I/O: callers remember weights_sha256() under it.
  std::string content_key() const;
};

struct ModelManifest {
  std::string task;               // "text-embedding", "text-classification", "text-generation", …
  std::string family;             // "bert", "llama", …: model_type of config.json.
  std::string source;             // "huggingface" or "model.json": who said so.
  std::vector<Variant> variants;  // f32 first, then by falling precision; never empty.
  std::vector<ModelFile> files;   // The whole listing, by path.

  const ModelFile* find(std::string_view path) const;
};

constexpr std::size_t kMaxModelFiles = 20'000;
constexpr std::size_t kMaxModelPathBytes = 1024;
constexpr std::size_t kMaxConfigBytes = 4 << 20;  // config.json, modules.json, model.json, …
constexpr std::size_t kMaxJsonDepth = 32;

// Reads a listing. Fetches only small JSON files and, where a file's name does not tell its
// precision, that ONNX file. Errors: not_found (a needed file is missing: names it and what it is
// for), corrupt (a file that does not parse, or model.json does not match the listing),
// unsupported (no variant that an engine here reads; a newer model.json), and the Fetcher's.
Result<ModelManifest> read_manifest(const std::vector<ModelFile>& listing, const Fetcher& fetcher);

// The listing of a directory on disk, for tests and tools; CIDs are those of its bytes as one raw
// block, so they name content but are not the CIDs that `add` gives. Errors: not_found, io.
Result<std::vector<ModelFile>> list_directory(const std::filesystem::path& directory);
// A Fetcher over a directory on disk. Errors of the Fetcher: not_found, invalid_argument ("..").
Fetcher directory_fetcher(std::filesystem::path directory);

// The hash that names a variant's weights wherever they lie, 64 hex digits: for one file its
// SHA-256; for several (ONNX external data) the SHA-256 of the text that `sha256sum` prints for
// them, paths relative to the entry's folder, lines in order of path. Reads every byte: about half
// a second a gigabyte. Errors: corrupt when claimed_sha256 differs, cancelled, and the Fetcher's.
Result<std::string> weights_sha256(const Variant& variant, const Fetcher& fetcher,
                                   std::stop_token stop = {});

// Fetches all files of a variant and gives the local path that an engine opens.
// Errors: not_found (external data that the ONNX file names and the directory lacks), unsupported
// (the Fetcher put external data elsewhere than beside the entry), corrupt, and the Fetcher's.
Result<std::filesystem::path> fetch_variant(const Variant& variant, const Fetcher& fetcher);
// The same for every graph of it.
Result<inference::GraphFiles> fetch_graphs(const Variant& variant, const Fetcher& fetcher);

}  // namespace accel::models
