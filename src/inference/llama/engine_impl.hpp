// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an engine has: the library, loaded when it is first needed. Used by what opens models.

#include <mutex>

#include "llama/library.hpp"

namespace accel::inference {

class LlamaEngine::Impl {
 public:
  explicit Impl(LlamaOptions options) : options_(std::move(options)) {}

  Result<std::shared_ptr<const llama::Library>> library() {
    const std::scoped_lock lock(mutex_);
    if (!library_) {
      ACCEL_TRY(library_, llama::Library::load(llama::library_query(options_)));
    }
    return library_;
  }

 private:
  LlamaOptions options_;
  std::mutex mutex_;
  std::shared_ptr<const llama::Library> library_;
};

}  // namespace accel::inference
