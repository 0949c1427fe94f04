// SPDX-License-Identifier: Apache-2.0
#pragma once
// OpenVINO's C API, loaded once and kept: its functions and one core object. Used by the files of
// openvino/ only. Threads: immutable after load(); the core may be called from many threads.
// Owners: the backend, its sessions and their results.

#include <memory>
#include <string>
#include <string_view>

#include <openvino/c/openvino.h>

#include "accel/core/library.hpp"
#include "accel/inference/backend.hpp"

namespace accel::inference::openvino {

// The functions that are used, bound by name.
struct Api {
  decltype(&ov_get_openvino_version) version = nullptr;
  decltype(&ov_version_free) version_free = nullptr;
  decltype(&ov_get_last_err_msg) last_error = nullptr;
  decltype(&ov_free) free_text = nullptr;
  decltype(&ov_core_create) core_create = nullptr;
  decltype(&ov_core_free) core_free = nullptr;
  decltype(&ov_core_get_available_devices) devices = nullptr;
  decltype(&ov_available_devices_free) devices_free = nullptr;
  decltype(&ov_core_get_property) core_property = nullptr;
  decltype(&ov_core_read_model) read_model = nullptr;
  decltype(&ov_core_read_model_from_memory_buffer) read_memory = nullptr;
  decltype(&ov_model_free) model_free = nullptr;
  decltype(&ov_core_compile_model_props) compile = nullptr;
  decltype(&ov_core_compile_model_from_file_props) compile_file = nullptr;
  decltype(&ov_compiled_model_free) compiled_free = nullptr;
  decltype(&ov_compiled_model_input_by_name) input_by_name = nullptr;
  decltype(&ov_compiled_model_output_by_name) output_by_name = nullptr;
  decltype(&ov_output_const_port_free) port_free = nullptr;
  decltype(&ov_compiled_model_create_infer_request) request_create = nullptr;
  decltype(&ov_infer_request_free) request_free = nullptr;
  decltype(&ov_infer_request_set_tensor) set_tensor = nullptr;
  decltype(&ov_infer_request_get_tensor) get_tensor = nullptr;
  decltype(&ov_infer_request_infer) infer = nullptr;
  decltype(&ov_infer_request_start_async) start = nullptr;
  decltype(&ov_infer_request_wait) wait = nullptr;
  decltype(&ov_infer_request_cancel) cancel = nullptr;
  decltype(&ov_tensor_create_from_host_ptr) tensor_borrow = nullptr;
  decltype(&ov_tensor_free) tensor_free = nullptr;
  decltype(&ov_tensor_data) tensor_data = nullptr;
  decltype(&ov_tensor_get_shape) tensor_shape = nullptr;
  decltype(&ov_tensor_get_size) tensor_size = nullptr;
  decltype(&ov_tensor_get_element_type) tensor_type = nullptr;
  decltype(&ov_shape_free) shape_free = nullptr;

  Status bind(const SharedLibrary& library);
};

template <class T>
using Handle = std::unique_ptr<T, void (*)(T*)>;

class Library {
 public:
  // Errors: unavailable (no library, or one without a function that is needed).
  static Result<std::shared_ptr<const Library>> load(const LibraryQuery& query);

  const Api& api() const { return api_; }
  const ov_core_t* core() const { return core_.get(); }
  const std::string& version() const { return version_; }
  const std::filesystem::path& path() const { return path_; }

  // `doing` completes "OpenVINO could not ..."; its own words are the cause. `general` is our code
  // for its general error.
  Status check(ov_status_e status, std::string_view doing, Errc general = Errc::internal) const;
  // A property of a device as text; empty when it has none.
  std::string property(const std::string& device, const char* key) const;
  // "CPU", "GPU.0".
  Result<std::vector<std::string>> devices() const;

 private:
  explicit Library(SharedLibrary library) : library_(std::move(library)) {}
  Status start();

  SharedLibrary library_;
  Api api_;
  std::string version_;
  std::filesystem::path path_;
  Handle<ov_core_t> core_{nullptr, nullptr};
};

LibraryQuery library_query(const OpenVinoOptions& options);

}  // namespace accel::inference::openvino
