// SPDX-License-Identifier: Apache-2.0
// add, get, cat, ls, cid, pull, adopt: content by its name.
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "accel/ipld/cid.hpp"
#include "command.hpp"
#include "commands/source_flags.hpp"
#include "signers.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

void set_if(json& params, const char* name, const std::string& value) {
  if (!value.empty()) params[name] = value;
}

// What the command line says goes into `params` as it is read: content.add checks it.
struct AddFlags {
  std::string path;
  bool quiet = false;
  json params = json::object();
};

Status add(Session& session, const AddFlags& flags) {
  json params = flags.params;
  params["path"] = absolute(flags.path);
  ACCEL_TRY(const json result, session.call("content.add", params));
  if (session.flags().json) return print_json(result);
  if (const auto out = result.value("links_out", std::uint64_t{0}); out > 0) {
    print_note(
        fmt::format("{} symbolic links lead out of {} and were added as links; --dereference "
                    "adds what they lead to.",
                    out, flags.path));
  }
  const std::string cid = result.at("cid").get<std::string>();
  if (flags.quiet) return print_line(cid);
  return print_line(fmt::format("added {} {} ({}, {} files, profile {})", cid, flags.path,
                                human_bytes(result.value("bytes", std::uint64_t{0})),
                                result.value("files", std::uint64_t{0}),
                                result.value("profile", std::string())));
}

// Each writes what it is given under the name that content.add knows it by.
class AddOptionsOf {
 public:
  AddOptionsOf(CLI::App* command, std::shared_ptr<AddFlags> flags)
      : command_(command), flags_(std::move(flags)) {}

  void flag(const std::string& names, const char* key, const std::string& help) {
    command_->add_flag_function(
        names, [flags = flags_, key](std::int64_t count) { flags->params[key] = count > 0; }, help);
  }
  void text(const std::string& names, const char* key, const std::string& help) {
    command_->add_option_function<std::string>(
        names, [flags = flags_, key](const std::string& value) { flags->params[key] = value; },
        help);
  }
  void number(const std::string& names, const char* key, const std::string& help) {
    command_->add_option_function<std::int64_t>(
        names, [flags = flags_, key](std::int64_t value) { flags->params[key] = value; }, help);
  }

 private:
  CLI::App* command_;
  std::shared_ptr<AddFlags> flags_;
};

// The options of `ipfs add` that decide about CIDs, by its names.
void add_shape_options(AddOptionsOf& options) {
  options.text("--profile", "profile", "unixfs-v1-2025 (default) or unixfs-v0-2015");
  options.number("--cid-version", "cid_version", "0 or 1; 1 asks for raw leaves, too");
  options.flag("--raw-leaves", "raw_leaves", "Leaves without a frame (--raw-leaves=false: with)");
  options.text("-s,--chunker", "chunker", "size-N, rabin, rabin-MIN-AVG-MAX or buzhash");
  options.number("--max-file-links,--max-links", "max_file_links", "Children of one file node");
  options.text("--hash", "hash", "sha2-256 (default), sha2-512, blake2b-256 or blake3");
  options.number("--max-directory-links", "max_directory_links",
                 "Entries of a folder above which it is sharded (default: size decides)");
  options.number("--max-hamt-fanout", "max_hamt_fanout",
                 "Fan-out of sharded folders, a power of two from 8 to 1024");
  options.number("--hamt-threshold", "hamt_threshold",
                 "Bytes of a folder above which it is sharded (default 262144)");
  options.flag("--preserve-mode", "preserve_mode", "Keep permissions in the blocks");
  options.flag("--preserve-mtime", "preserve_mtime", "Keep modification times in the blocks");
  options.text("--mode", "mode", "Store these permissions instead, such as 0644");
  options.number("--mtime", "mtime", "Store this time instead, in seconds since 1970");
  options.number("--mtime-nsecs", "mtime_nsecs", "Nanoseconds of --mtime");
  options.flag("-t,--trickle", "trickle", "The trickle layout instead of the balanced one");
  options.flag("--inline", "inline", "Put small blocks inside their CIDs");
  options.number("--inline-limit", "inline_limit", "Bytes of a block that --inline takes (32)");
}

