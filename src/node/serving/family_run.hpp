// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs models of every family of the table in models, on what measured best here. Used by run.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "accel/models/family.hpp"
#include "serving/loaded.hpp"
#include "serving/model_store.hpp"
#include "serving/run_request.hpp"
#include "serving/selection.hpp"

namespace accel::node {

// A model of a family that a daemon keeps in memory.
struct LoadedFamily : Loaded {
  std::string task;
  std::shared_ptr<const models::Family> family;  // Owners: this, and the calls that run.
  std::unique_ptr<inference::Session> session;

  nlohmann::json row() const override;
};

// Errors: as the family's prepare() and run(), select_candidate() and opening the model.
Result<nlohmann::json> run_family(ServingContext& call, const RunRequest& request,
                                  StoredModel& model, const models::FamilyInfo& info);

// models.families: the table of what can be run, and what it was tested with.
Result<nlohmann::json> models_families(Context& context);

// What engine, model and choice a run had, for its result; tasks add their own to it.
nlohmann::json run_facts(const inference::SessionInfo& info, const Selected& selected);

}  // namespace accel::node
