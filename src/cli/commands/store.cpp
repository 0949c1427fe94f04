// SPDX-License-Identifier: Apache-2.0
// pin, gc, du, verify: what the store keeps and what it costs.
#include <memory>

#include "command.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

std::string bytes_of(const json& row, const char* name) {
  return human_bytes(row.value(name, std::uint64_t{0}));
}

struct PinFlags {
  std::string target, name;
  bool is_private = false, recursive = true;
};

void add_pin_add(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<PinFlags>();
  CLI::App* command =
      add_command(group, "add", "Keep a stored root and all that it links to",
                  "  ipfs-accelerate pin add --name release bafy…\n"
                  "  ipfs-accelerate pin add --recursive=false bafy…   # this block alone");
  command->add_option("CID", flags->target)->required();
  command->add_option("--name", flags->name, "A label for people");
  command->add_option("-r,--recursive", flags->recursive, "Also what it links to (default true)");
  command->add_flag("--private", flags->is_private, "Never serve or announce this root");
  on_chosen(command, selection, [flags](Session& session) -> Status {
    const json params{{"target", flags->target},
                      {"name", flags->name},
                      {"private", flags->is_private},
                      {"recursive", flags->recursive}};
    ACCEL_TRY(const json result, session.call("pin.add", params));
    if (session.flags().json) return print_json(result);
    return print_line("pinned " + result.at("cid").get<std::string>());
  });
}

void add_pin_rm(CLI::App& group, Selection& selection) {
  auto target = std::make_shared<std::string>();
  CLI::App* command =
      add_command(group, "rm", "No longer keep a root, and drop its names; gc frees it",
                  "  ipfs-accelerate pin rm bafy…");
  command->add_option("CID", *target)->required();
  on_chosen(command, selection, [target](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("pin.rm", {{"target", *target}}));
    if (session.flags().json) return print_json(result);
    ACCEL_CHECK(print_line("unpinned " + result.at("cid").get<std::string>()));
    for (const json& name : result.value("names_dropped", json::array()))
      ACCEL_CHECK(print_line("  its name " + name.get<std::string>() + " is gone too"));
    return {};
  });
}

struct PinListFlags {
  std::string type = "all", name;
  bool names = false;
};

void add_pin_ls(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<PinListFlags>();
  CLI::App* command = add_command(group, "ls", "List the roots that are kept",
                                  "  ipfs-accelerate pin ls\n"
                                  "  ipfs-accelerate pin ls --type direct");
  command->add_option("-t,--type", flags->type, "all (default), recursive or direct");
  command->add_option("-n,--name", flags->name, "Only pins of this label");
  command->add_flag("--names", flags->names, "Labels are always shown; for Kubo's habit");
  on_chosen(command, selection, [flags](Session& session) -> Status {
    const json params{{"type", flags->type}, {"name", flags->name}};
    ACCEL_TRY(const json result, session.call("pin.ls", params));
    if (session.flags().json) return print_json(result);
    std::vector<std::vector<std::string>> rows;
    for (const json& pin : result.at("pins")) {
      rows.push_back({pin.at("cid"), bytes_of(pin, "bytes"), pin.at("type"),
                      pin.value("private", false) ? "private" : "public",
                      pin.value("name", std::string())});
    }
    return print_table({"CID", "BYTES", "TYPE", "SERVED", "NAME"}, rows);
  });
}

struct PinUpdateFlags {
  std::string from, to;
  bool unpin = true;
};

void add_pin_update(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<PinUpdateFlags>();
  CLI::App* command = add_command(group, "update", "Move a pin, with its label, to another root",
                                  "  ipfs-accelerate pin update bafy…old bafy…new");
  command->add_option("FROM", flags->from)->required();
  command->add_option("TO", flags->to)->required();
  command->add_option("--unpin", flags->unpin, "Let go of the old root (default true)");
  on_chosen(command, selection, [flags](Session& session) -> Status {
    const json params{{"from", flags->from}, {"to", flags->to}, {"unpin", flags->unpin}};
    ACCEL_TRY(const json result, session.call("pin.update", params));
    if (session.flags().json) return print_json(result);
    return print_line(fmt::format("updated {} to {}", result.at("from").get<std::string>(),
                                  result.at("to").get<std::string>()));
  });
}