void add_add(CLI::App& app, Selection& selection) {
  auto flags = std::make_shared<AddFlags>();
  CLI::App* command =
      add_command(app, "add", "Add a file or a folder and print its CID",
                  "  ipfs-accelerate add model.onnx\n"
                  "  ipfs-accelerate add -Q --only-hash --profile unixfs-v0-2015 folder\n"
                  "  ipfs-accelerate add --name minilm --reference ~/models/minilm");
  command->add_option("PATH", flags->path, "File or folder")->required();
  command->add_flag("-Q,--only-cid", flags->quiet, "Print only the root CID");
  AddOptionsOf options(command, flags);
  options.flag("-n,--only-hash", "only_hash", "Compute the CID; store nothing");
  options.flag("-H,--hidden", "hidden", "Include files and folders whose name starts with a dot");
  options.flag("--reference", "reference", "Leave the file in place instead of copying it");
  options.flag("-L,--dereference,--dereference-symlinks", "dereference",
               "Add what symbolic links lead to (a Hugging Face cache is made of them)");
  options.flag("-w,--wrap-with-directory", "wrap", "Put it into a folder of its own, by its name");
  options.flag("--private", "private", "Never serve or announce this root");
  options.text("--name", "name", "Give the root a local name");
  add_shape_options(options);
  on_chosen(command, selection, [flags](Session& session) { return add(session, *flags); });
}

struct GetFlags {
  std::string cid, output;
  std::vector<std::string> tensors;
  bool force = false, list = false;
  SourceFlags sources;
};

std::string shape_text(const json& shape) {
  std::string text;
  for (const json& dim : shape) text += fmt::format("{}{}", text.empty() ? "" : "x", dim.dump());
  return text.empty() ? "scalar" : text;
}

std::string leaves_text(const json& tensor) {
  if (tensor.contains("file")) return "in " + tensor["file"].get<std::string>();
  const auto first = tensor.value("first_leaf", std::uint64_t{0});
  const auto last = tensor.value("last_leaf", std::uint64_t{0});
  return first == last ? std::to_string(first) : fmt::format("{}-{}", first, last);
}

Status get_tensors(Session& session, const GetFlags& flags, const std::string& output) {
  json params{{"target", flags.cid}, {"tensors", flags.tensors}, {"force", flags.force}};
  flags.sources.add_to(params);
  if (!flags.list) params["output"] = absolute(output);
  ACCEL_TRY(const json result, session.call("content.tensors", params));
  if (session.flags().json) return print_json(result);
  const auto count = [&](const char* name) { return result.value(name, std::uint64_t{0}); };
  const auto chosen = result.at("tensors").size();
  if (!flags.list) {
    return print_line(
        fmt::format("wrote {} tensors ({}) to {}, a sparse file of {}; {} were fetched", chosen,
                    human_bytes(count("bytes")), result.at("path").get<std::string>(),
                    human_bytes(count("file_bytes")), human_bytes(count("bytes_fetched"))));
  }
  std::vector<std::vector<std::string>> rows;
  for (const json& tensor : result.at("tensors")) {
    rows.push_back({tensor.at("name"), tensor.at("dtype"), shape_text(tensor.at("shape")),
                    std::to_string(tensor.value("offset", std::uint64_t{0})),
                    std::to_string(tensor.value("bytes", std::uint64_t{0})), leaves_text(tensor)});
  }
  ACCEL_CHECK(print_table({"TENSOR", "DTYPE", "SHAPE", "OFFSET", "BYTES", "LEAVES"}, rows));
  return {};
}

Status get(Session& session, const GetFlags& flags) {
  const std::string last = flags.cid.substr(flags.cid.find_last_of('/') + 1);
  const std::string output = flags.output.empty() ? last : flags.output;
  if (flags.list || !flags.tensors.empty()) return get_tensors(session, flags, output);
  json params{{"target", flags.cid}, {"output", absolute(output)}, {"force", flags.force}};
  if (!flags.sources.from.empty() || !flags.sources.from_file.empty() ||
      !flags.sources.routers.empty() || flags.sources.limit_rate > 0) {
    return fail(Errc::invalid_argument,
                "get takes --from, --router and --limit-rate only with --tensors or --list; `pull "
                "CID --from "
                "URL -o PATH` "
                "fetches all of it.");
  }
  if (output == "-") {
    ACCEL_TRY(const json sent, session.call("content.cat", {{"target", flags.cid}}, print_bytes));
    return {};
  }
  ACCEL_TRY(const json result, session.call("content.get", params));
  if (session.flags().json) return print_json(result);
  const std::string size =
      result.contains("bytes") ? human_bytes(result["bytes"].get<std::uint64_t>()) : "a folder";
  return print_line(fmt::format("wrote {} ({})", result.at("path").get<std::string>(), size));
}

