// SPDX-License-Identifier: Apache-2.0
// dag, block: archives, nodes of every codec, and blocks as they are.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "accel/core/file.hpp"
#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/multibase.hpp"
#include "command.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

constexpr const char* kStandard = "-";  // Input or output, in place of a file.

std::uint64_t number(const json& row, const char* name) {
  return row.value(name, std::uint64_t{0});
}

std::string rate_of(const json& result) {
  const auto rate = static_cast<std::uint64_t>(result.value("bytes_per_second", 0.0));
  return fmt::format("{} in {:.2f} s, {}/s", human_bytes(number(result, "archive_bytes")),
                     result.value("seconds", 0.0), human_bytes(rate));
}

struct ImportFlags {
  std::vector<std::string> files;
  std::string name;
  bool pin_roots = true, is_private = false, stats = false;
};

Status print_import(const json& result, const ImportFlags& flags) {
  for (const json& root : result.at("roots")) {
    const std::string cid = root.at("cid").get<std::string>();
    if (!flags.pin_roots) {
      ACCEL_CHECK(print_line("root " + cid));
    } else if (root.at("pinned").get<bool>()) {
      ACCEL_CHECK(print_line("pinned root " + cid));
    } else {
      ACCEL_CHECK(print_line("not pinned: " + cid + ": " + root.value("error", std::string())));
    }
  }
  ACCEL_CHECK(print_line(fmt::format("imported {} blocks ({} new): {}", number(result, "blocks"),
                                     number(result, "blocks_new"), rate_of(result))));
  if (!flags.stats) return {};
  return print_line(fmt::format("  {} of block bytes, {} of them new",
                                human_bytes(number(result, "bytes")),
                                human_bytes(number(result, "bytes_new"))));
}

Status import(Session& session, const ImportFlags& flags) {
  json files = json::array();
  bool from_input = false;
  for (const std::string& file : flags.files) {
    from_input = from_input || file == kStandard;
    files.push_back(file == kStandard ? file : absolute(file));
  }
  json params{{"files", files}, {"pin_roots", flags.pin_roots}, {"private", flags.is_private}};
  if (!flags.name.empty()) params["name"] = flags.name;
  const auto where = from_input ? Session::Where::here : Session::Where::anywhere;
  ACCEL_TRY(const json result, session.call("dag.import", params, {}, where));
  ACCEL_CHECK(session.flags().json ? print_json(result) : print_import(result, flags));
  for (const json& root : result.at("roots")) {
    if (!root.contains("error")) continue;
    return fail(Errc::not_found, "The root {} was not pinned. {}",
                root.at("cid").get<std::string>(), root.at("error").get<std::string>());
  }
  return {};
}

void add_import(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* command =
      add_command(group, "import", "Store the blocks of archives (CAR), verified; pin their roots",
                  "  ipfs-accelerate dag import model.car\n"
                  "  ipfs dag export bafy… | ipfs-accelerate dag import -");
  command->add_option("FILE", flags->files, "CAR of version 1 or 2; - for standard input")
      ->required();
  command->add_option("--pin-roots", flags->pin_roots, "Keep the roots (default true)");
  command->add_option("--name", flags->name, "A label for the pins");
  command->add_flag("--private", flags->is_private, "Never serve or announce what comes");
  command->add_flag("--stats", flags->stats, "Also count the bytes of blocks");
  on_chosen(command, selection, [flags](Session& session) { return import(session, *flags); });
}

struct ExportFlags {
  std::vector<std::string> targets;
  std::string output;
  int version = 1;
  bool partial = false, force = false;
};

Status export_dag(Session& session, const ExportFlags& flags) {
  const bool to_output = flags.output.empty() || flags.output == kStandard;
  if (to_output && session.flags().json) {
    return fail(Errc::invalid_argument,
                "The archive goes to standard output, so --json needs --output FILE.");
  }
  if (to_output && ::isatty(STDOUT_FILENO) == 1) {
    return fail(Errc::invalid_argument,
                "An archive is not for a terminal; name a file with --output, or use a pipe.");
  }
  json params{{"targets", flags.targets},
              {"version", flags.version},
              {"partial", flags.partial},
              {"force", flags.force}};
  if (!to_output) params["output"] = absolute(flags.output);
  ACCEL_TRY(const json result, session.call("dag.export", params, print_bytes));
  if (to_output) return {};
  if (session.flags().json) return print_json(result);
  return print_line(fmt::format("exported {} blocks to {}: {}", number(result, "blocks"),
                                flags.output, rate_of(result)));
}

