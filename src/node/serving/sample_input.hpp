// SPDX-License-Identifier: Apache-2.0
#pragma once
// A small request of a family, to load a model and run it once before anybody asks. Used by
// models.load. Pure.

#include <nlohmann/json_fwd.hpp>

#include "accel/models/family.hpp"

namespace accel::node {

// Parameters of `run`: a gray picture, a second of silence, a short file or a sentence.
nlohmann::json sample_input(const models::FamilyInfo& family);

}  // namespace accel::node