void add_get(CLI::App& app, Selection& selection) {
  auto flags = std::make_shared<GetFlags>();
  CLI::App* command = add_command(
      app, "get", "Write a stored file or folder to disk, or single tensors of a weights file",
      "  ipfs-accelerate get bafy… -o model.onnx\n"
      "  ipfs-accelerate get bafy…/model.safetensors --list --from http://a:8080\n"
      "  ipfs-accelerate get bafy…/model.gguf --tensors 'blk.0.*' --from http://a:8080 -o part");
  command->add_option("CID", flags->cid, "CID, name, or CID/path")->required();
  command->add_option(
      "-o,--output", flags->output,
      "Where to write (default: ./NAME or ./CID); - for the bytes of a file on standard "
      "output");
  command->add_flag("-f,--force", flags->force, "Replace what is there");
  command->add_option("--tensors", flags->tensors,
                      "Only tensors of these names ('*', '?', '[0-9]') of a safetensors, GGUF or "
                      "ONNX file: a sparse file of the full size, holes elsewhere");
  command->add_flag("--list", flags->list, "Write nothing; list the tensors and their places");
  add_source_options(command, flags->sources);
  on_chosen(command, selection, [flags](Session& session) { return get(session, *flags); });
}

struct CatFlags {
  std::string cid;
  std::int64_t offset = 0, length = -1;
  SourceFlags sources;
};

void add_cat(CLI::App& app, Selection& selection) {
  auto flags = std::make_shared<CatFlags>();
  CLI::App* command = add_command(
      app, "cat", "Write a file to standard output, while it comes when it is fetched",
      "  ipfs-accelerate cat bafy…/config.json\n"
      "  ipfs-accelerate cat --offset 1048576 --length 16 bafy… --from http://a:8080 | xxd");
  command->add_option("CID", flags->cid, "CID, name, or CID/path")->required();
  command->add_option("--offset", flags->offset, "First byte (default 0)");
  command->add_option("--length", flags->length, "Number of bytes (default: to the end)");
  add_source_options(command, flags->sources);
  on_chosen(command, selection, [flags](Session& session) -> Status {
    json params{{"target", flags->cid}, {"offset", flags->offset}, {"length", flags->length}};
    flags->sources.add_to(params);
    ACCEL_TRY(const json result, session.call("content.cat", params, print_bytes));
    return {};
  });
}

void add_ls(CLI::App& app, Selection& selection) {
  auto target = std::make_shared<std::string>();
  CLI::App* command = add_command(app, "ls", "List a stored folder", "  ipfs-accelerate ls minilm");
  command->add_option("CID", *target, "CID, name, or CID/path of a folder")->required();
  on_chosen(command, selection, [target](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("content.ls", {{"target", *target}}));
    if (session.flags().json) return print_json(result);
    std::vector<std::vector<std::string>> rows;
    for (const json& entry : result.at("entries")) {
      rows.push_back({entry.at("cid"), std::to_string(entry.value("bytes", std::uint64_t{0})),
                      entry.at("kind"), entry.at("name")});
    }
    return print_table({"CID", "BYTES", "KIND", "NAME"}, rows);
  });
}

Status inspect_cid(Session& session, const std::string& text) {
  ACCEL_TRY(const ipld::Cid cid, ipld::Cid::parse(text));
  const json result{{"cid", cid.to_string()},
                    {"version", cid.version()},
                    {"codec", ipld::codec_name(cid.codec())},
                    {"hash", ipld::hash_name(cid.hash().code())},
                    {"digest", to_hex(cid.hash().digest())},
                    {"v1", cid.as_v1().to_string()}};
  if (session.flags().json) return print_json(result);
  for (const auto& [name, value] : result.items()) {
    ACCEL_CHECK(print_line(
        fmt::format("{:8} {}", name, value.is_string() ? value.get<std::string>() : value.dump())));
  }
  return {};
}

