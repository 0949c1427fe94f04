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
  CLI::Option* const is_private =
      command->add_flag("--private", flags->is_private,
                        "Never serve or announce this root (--private=false: do; else as it was)");
  on_chosen(command, selection, [flags, is_private](Session& session) -> Status {
    json params{{"target", flags->target}, {"name", flags->name}, {"recursive", flags->recursive}};
    if (is_private->count() > 0) params["private"] = flags->is_private;
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
  CLI::App* command =
      add_command(group, "update", "Move a pin, with its label and its names, to another root",
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
  CLI::App* command = add_command(app, "gc", "Free what no pin and no running read needs",
                                  "  ipfs-accelerate gc --dry-run");
  command->add_flag("--dry-run", *dry_run, "Only say what would be freed");
  command->add_flag("--unfinished", *unfinished,
                    "Also what interrupted pulls have fetched so far (else it is kept to resume)");
  auto free_bytes = std::make_shared<std::uint64_t>(0);
  command
      ->add_option("--free-bytes", *free_bytes,
                   "Free about so much, as 500MB or 2GiB, longest unused first; keep the rest")
      ->transform(CLI::AsSizeValue(true));
  on_chosen(command, selection, [dry_run, unfinished, free_bytes](Session& session) -> Status {
    const json params{
        {"dry_run", *dry_run}, {"unfinished", *unfinished}, {"free_bytes", *free_bytes}};
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

Status print_containers(const json& result) {
  std::vector<std::vector<std::string>> rows;
  for (const json& file : result.at("files")) {
    rows.push_back({bytes_of(file, "bytes"), file.value("referenced", false) ? "reference" : "file",
                    file.at("cid").get<std::string>()});
  }
  for (const json& pack : result.at("packs")) {
    rows.push_back(
        {bytes_of(pack, "bytes"), "pack",
         fmt::format("{}, {} in use", pack.value("id", 0), bytes_of(pack, "live_bytes"))});
  }
  return print_table({"BYTES", "KIND", "WHAT"}, rows);
}

void add_du(CLI::App& app, Selection& selection) {
  CLI::App* command = add_command(app, "du", "Say where the home's bytes are",
                                  "  ipfs-accelerate du\n"
                                  "  ipfs-accelerate du --all");
  auto all = std::make_shared<bool>(false);
  command->add_flag("-a,--all", *all, "Also each file and each pack");
  on_chosen(command, selection, [all](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("store.du", json::object()));
    if (session.flags().json) return print_json(result);
    std::vector<std::vector<std::string>> rows;
    for (const json& part : result.at("parts"))
      rows.push_back({bytes_of(part, "bytes"), part.at("what")});
    ACCEL_CHECK(print_table({"BYTES", "WHAT"}, rows));
    if (const json& freeable = result.at("freeable"); freeable.is_object())
      ACCEL_CHECK(print_line("gc would free " + bytes_of(freeable, "bytes")));
    if (*all) ACCEL_CHECK(print_containers(result));
    rows.clear();
    for (const json& root : result.at("roots")) {
      rows.push_back({bytes_of(root, "bytes"), root.at("cid"), root.value("name", std::string())});
    }
    return rows.empty() ? Status{} : print_table({"BYTES", "ROOT", "NAME"}, rows);
  });
}

struct VerifyFlags {
  std::string target;
  double sample = 0;
};

void add_verify(CLI::App& app, Selection& selection) {
  auto flags = std::make_shared<VerifyFlags>();
  CLI::App* command = add_command(app, "verify", "Hash what is stored and compare",
                                  "  ipfs-accelerate verify\n"
                                  "  ipfs-accelerate verify --sample 5\n"
                                  "  ipfs-accelerate verify minilm");
  command->add_option("CID", flags->target, "Only what this CID, name, or CID/path reaches");
  CLI::Option* const sample =
      command->add_option("--sample", flags->sample, "Only about so many percent of the blocks")
          ->check(CLI::Range(0.0, 100.0));
  on_chosen(command, selection, [flags, sample](Session& session) -> Status {
    json params{{"target", flags->target}};
    if (sample->count() > 0) params["sample"] = flags->sample;
    ACCEL_TRY(const json result, session.call("store.verify", params));
    const auto damaged = result.value("damaged_total", std::uint64_t{0});
    if (session.flags().json) {
      ACCEL_CHECK(print_json(result));
    } else {
      for (const json& bad : result.at("damaged"))
        ACCEL_CHECK(print_line("damaged " + bad.get<std::string>()));
      ACCEL_CHECK(print_line(fmt::format("{} blocks, {} checked, {} damaged",
                                         result.value("blocks", std::uint64_t{0}),
                                         bytes_of(result, "bytes"), damaged)));
    }
    if (damaged == 0) return {};
    return fail(Errc::corrupt,
                "{} stored blocks are damaged, and are given to nobody; `repair --from URL` "
                "fetches them again.",
                damaged);
  });
}

void add_repair(CLI::App& app, Selection& selection) {
  auto from = std::make_shared<std::vector<std::string>>();
  CLI::App* command = add_command(app, "repair", "Fetch again what is damaged or missing",
                                  "  ipfs-accelerate repair --from http://127.0.0.1:8080");
  command->add_option("--from", *from, "A gateway's URL; may be given several times");
  on_chosen(command, selection, [from](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("store.repair", {{"sources", *from}}));
    const auto broken = result.value("broken", std::uint64_t{0});
    if (session.flags().json) {
      ACCEL_CHECK(print_json(result));
    } else {
      for (const json& root : result.at("roots")) {
        const bool repaired = root.value("repaired", false);
        ACCEL_CHECK(print_line(fmt::format(
            "{} {} {}", repaired ? "repaired" : "broken", root.at("cid").get<std::string>(),
            repaired ? bytes_of(root, "bytes_fetched") : root.value("error", std::string()))));
      }
      ACCEL_CHECK(
          print_line(fmt::format("{} pieces of damage found, {} roots repaired, {} still broken",
                                 result.at("verified").value("damaged_total", std::uint64_t{0}),
                                 result.at("roots").size() - broken, broken)));
      for (const json& place : result.at("damaged_left")) {
        ACCEL_CHECK(print_line("still damaged: " + place.get<std::string>()));
      }
    }
    if (broken > 0) {
      return fail(Errc::unavailable, "{} roots could not be repaired; name sources with --from.",
                  broken);
    }
    if (result.at("damaged_left").empty()) return {};
    return fail(Errc::corrupt,
                "Not all damage could be mended: files that are kept by reference are their "
                "owner's. Put them back as they were, or unpin their roots.");
  });
}

void add_store_group(CLI::App& app, Selection& selection) {
  CLI::App* group =
      add_command(app, "store", "The store as a whole", "  ipfs-accelerate store stat");
  group->require_subcommand(1);
  CLI::App* stat = add_command(*group, "stat", "Say what sharing saves, and how the memory does",
                               "  ipfs-accelerate store stat");
  on_chosen(stat, selection, [](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("store.stat", json::object()));
    if (session.flags().json) return print_json(result);
    ACCEL_CHECK(print_line(
        fmt::format("{} distinct blocks, {}; pins hold {}: ratio {:.2f}",
                    result.value("blocks", std::uint64_t{0}), bytes_of(result, "unique_bytes"),
                    bytes_of(result, "pinned_bytes"), result.value("dedup_ratio", 1.0))));
    const auto limit = result.value("max_bytes", std::uint64_t{0});
    return print_line(fmt::format("{} on disk of {}", bytes_of(result, "disk_bytes"),
                                  limit == 0 ? "no limit" : human_bytes(limit)));
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
  add_repair(app, selection);
  add_store_group(app, selection);
}

}  // namespace accel::cli