void add_export(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* command =
      add_command(group, "export", "Write what a root reaches as an archive (CAR)",
                  "  ipfs-accelerate dag export minilm --output minilm.car\n"
                  "  ipfs-accelerate dag export bafy…/model.onnx | ipfs dag import\n"
                  "  ipfs-accelerate dag export --car-version 2 bafy… -o indexed.car");
  command->add_option("CID", flags->targets, "CID, name, or CID/path; several become several roots")
      ->required();
  command->add_option("-o,--output", flags->output, "Where to write (default: standard output)");
  command->add_option("--car-version", flags->version, "1 (default), or 2 with an index")
      ->check(CLI::Range(1, 2));
  command->add_flag("--partial", flags->partial, "Leave out blocks that are not here");
  command->add_flag("-f,--force", flags->force, "Replace what is at the output path");
  on_chosen(command, selection, [flags](Session& session) { return export_dag(session, *flags); });
}

void add_stat(CLI::App& group, Selection& selection) {
  auto targets = std::make_shared<std::vector<std::string>>();
  CLI::App* command = add_command(group, "stat", "Count the blocks and bytes that roots reach",
                                  "  ipfs-accelerate dag stat minilm\n"
                                  "  ipfs-accelerate dag stat bafy…a bafy…b   # what they share");
  command->add_option("CID", *targets, "CID, name, or CID/path")->required();
  on_chosen(command, selection, [targets](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("dag.stat", {{"targets", *targets}}));
    if (session.flags().json) return print_json(result);
    std::vector<std::vector<std::string>> rows;
    for (const json& dag : result.at("dags")) {
      rows.push_back({dag.at("cid"), std::to_string(number(dag, "blocks")),
                      std::to_string(number(dag, "bytes"))});
    }
    ACCEL_CHECK(print_table({"CID", "BLOCKS", "BYTES"}, rows));
    return print_line(
        fmt::format("{} distinct blocks, {}; shared {}; ratio {:.2f}",
                    number(result, "unique_blocks"), human_bytes(number(result, "total_bytes")),
                    human_bytes(number(result, "shared_bytes")), result.value("ratio", 1.0)));
  });
}

struct GetFlags {
  std::string target, codec = "dag-json";
};

// With --json one document: the value itself for dag-json, else its bytes in base64.
Status get_node(Session& session, const GetFlags& flags) {
  Bytes bytes;
  const auto collect = [&](ByteView piece) -> Status {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
    return {};
  };
  const json params{{"target", flags.target}, {"output_codec", flags.codec}};
  ACCEL_TRY(json result, session.call("dag.get", params, collect));
  if (!session.flags().json) {
    ACCEL_CHECK(print_bytes(bytes));
    return ::isatty(STDOUT_FILENO) == 1 ? print_line("") : Status{};
  }
  if (flags.codec == "dag-json") {
    result["value"] = json::parse(as_text(bytes), nullptr, false);
  } else {
    result["base64"] = ipld::base_encode(ipld::Multibase::base64, bytes);
  }
  return print_json(result);
}

void add_get_node(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<GetFlags>();
  CLI::App* command = add_command(group, "get", "Show a node, or what a path in it leads to",
                                  "  ipfs-accelerate dag get bafyrei…/field/0\n"
                                  "  ipfs-accelerate dag get --output-codec dag-cbor bafy… | xxd");
  command->add_option("CID", flags->target, "CID, name, or CID/path")->required();
  command->add_option("--output-codec", flags->codec,
                      "dag-json (default), dag-cbor, dag-pb or raw");
  on_chosen(command, selection, [flags](Session& session) { return get_node(session, *flags); });
}

// A block's bytes, from a file or standard input.
Result<std::string> read_block_text(const std::string& file) {
  Bytes bytes;
  if (file != kStandard) {
    ACCEL_TRY(bytes, read_file(file, ipld::kMaxBlockBytes));
  } else {
    bytes.resize(ipld::kMaxBlockBytes + 1);
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), stdin));
    if (bytes.size() > ipld::kMaxBlockBytes) {
      return fail(Errc::resource_exhausted, "A block has at most {} bytes; more came.",
                  ipld::kMaxBlockBytes);
    }
  }
  return ipld::base_encode(ipld::Multibase::base64, bytes);
}

struct PutFlags {
  std::string file = kStandard, hash = "sha2-256";
  std::string input_codec = "dag-json", store_codec = "dag-cbor", codec = "raw";
  bool pin = false, is_private = false, allow_big_block = false;
};

void add_put_options(CLI::App& command, PutFlags& flags) {
  command.add_option("FILE", flags.file, "Default: standard input");
  command.add_option("--hash,--mhtype", flags.hash,
                     "sha2-256 (default), sha2-512, blake2b-256, blake3 or identity");
  command.add_flag("--pin", flags.pin, "Keep it, with what it links to");
  command.add_flag("--private", flags.is_private, "Never serve or announce it");
  command.add_flag("--allow-big-block", flags.allow_big_block,
                   "Store it even above 2 MiB, which nodes don't exchange");
}

