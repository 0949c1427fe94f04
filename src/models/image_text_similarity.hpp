// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which of several texts fits an image best: CLIP. Private to models; for the table of families.

#include "families.hpp"

namespace accel::models {

OpenedFamily open_image_text_similarity(const ModelManifest& manifest, const Fetcher& fetcher);

}  // namespace accel::models