void add_pin_verify(CLI::App& group, Selection& selection) {
  CLI::App* command = add_command(group, "verify", "Check that all that pins keep is here",
                                  "  ipfs-accelerate pin verify");
  on_chosen(command, selection, [](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("pin.verify", json::object()));
    const auto broken = result.value("broken", std::uint64_t{0});
    if (session.flags().json) {
      ACCEL_CHECK(print_json(result));
    } else {
      for (const json& pin : result.at("pins")) {
        ACCEL_CHECK(print_line(fmt::format("{} {} {}", pin.at("cid").get<std::string>(),
                                           pin.value("ok", false) ? "ok" : "broken",
                                           pin.value("error", std::string()))));
      }
    }
    if (broken == 0) return {};
    return fail(Errc::corrupt, "{} pins are not whole; pull their roots again.", broken);
  });
}

void add_gc(CLI::App& app, Selection& selection) {
  auto dry_run = std::make_shared<bool>(false);
  auto unfinished = std::make_shared<bool>(false);
  CLI::App* command = add_command(app, "gc", "Free what no pin, name or running read needs",
                                  "  ipfs-accelerate gc --dry-run");
  command->add_flag("--dry-run", *dry_run, "Only say what would be freed");
  command->add_flag("--unfinished", *unfinished,
                    "Also what interrupted pulls have fetched so far (else it is kept to resume)");
  on_chosen(command, selection, [dry_run, unfinished](Session& session) -> Status {
    const json params{{"dry_run", *dry_run}, {"unfinished", *unfinished}};
    ACCEL_TRY(const json result, session.call("store.gc", params));
    if (session.flags().json) return print_json(result);
    if (const auto partials = result.value("unfinished_freed", 0); partials > 0)
      ACCEL_CHECK(print_line(fmt::format("removed {} unfinished files", partials)));
    return print_line(fmt::format(
        "{} {} in {} files and {} blocks; kept {} blocks", *dry_run ? "would free" : "freed",
        bytes_of(result, "bytes_freed"), result.value("files_freed", std::uint64_t{0}),
        result.value("blocks_freed", std::uint64_t{0}),
        result.value("blocks_kept", std::uint64_t{0})));
  });
}

void add_du(CLI::App& app, Selection& selection) {
  CLI::App* command =
      add_command(app, "du", "Say where the home's bytes are", "  ipfs-accelerate du");
  on_chosen(command, selection, [](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("store.du", json::object()));
    if (session.flags().json) return print_json(result);
    std::vector<std::vector<std::string>> rows;
    for (const json& part : result.at("parts"))
      rows.push_back({bytes_of(part, "bytes"), part.at("what")});
    ACCEL_CHECK(print_table({"BYTES", "WHAT"}, rows));
    rows.clear();
    for (const json& root : result.at("roots")) {
      rows.push_back({bytes_of(root, "bytes"), root.at("cid"), root.value("name", std::string())});
    }
    return rows.empty() ? Status{} : print_table({"BYTES", "ROOT", "NAME"}, rows);
  });
}

void add_verify(CLI::App& app, Selection& selection) {
  CLI::App* command = add_command(app, "verify", "Hash everything that is stored and compare",
                                  "  ipfs-accelerate verify");
  on_chosen(command, selection, [](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("store.verify", json::object()));
    if (session.flags().json) {
      ACCEL_CHECK(print_json(result));
    } else {
      for (const json& bad : result.at("damaged"))
        ACCEL_CHECK(print_line("damaged " + bad.get<std::string>()));
      ACCEL_CHECK(print_line(fmt::format("{} blocks, {} checked, {} damaged",
                                         result.value("blocks", std::uint64_t{0}),
                                         bytes_of(result, "bytes"), result.at("damaged").size())));
    }
    if (result.at("damaged").empty()) return {};
    return fail(Errc::corrupt, "{} stored blocks are damaged; pull their roots again.",
                result.at("damaged").size());
  });
}

}  // namespace

void add_store_commands(CLI::App& app, Selection& selection) {
  CLI::App* group =
      add_command(app, "pin", "Choose which roots are kept", "  ipfs-accelerate pin ls");
  group->require_subcommand(1);
  add_pin_add(*group, selection);
  add_pin_rm(*group, selection);
  add_pin_ls(*group, selection);
  add_pin_update(*group, selection);
  add_pin_verify(*group, selection);
  add_gc(app, selection);
  add_du(app, selection);
  add_verify(app, selection);
}

}  // namespace accel::cli
