// SPDX-License-Identifier: Apache-2.0
#include "image/image_memory.hpp"

namespace accel::models {

Result<std::shared_ptr<void>> ImageMemory::take(std::uint64_t bytes) {
  std::unique_lock lock(mutex_);
  const bool fits =
      bytes <= all_ && room_.wait_for(lock, patience_, [&] { return bytes <= free_; });
  if (!fits) {
    return fail(Errc::resource_exhausted,
                "The image takes {} MB while it is worked on, and the images of other requests "
                "left less than that of {} MB; try again later.",
                bytes / 1'000'000, all_ / 1'000'000);
  }
  free_ -= bytes;
  return std::shared_ptr<void>(
      this, [bytes](void* memory) { static_cast<ImageMemory*>(memory)->give_back(bytes); });
}

void ImageMemory::give_back(std::uint64_t bytes) {
  {
    const std::scoped_lock lock(mutex_);
    free_ += bytes;
  }
  room_.notify_all();
}

ImageMemory& image_memory() {
  static ImageMemory memory(512'000'000, std::chrono::seconds(10));
  return memory;
}

ImageMemory& layer_memory() {
  static ImageMemory memory(256'000'000, std::chrono::seconds(10));
  return memory;
}

}  // namespace accel::models
