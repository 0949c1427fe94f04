// SPDX-License-Identifier: Apache-2.0
// models {list, show, families, load, unload}: what is here under which name, and in memory.
#include <memory>

#include "command.hpp"
#include "commands/findings.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

Status list_models(Session& session) {
  ACCEL_TRY(const json result, session.call("models.list", json::object()));
  if (session.flags().json) return print_json(result);
  if (result.at("models").empty()) {
    print_note(
        "No model has a name yet: `ipfs-accelerate pull NAME@CID` or `add --name NAME FOLDER`.");
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const json& model : result.at("models")) {
    rows.push_back({model.at("name"), model.value("task", std::string("?")),
                    model.contains("bytes") ? human_bytes(model["bytes"].get<std::uint64_t>())
                                            : std::string("-"),
                    model.at("cid")});
  }
  ACCEL_CHECK(print_table({"NAME", "TASK", "BYTES", "CID"}, rows));
  for (const json& model : result.at("models")) {
    if (!model.contains("reason")) continue;
    print_note(fmt::format("{} does not run: {}", model.at("name").get<std::string>(),
                           model["reason"].get<std::string>()));
  }
  return {};
}

Status show_model(Session& session, const std::string& model) {
  ACCEL_TRY(const json result, session.call("models.show", {{"model", model}}));
  if (session.flags().json) return print_json(result);
  for (const char* name : {"name", "cid", "task", "family"}) {
    ACCEL_CHECK(print_line(fmt::format("{:10} {}", name, result.value(name, std::string("-")))));
  }
  for (const json& variant : result.at("variants")) {
    ACCEL_CHECK(print_line(fmt::format(
        "variant    {} {} weights sha256 {}", variant.at("precision").get<std::string>(),
        variant.at("file").get<std::string>(), variant.at("weights_sha256").get<std::string>())));
  }
  std::vector<std::vector<std::string>> rows;
  for (const json& file : result.at("files")) {
    rows.push_back(
        {std::to_string(file.value("bytes", std::uint64_t{0})), file.at("path"), file.at("cid")});
  }
  return print_table({"BYTES", "FILE", "CID"}, rows);
}

struct LoadFlags {
  std::string model, keep_alive;
  bool tensors = false;
};

Status load_model(Session& session, const LoadFlags& flags) {
  json params{{"model", flags.model}};
  if (!flags.keep_alive.empty()) params["keep_alive"] = flags.keep_alive;
  if (flags.tensors) params["tensors"] = true;
  ACCEL_TRY(const json result, session.call("models.load", params));
  if (session.flags().json) return print_json(result);
  if (result.at("models").empty())
    return print_line(flags.model + " was loaded, and let go at once: its time to stay is over");
  for (const json& row : result.at("models")) {
    ACCEL_CHECK(print_line(
        fmt::format("{} for {} in memory: {} ({}), loaded in {:.0f} ms",
                    row.value("name", flags.model), row.value("task", std::string("-")),
                    human_bytes(row.value("memory_bytes", std::uint64_t{0})),
                    row.value("memory_known", std::string("-")), row.value("load_ms", 0.0))));
  }
  return {};
}

Status unload_model(Session& session, const std::string& model) {
  ACCEL_TRY(const json result, session.call("models.unload", {{"model", model}}));
  if (session.flags().json) return print_json(result);
  return print_line(result.at("unloaded") == 0 ? "it was not in memory" : "unloaded");
}

void add_memory_commands(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<LoadFlags>();
  CLI::App* load = add_command(group, "load", "Load a model into the daemon's memory",
                               "  ipfs-accelerate models load minilm\n"
                               "  ipfs-accelerate models load smollm --keep-alive -1");
  load->add_option("MODEL", flags->model, "Name or CID")->required();
  load->add_option("--keep-alive", flags->keep_alive,
                   "How long it stays after its last use: 5m, 0, or -1 (as long as the daemon)");
  load->add_flag("--tensors", flags->tensors, "For tensors as they are, whatever its task");
  on_chosen(load, selection, [flags](Session& session) { return load_model(session, *flags); });
  auto model = std::make_shared<std::string>();
  CLI::App* unload = add_command(group, "unload", "Let go of a model in the daemon's memory",
                                 "  ipfs-accelerate models unload minilm");
  unload->add_option("MODEL", *model, "Name or CID")->required();
  on_chosen(unload, selection, [model](Session& session) { return unload_model(session, *model); });
}

}  // namespace

void add_model_commands(CLI::App& app, Selection& selection) {
  CLI::App* group =
      add_command(app, "models", "Models that are here", "  ipfs-accelerate models list");
  group->require_subcommand(1);
  CLI::App* list =
      add_command(*group, "list", "Names, tasks, sizes, CIDs", "  ipfs-accelerate models list");
  on_chosen(list, selection, list_models);
  CLI::App* families =
      add_command(*group, "families", "What can be run, and what it was tested with",
                  "  ipfs-accelerate models families");
  on_chosen(families, selection, list_families);
  auto model = std::make_shared<std::string>();
  CLI::App* show = add_command(*group, "show", "Files and variants of one model",
                               "  ipfs-accelerate models show minilm");
  show->add_option("MODEL", *model, "Name or CID")->required();
  on_chosen(show, selection, [model](Session& session) { return show_model(session, *model); });
  add_memory_commands(*group, selection);
}

}  // namespace accel::cli
