// SPDX-License-Identifier: Apache-2.0
#include "model_file.hpp"

#include <chrono>

namespace accel::inference::detail {
namespace {

constexpr int kMaxThreads = 4096;

Error in_file(Error error, const std::filesystem::path& path) {
  error.message = fmt::format("{} cannot be opened as a model. {}", path.string(), error.message);
  return error;
}

}  // namespace

Result<ModelFile> open_model_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto canonical = std::filesystem::canonical(path, error);
  if (error) {
    return fail_errno(errc_from_errno(error.value()), error.value(),
                      fmt::format("There is no model file {}.", path.string()));
  }
  if (!std::filesystem::is_regular_file(canonical, error)) {
    return fail(Errc::invalid_argument, "{} is not a file; name the .onnx file of the model.",
                path.string());
  }
  ACCEL_TRY(MappedFile map, MappedFile::open(canonical));
  Result<OnnxSummary> summary = read_onnx(map.data());
  if (!summary) return fail(in_file(std::move(summary).error(), canonical));
  if (Status graph = check_onnx_graph(map.data(), *summary); !graph) {
    return fail(in_file(std::move(graph).error(), canonical));
  }
  if (Status external = check_external_data(*summary, canonical.parent_path()); !external) {
    return fail(in_file(std::move(external).error(), canonical));
  }
  return ModelFile{canonical, std::make_shared<const MappedFile>(std::move(map)),
                   std::move(*summary)};
}

Result<OnnxSummary> read_model_bytes(ByteView model) {
  ACCEL_TRY(OnnxSummary summary, read_onnx(model));
  ACCEL_CHECK(check_onnx_graph(model, summary));
  if (!summary.external.empty()) {
    return fail(Errc::corrupt, "A model in memory cannot have external data; it asks for {}.",
                summary.external.front().location);
  }
  return summary;
}

Status check_options(const SessionOptions& options) {
  if (options.threads < 0 || options.threads > kMaxThreads) {
    return fail(Errc::invalid_argument,
                "A session runs on 1 to {} threads (0: the engine decides), not {}.", kMaxThreads,
                options.threads);
  }
  if (options.optimization < 0 || options.optimization > 3) {
    return fail(Errc::invalid_argument, "The optimization level is 0 to 3, not {}.",
                options.optimization);
  }
  return {};
}

std::string library_stamp(const std::vector<std::filesystem::path>& candidates) {
  for (const auto& path : candidates) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (error) continue;
    const auto changed = std::filesystem::last_write_time(path, error);
    if (error) continue;
    return fmt::format("{}, {}, {}", path.string(), size, changed.time_since_epoch().count());
  }
  return "none";
}

}  // namespace accel::inference::detail