struct ConvertFlags {
  std::string cid;
  int version = 1;
};

Status convert_cid(Session& session, const ConvertFlags& flags) {
  ACCEL_TRY(const ipld::Cid cid, ipld::Cid::parse(flags.cid));
  std::string text = cid.as_v1().to_string();
  if (flags.version == 0) {
    const bool fits =
        cid.codec() == ipld::Codec::dag_pb && cid.hash().code() == ipld::HashCode::sha2_256;
    if (!fits) {
      return fail(Errc::invalid_argument, "{} has no version 0: that takes dag-pb and sha2-256.",
                  flags.cid);
    }
    text = ipld::Cid::v0(cid.hash()).to_string();
  }
  return session.flags().json ? print_json(json{{"cid", text}}) : print_line(text);
}

void add_cid(CLI::App& app, Selection& selection) {
  CLI::App* group =
      add_command(app, "cid", "Look at CIDs and convert them",
                  "  ipfs-accelerate cid inspect QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn");
  group->require_subcommand(1);
  auto text = std::make_shared<std::string>();
  CLI::App* inspect = add_command(*group, "inspect", "Show the parts of a CID",
                                  "  ipfs-accelerate cid inspect bafkqaaa");
  inspect->add_option("CID", *text)->required();
  on_chosen(inspect, selection, [text](Session& session) { return inspect_cid(session, *text); });
  auto flags = std::make_shared<ConvertFlags>();
  CLI::App* convert = add_command(*group, "convert", "Write a CID in the other version",
                                  "  ipfs-accelerate cid convert --version 1 Qm…");
  convert->add_option("CID", flags->cid)->required();
  convert->add_option("--version", flags->version, "0 or 1 (default)")->check(CLI::Range(0, 1));
  on_chosen(convert, selection, [flags](Session& session) { return convert_cid(session, *flags); });
}

struct PullFlags {
  std::string target, output, name;
  std::vector<std::string> include, exclude;
  SourceFlags sources;
  bool force = false;
};

Status print_pull(const json& result) {
  print_signers(result);
  const auto count = [&](const char* name) { return result.value(name, std::uint64_t{0}); };
  const std::string root = result.at("cid").get<std::string>();
  if (count("bytes_fetched") == 0) {
    ACCEL_CHECK(print_line(
        fmt::format("{} ({}) was here already, verified when it came (`verify` hashes it again)",
                    root, human_bytes(count("bytes_total")))));
  } else {
    ACCEL_CHECK(print_line(
        fmt::format("pulled {} ({}): {} fetched and verified, {} were here, in {:.2f} s", root,
                    human_bytes(count("bytes_total")), human_bytes(count("bytes_fetched")),
                    human_bytes(count("bytes_reused")), result.value("seconds", 0.0))));
  }
  for (const json& source : result.at("sources")) {
    ACCEL_CHECK(print_line(fmt::format(
        "  from {}: {} in {} blocks, {} failures", source.at("url").get<std::string>(),
        human_bytes(source.value("bytes", std::uint64_t{0})),
        source.value("blocks", std::uint64_t{0}), source.value("failures", std::uint64_t{0}))));
  }
  if (result.contains("path")) return print_line("  wrote " + result.at("path").get<std::string>());
  return {};
}

Status pull(Session& session, const PullFlags& flags) {
  json params{{"target", flags.target},
              {"force", flags.force},
              {"include", flags.include},
              {"exclude", flags.exclude}};
  flags.sources.add_to(params);
  set_if(params, "name", flags.name);
  set_if(params, "output", absolute(flags.output));
  ACCEL_TRY(const json result, session.call("content.pull", params));
  return session.flags().json ? print_json(result) : print_pull(result);
}

