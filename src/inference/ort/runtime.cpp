// SPDX-License-Identifier: Apache-2.0
#include "ort/runtime.hpp"

#include <cstdlib>

#include "accel/core/log.hpp"

namespace accel::inference::ort {
namespace {

// ONNX Runtime's warnings go to our log, below what users see: what matters comes back as a status.
void ORT_API_CALL forward_log(void*, OrtLoggingLevel, const char* category, const char*,
                              const char*, const char* message) {
  if (log::enabled(log::Level::debug)) {
    log::debug("inference", message == nullptr ? "" : message,
               {log::field("engine", "onnxruntime"),
                log::field("category", category == nullptr ? "" : category)});
  }
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Errc errc_of(OrtErrorCode code, std::string_view words, Errc general) {
  if (contains(words, "bad_alloc") || contains(words, "Failed to allocate memory"))
    return Errc::resource_exhausted;
  if (contains(words, "is not a registered function/op") || contains(words, "No Op registered") ||
      contains(words, "Could not find an implementation") ||
      contains(words, "only *guarantees* support for models stamped")) {
    return Errc::unsupported;
  }
  // A provider that does not start is told as a plain failure to make the session.
  if (contains(words, "Error creating execution provider")) return Errc::unavailable;
  switch (code) {
    case ORT_NO_SUCHFILE:
    case ORT_NO_MODEL:
      return Errc::not_found;
    case ORT_INVALID_PROTOBUF:
    case ORT_INVALID_GRAPH:
      return Errc::corrupt;
    case ORT_NOT_IMPLEMENTED:
      return Errc::unsupported;
    case ORT_EP_FAIL:
      return Errc::unavailable;
    default:
      return general;
  }
}

// The library asks its maker's server home when it is loaded, unless this says no. The program sets
// it in main(), before any thread; tests and benchmarks come here while they still have one.
void refuse_telemetry() {
  if (std::getenv("ORT_DISABLE_TELEMETRY") == nullptr) ::setenv("ORT_DISABLE_TELEMETRY", "1", 1);
}

}  // namespace

Result<std::shared_ptr<Runtime>> Runtime::load(const LibraryQuery& query) {
  refuse_telemetry();
  Result<SharedLibrary> library = open_library(query);
  if (!library) {
    Error error = std::move(library).error();
    error.message =
        "ONNX Runtime is not installed or does not load. Install it with `tools/deps install` or "
        "the package onnxruntime, or name "
        "libonnxruntime.so.1 in the configuration. " +
        error.message;
    return fail(std::move(error));
  }
  library->keep_loaded();  // It starts threads and registers exit handlers.
  std::shared_ptr<Runtime> runtime(
      new Runtime(std::move(*library)));  // tidy: raw-new: private constructor
  ACCEL_CHECK(runtime->start());
  return runtime;
}

Status Runtime::start() {
  path_ = library_.path();
  const OrtApiBase* (*get_base)() = nullptr;
  if (Status bound = library_.bind(get_base, "OrtGetApiBase"); !bound) {
    return fail(Errc::unavailable, "{} is no ONNX Runtime: it has no OrtGetApiBase.",
                path_.string());
  }
  const OrtApiBase* base = get_base();
  version_ = base->GetVersionString();
  for (api_version_ = ORT_API_VERSION; api_version_ >= kOldestApi && api_ == nullptr;) {
    api_ = base->GetApi(static_cast<std::uint32_t>(api_version_));
    if (api_ == nullptr) --api_version_;
  }
  if (api_ == nullptr) {
    return fail(Errc::unavailable,
                "ONNX Runtime {} in {} is too old; version 1.{} or later is needed.", version_,
                path_.string(), kOldestApi);
  }
  OrtEnv* env = nullptr;
  ACCEL_CHECK(check(api_->CreateEnvWithCustomLogger(forward_log, nullptr, ORT_LOGGING_LEVEL_WARNING,
                                                    "accel", &env),
                    "start its environment"));
  env_ = {env, api_->ReleaseEnv};
  return check(api_->DisableTelemetryEvents(env), "turn its telemetry off");
}

Status Runtime::check(OrtStatus* status, std::string_view doing, Errc general) const {
  if (status == nullptr) return {};
  const Handle<OrtStatus> owned(status, api_->ReleaseStatus);
  Error error;
  error.cause = api_->GetErrorMessage(status);
  error.code = errc_of(api_->GetErrorCode(status), error.cause, general);
  error.message = fmt::format("ONNX Runtime could not {}.", doing);
  return fail(std::move(error));
}

LibraryQuery library_query(const OnnxRuntimeOptions& options) {
  return {"libonnxruntime.so.1", "onnxruntime", options.library};
}

}  // namespace accel::inference::ort
