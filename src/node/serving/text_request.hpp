// SPDX-License-Identifier: Apache-2.0
#pragma once
// What text.generate is asked, of its parameters.

#include <optional>

#include "accel/core/clock.hpp"
#include "accel/core/priority.hpp"
#include "accel/models/text_generator.hpp"
#include "serving/draft_wish.hpp"
#include "serving/remote_route.hpp"

namespace accel::node {

struct GenerateRequest {
  std::string model;
  models::TextRequest text;
  DraftWish draft;
  int threads = 0;
  std::size_t context = 0;  // Tokens that the model must have room for in one text; 0: no matter.
  bool record = true;
  bool check_only = false;  // Loads the model and refuses what would be refused; writes nothing.
  std::optional<Duration> keep_alive;  // Of the model, from now on.
  std::size_t answers = 1;             // To the same prompt, with one seed after the other.
  bool seeded = false;                 // The seed was given, else it is chance.
  RemoteWish remote;
  Priority priority = Priority::normal;
  bool parts = false;  // Pieces come as JSON, one a line (text_answer.hpp).
};

// Errors: invalid_argument (names the parameter).
Result<GenerateRequest> read_generate_request(ServingContext& call);

}  // namespace accel::node