void add_pull(CLI::App& app, Selection& selection) {
  auto flags = std::make_shared<PullFlags>();
  CLI::App* command =
      add_command(app, "pull", "Fetch a CID from several sources at once, verified",
                  "  ipfs-accelerate pull bafy… --from http://127.0.0.1:8080\n"
                  "  ipfs-accelerate pull minilm@bafy… --from http://a:8080 --from http://b:8080\n"
                  "  ipfs-accelerate pull bafy… --from http://a:8080 "
                  "--from-file https://host/model.bin\n"
                  "  ipfs-accelerate pull /ipns/k51…\n"
                  "  ipfs-accelerate pull hf:sentence-transformers/all-MiniLM-L6-v2\n"
                  "  ipfs-accelerate pull ollama:llama3.2:1b\n"
                  "  ipfs-accelerate pull s3:models/all-MiniLM-L6-v2");
  command
      ->add_option("TARGET", flags->target,
                   "CID, NAME@CID to give it a local name, a name that is known here, "
                   "/ipns/NAME[/path], hf:ORG/NAME[@REV], "
                   "ollama:NAME[:TAG] or s3:BUCKET/PREFIX")
      ->required();
  add_source_options(command, flags->sources);
  command->add_flag("--background", flags->sources.background,
                    "Take what pulls that somebody waits for leave over");
  command->add_option("-o,--output", flags->output, "Also write the file or folder there");
  command->add_option("--name", flags->name, "Give the root a local name");
  command->add_flag("-f,--force", flags->force, "Replace what is at the output path");
  command->add_option("--include", flags->include,
                      "Of a hub's model only files that match ('*.safetensors', 'onnx/*')");
  command->add_option("--exclude", flags->exclude, "Of a hub's model no files that match");
  on_chosen(command, selection, [flags](Session& session) { return pull(session, *flags); });
}

struct AdoptFlags {
  std::vector<std::string> paths;
  bool dry_run = false;
};

std::string variable_or(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != 0 ? value : otherwise;
}

// Where the three keep things unless told otherwise, as far as it exists.
std::vector<std::string> usual_caches() {
  const std::string user = variable_or("HOME", "");
  const std::string hugging_face =
      variable_or("HF_HUB_CACHE", variable_or("HF_HOME", user + "/.cache/huggingface"));
  std::vector<std::string> found;
  for (const std::string& path :
       {hugging_face, variable_or("OLLAMA_MODELS", user + "/.ollama/models"),
        variable_or("IPFS_PATH", user + "/.ipfs")}) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) found.push_back(path);
  }
  return found;
}

Status adopt(Session& session, const AdoptFlags& flags) {
  std::vector<std::string> paths;
  for (const std::string& path : flags.paths) paths.push_back(absolute(path));
  if (paths.empty()) paths = usual_caches();
  if (paths.empty()) {
    return fail(Errc::not_found,
                "There is no Hugging Face cache, no Ollama folder and no Kubo repository at the "
                "usual places; name a folder.");
  }
  ACCEL_TRY(const json result,
            session.call("content.adopt", {{"paths", paths}, {"dry_run", flags.dry_run}}));
  if (session.flags().json) return print_json(result);
  std::vector<std::vector<std::string>> rows;
  for (const json& row : result.at("found")) {
    rows.push_back({row.at("source"), human_bytes(row.value("bytes", std::uint64_t{0})),
                    row.value("name", "-"), row.value("cid", "-"), row.value("problem", "")});
  }
  return print_table({"SOURCE", "SIZE", "NAME", "CID", "PROBLEM"}, rows);
}

void add_adopt(CLI::App& app, Selection& selection) {
  auto flags = std::make_shared<AdoptFlags>();
  CLI::App* command = add_command(
      app, "adopt", "Take in what other programs keep on this disk, without a second copy",
      "  ipfs-accelerate adopt --dry-run\n"
      "  ipfs-accelerate adopt ~/.cache/huggingface ~/.ollama/models ~/.ipfs");
  command->add_option("PATH", flags->paths,
                      "A Hugging Face cache, Ollama's folder or a Kubo repository (default: those "
                      "at their usual places)");
  command->add_flag("--dry-run", flags->dry_run, "List what is there; take in nothing");
  on_chosen(command, selection, [flags](Session& session) { return adopt(session, *flags); });
}

}  // namespace

void add_content_commands(CLI::App& app, Selection& selection) {
  add_add(app, selection);
  add_get(app, selection);
  add_cat(app, selection);
  add_ls(app, selection);
  add_cid(app, selection);
  add_pull(app, selection);
  add_adopt(app, selection);
}

}  // namespace accel::cli
