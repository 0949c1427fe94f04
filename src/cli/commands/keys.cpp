// SPDX-License-Identifier: Apache-2.0
// key: the keys that sign names.
#include <memory>

#include "command.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

Status print_key(Session& session, const json& key) {
  return session.flags().json ? print_json(key) : print_line(key.value("id", ""));
}

void add_gen(CLI::App& group, Selection& selection) {
  auto name = std::make_shared<std::string>();
  CLI::App* command =
      add_command(group, "gen", "Make an Ed25519 key", "  ipfs-accelerate key gen models");
  command->add_option("NAME", *name)->required();
  on_chosen(command, selection, [name](Session& session) -> Status {
    ACCEL_TRY(const json key, session.call("key.gen", {{"name", *name}}));
    return print_key(session, key);
  });
}

void add_list(CLI::App& group, Selection& selection) {
  CLI::App* command = add_command(group, "list", "List the keys and the names that they sign",
                                  "  ipfs-accelerate key list");
  on_chosen(command, selection, [](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("key.list", json::object()));
    if (session.flags().json) return print_json(result);
    std::vector<std::vector<std::string>> rows;
    for (const json& key : result.at("keys")) {
      rows.push_back({key.value("name", ""), key.value("id", ""), key.value("peer", "")});
    }
    return print_table({"KEY", "NAME", "PEER"}, rows);
  });
}

struct RenameFlags {
  std::string from, to;
  bool force = false;
};

void add_rename(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<RenameFlags>();
  CLI::App* command = add_command(group, "rename", "Give a key another name",
                                  "  ipfs-accelerate key rename models old-models");
  command->add_option("FROM", flags->from)->required();
  command->add_option("TO", flags->to)->required();
  command->add_flag("-f,--force", flags->force, "Delete the key that has the name now");
  on_chosen(command, selection, [flags](Session& session) -> Status {
    const json params{{"from", flags->from}, {"to", flags->to}, {"force", flags->force}};
    ACCEL_TRY(const json key, session.call("key.rename", params));
    return print_key(session, key);
  });
}

void add_rm(CLI::App& group, Selection& selection) {
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* command = add_command(group, "rm", "Delete keys; nobody can sign for them any more",
                                  "  ipfs-accelerate key rm old-models");
  command->add_option("NAME", *names)->required();
  on_chosen(command, selection, [names](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("key.rm", {{"names", *names}}));
    if (session.flags().json) return print_json(result);
    for (const json& key : result.at("keys")) {
      ACCEL_CHECK(print_line(fmt::format("{} {}", key.value("name", ""), key.value("id", ""))));
    }
    return {};
  });
}

struct FileFlags {
  std::string name, path, format = "libp2p-protobuf-cleartext";
};

void add_format(CLI::App& command, FileFlags& flags) {
  command.add_option("--format", flags.format,
                     "libp2p-protobuf-cleartext (as Kubo) or pem-pkcs8-cleartext (as OpenSSL)");
}

void add_export(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<FileFlags>();
  CLI::App* command =
      add_command(group, "export", "Write a private key to a file, for its owner alone",
                  "  ipfs-accelerate key export models -o models.key\n"
                  "  ipfs-accelerate key export models --format pem-pkcs8-cleartext");
  command->add_option("NAME", flags->name)->required();
  command->add_option("-o,--output", flags->path, "The file (default: NAME.key or NAME.pem)");
  add_format(*command, *flags);
  on_chosen(command, selection, [flags](Session& session) -> Status {
    const char* const ending = flags->format.starts_with("pem") ? ".pem" : ".key";
    const std::string path = flags->path.empty() ? flags->name + ending : flags->path;
    const json params{{"name", flags->name}, {"output", absolute(path)}, {"format", flags->format}};
    ACCEL_TRY(const json result, session.call("key.export", params));
    if (session.flags().json) return print_json(result);
    print_note("whoever has this file signs in the key's name");
    return print_line(result.value("path", ""));
  });
}

void add_import(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<FileFlags>();
  CLI::App* command = add_command(group, "import", "Take in a private key from a file",
                                  "  ipfs-accelerate key import models models.key\n"
                                  "  ipfs-accelerate key import --format pem-pkcs8-cleartext "
                                  "models models.pem");
  command->add_option("NAME", flags->name)->required();
  command->add_option("FILE", flags->path)->required();
  add_format(*command, *flags);
  on_chosen(command, selection, [flags](Session& session) -> Status {
    const json params{
        {"name", flags->name}, {"path", absolute(flags->path)}, {"format", flags->format}};
    ACCEL_TRY(const json key, session.call("key.import", params));
    return print_key(session, key);
  });
}

}  // namespace

void add_key_commands(CLI::App& app, Selection& selection) {
  CLI::App* key = add_command(app, "key", "Keys that sign names; \"self\" is the node's own",
                              "  ipfs-accelerate key gen models");
  key->require_subcommand(1);
  add_gen(*key, selection);
  add_list(*key, selection);
  add_rename(*key, selection);
  add_rm(*key, selection);
  add_export(*key, selection);
  add_import(*key, selection);
}

}  // namespace accel::cli
