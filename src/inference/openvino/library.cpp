// SPDX-License-Identifier: Apache-2.0
#include "openvino/library.hpp"

#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ACCEL_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ACCEL_SANITIZED 1
#endif
#endif

namespace accel::inference::openvino {
namespace {

// OpenVINO's TBB opens libraries with RTLD_DEEPBIND, which ends a sanitized process on the spot;
// this variable of TBB's own leaves the flag out. Release builds do not touch the environment.
void allow_sanitizers() {
#ifdef ACCEL_SANITIZED
  ::setenv("TBB_ENABLE_SANITIZERS", "1", 0);
#endif
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Errc errc_of(ov_status_e status, std::string_view words, Errc general) {
  if (contains(words, "bad_alloc") || contains(words, "not enough memory"))
    return Errc::resource_exhausted;
  if (contains(words, "OpenVINO does not support") || contains(words, "No conversion rule") ||
      contains(words, "Not supported") || contains(words, "Unsupported")) {
    return Errc::unsupported;
  }
  switch (status) {
    case ov_status_e::NOT_IMPLEMENTED:
      return Errc::unsupported;
    case ov_status_e::NOT_FOUND:
      return Errc::not_found;
    case ov_status_e::INFER_CANCELLED:
      return Errc::cancelled;
    default:
      return general;
  }
}

}  // namespace

Status Api::bind(const SharedLibrary& library) {
  ACCEL_CHECK(library.bind(version, "ov_get_openvino_version"));
  ACCEL_CHECK(library.bind(version_free, "ov_version_free"));
  ACCEL_CHECK(library.bind(last_error, "ov_get_last_err_msg"));
  ACCEL_CHECK(library.bind(free_text, "ov_free"));
  ACCEL_CHECK(library.bind(core_create, "ov_core_create"));
  ACCEL_CHECK(library.bind(core_free, "ov_core_free"));
  ACCEL_CHECK(library.bind(devices, "ov_core_get_available_devices"));
  ACCEL_CHECK(library.bind(devices_free, "ov_available_devices_free"));
  ACCEL_CHECK(library.bind(core_property, "ov_core_get_property"));
  ACCEL_CHECK(library.bind(read_model, "ov_core_read_model"));
  ACCEL_CHECK(library.bind(read_memory, "ov_core_read_model_from_memory_buffer"));
  ACCEL_CHECK(library.bind(model_free, "ov_model_free"));
  ACCEL_CHECK(library.bind(compile, "ov_core_compile_model_props"));
  ACCEL_CHECK(library.bind(compile_file, "ov_core_compile_model_from_file_props"));
  ACCEL_CHECK(library.bind(compiled_free, "ov_compiled_model_free"));
  ACCEL_CHECK(library.bind(input_by_name, "ov_compiled_model_input_by_name"));
  ACCEL_CHECK(library.bind(output_by_name, "ov_compiled_model_output_by_name"));
  ACCEL_CHECK(library.bind(port_free, "ov_output_const_port_free"));
  ACCEL_CHECK(library.bind(request_create, "ov_compiled_model_create_infer_request"));
  ACCEL_CHECK(library.bind(request_free, "ov_infer_request_free"));
  ACCEL_CHECK(library.bind(set_tensor, "ov_infer_request_set_tensor"));
  ACCEL_CHECK(library.bind(get_tensor, "ov_infer_request_get_tensor"));
  ACCEL_CHECK(library.bind(infer, "ov_infer_request_infer"));
  ACCEL_CHECK(library.bind(start, "ov_infer_request_start_async"));
  ACCEL_CHECK(library.bind(wait, "ov_infer_request_wait"));
  ACCEL_CHECK(library.bind(cancel, "ov_infer_request_cancel"));
  ACCEL_CHECK(library.bind(tensor_borrow, "ov_tensor_create_from_host_ptr"));
  ACCEL_CHECK(library.bind(tensor_free, "ov_tensor_free"));
  ACCEL_CHECK(library.bind(tensor_data, "ov_tensor_data"));
  ACCEL_CHECK(library.bind(tensor_shape, "ov_tensor_get_shape"));
  ACCEL_CHECK(library.bind(tensor_size, "ov_tensor_get_size"));
  ACCEL_CHECK(library.bind(tensor_type, "ov_tensor_get_element_type"));
  return library.bind(shape_free, "ov_shape_free");
}

Result<std::shared_ptr<const Library>> Library::load(const LibraryQuery& query) {
  allow_sanitizers();
  Result<SharedLibrary> opened = open_library(query);
  if (!opened) {
    Error error = std::move(opened).error();
    error.message =
        "OpenVINO is not installed or does not load. Install it with `tools/deps install` or the "
        "package openvino, or name "
        "libopenvino_c.so in the configuration. " +
        error.message;
    return fail(std::move(error));
  }
  opened->keep_loaded();  // It starts threads and registers exit handlers.
  std::shared_ptr<Library> library(
      new Library(std::move(*opened)));  // tidy: raw-new: private constructor
  ACCEL_CHECK(library->start());
  return std::shared_ptr<const Library>(std::move(library));
}

Status Library::start() {
  path_ = library_.path();
  if (Status bound = api_.bind(library_); !bound) {
    return fail(Errc::unavailable, "{} is no OpenVINO 2026 or later: {}", path_.string(),
                bound.error().to_string());
  }
  ov_version_t version{};
  ACCEL_CHECK(check(api_.version(&version), "tell its version"));
  version_ = version.buildNumber == nullptr ? "unknown" : version.buildNumber;
  api_.version_free(&version);
  ov_core_t* core = nullptr;
  ACCEL_CHECK(check(api_.core_create(&core), "start", Errc::unavailable));
  core_ = {core, api_.core_free};
  return {};
}

Status Library::check(ov_status_e status, std::string_view doing, Errc general) const {
  if (status == ov_status_e::OK) return {};
  Error error;
  const char* words = api_.last_error();  // A copy of ours.
  error.cause = words == nullptr ? "" : words;
  if (words != nullptr) api_.free_text(words);
  if (error.cause.empty()) error.cause = fmt::format("status {}", static_cast<int>(status));
  error.code = errc_of(status, error.cause, general);
  error.message = fmt::format("OpenVINO could not {}.", doing);
  return fail(std::move(error));
}

std::string Library::property(const std::string& device, const char* key) const {
  char* value = nullptr;
  if (api_.core_property(core(), device.c_str(), key, &value) != ov_status_e::OK ||
      value == nullptr)
    return {};
  std::string text = value;
  api_.free_text(value);
  return text;
}

Result<std::vector<std::string>> Library::devices() const {
  ov_available_devices_t found{};
  ACCEL_CHECK(check(api_.devices(core(), &found), "list its devices", Errc::unavailable));
  std::vector<std::string> names;
  for (std::size_t index = 0; index < found.size; ++index) names.emplace_back(found.devices[index]);
  api_.devices_free(&found);
  return names;
}

LibraryQuery library_query(const OpenVinoOptions& options) {
  return {"libopenvino_c.so", "openvino", options.library};
}

}  // namespace accel::inference::openvino