Status put(Session& session, const char* method, json params, const PutFlags& flags) {
  ACCEL_TRY(params["data"], read_block_text(flags.file));
  params["hash"] = flags.hash;
  params["pin"] = flags.pin;
  params["private"] = flags.is_private;
  params["allow_big_block"] = flags.allow_big_block;
  ACCEL_TRY(const json result, session.call(method, params));
  if (session.flags().json) return print_json(result);
  return print_line(result.at("cid").get<std::string>());
}

void add_put_node(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<PutFlags>();
  CLI::App* command =
      add_command(group, "put", "Store a node and print its CID",
                  "  echo '{\"name\":\"x\"}' | ipfs-accelerate dag put\n"
                  "  ipfs-accelerate dag put --store-codec dag-json --pin node.json");
  add_put_options(*command, *flags);
  command->add_option("--input-codec", flags->input_codec,
                      "Of the input: dag-json (default), dag-cbor, dag-pb or raw");
  command->add_option("--store-codec", flags->store_codec,
                      "Of the block: dag-cbor (default), dag-json, dag-pb or raw");
  on_chosen(command, selection, [flags](Session& session) {
    return put(session, "dag.put",
               {{"input_codec", flags->input_codec}, {"store_codec", flags->store_codec}}, *flags);
  });
}

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

struct DiffFlags {
  std::string before, after;
};

void add_diff(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<DiffFlags>();
  CLI::App* command = add_command(group, "diff", "Say what differs below two roots",
                                  "  ipfs-accelerate dag diff model-v1 model-v2");
  command->add_option("A", flags->before, "CID, name, or CID/path")->required();
  command->add_option("B", flags->after, "The same, after the change")->required();
  on_chosen(command, selection, [flags](Session& session) -> Status {
    const json params{{"before", flags->before}, {"after", flags->after}};
    ACCEL_TRY(const json result, session.call("dag.diff", params));
    if (session.flags().json) return print_json(result);
    for (const json& change : result.at("changes")) {
      const std::string type = change.at("type").get<std::string>();
      const std::string path = change.at("path").get<std::string>();
      const std::string before = text_of(change.at("before")), after = text_of(change.at("after"));
      if (type == "add") {
        ACCEL_CHECK(print_line(fmt::format("+ {} {}", path, after)));
      } else if (type == "remove") {
        ACCEL_CHECK(print_line(fmt::format("- {} {}", path, before)));
      } else {
        ACCEL_CHECK(print_line(fmt::format("~ {} {} -> {}", path, before, after)));
      }
    }
    return {};
  });
}

void add_block_get(CLI::App& group, Selection& selection) {
  auto target = std::make_shared<std::string>();
  CLI::App* command = add_command(group, "get", "Write a block to standard output",
                                  "  ipfs-accelerate block get bafy… | xxd");
  command->add_option("CID", *target, "CID, name, or CID/path")->required();
  on_chosen(command, selection, [target](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("block.get", {{"target", *target}}, print_bytes));
    return {};
  });
}

void add_block_put(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<PutFlags>();
  CLI::App* command = add_command(group, "put", "Store a block and print its CID",
                                  "  ipfs-accelerate block put --cid-codec dag-pb node.bin");
  add_put_options(*command, *flags);
  command->add_option("--cid-codec", flags->codec, "Codec that the CID names (default raw)");
  on_chosen(command, selection, [flags](Session& session) {
    return put(session, "block.put", {{"codec", flags->codec}}, *flags);
  });
}

void add_block_stat(CLI::App& group, Selection& selection) {
  auto target = std::make_shared<std::string>();
  CLI::App* command =
      add_command(group, "stat", "Say how large a block is", "  ipfs-accelerate block stat bafy…");
  command->add_option("CID", *target, "CID, name, or CID/path")->required();
  on_chosen(command, selection, [target](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("block.stat", {{"target", *target}}));
    if (session.flags().json) return print_json(result);
    return print_line(
        fmt::format("{} {} bytes", result.at("cid").get<std::string>(), number(result, "bytes")));
  });
}

}  // namespace

void add_dag_commands(CLI::App& app, Selection& selection) {
  CLI::App* dag = add_command(app, "dag", "Archives (CAR), and nodes of every codec",
                              "  ipfs-accelerate dag import model.car");
  dag->require_subcommand(1);
  add_import(*dag, selection);
  add_export(*dag, selection);
  add_stat(*dag, selection);
  add_get_node(*dag, selection);
  add_put_node(*dag, selection);
  add_diff(*dag, selection);
  CLI::App* block =
      add_command(app, "block", "Blocks as they are", "  ipfs-accelerate block stat bafy…");
  block->require_subcommand(1);
  add_block_get(*block, selection);
  add_block_put(*block, selection);
  add_block_stat(*block, selection);
}

}  // namespace accel::cli
