// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the images of all requests may take together: each limit of image.hpp is of one image, and
// many requests decode at a time. Whoever finds no room waits a while, on a thread that runs
// methods. Private to models; thread-safe.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "accel/core/clock.hpp"
#include "accel/core/result.hpp"

namespace accel::models {

class ImageMemory {
 public:
  ImageMemory(std::uint64_t bytes, Duration patience)
      : free_(bytes), all_(bytes), patience_(patience) {}

  // Until the last copy of what it returns is gone; that must not outlive this object. Errors:
  // resource_exhausted (no room within the patience, or more than there is in all).
  Result<std::shared_ptr<void>> take(std::uint64_t bytes);

 private:
  void give_back(std::uint64_t bytes);

  std::mutex mutex_;
  std::condition_variable room_;
  std::uint64_t free_;
  const std::uint64_t all_;
  const Duration patience_;
};

// Of this process, for memory is the process's: 512 MB, which is the largest image that is taken in
// its costliest form, and more ordinary ones than there are requests; 10 s.
ImageMemory& image_memory();
// Beside it, of what is made of decoded images layer by layer: 256 MB; 10 s. One of its own, for
// who asks it holds an image: were it the same, all could wait for each other.
ImageMemory& layer_memory();

}  // namespace accel::models
