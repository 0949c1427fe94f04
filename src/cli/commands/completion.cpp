// SPDX-License-Identifier: Apache-2.0
// completion: scripts for bash, zsh and fish, made from the command tree itself, so that they can't
// fall behind.
#include <memory>

#include "command.hpp"

namespace accel::cli {
namespace {

void list_words(const CLI::App& app, const std::string& path, std::string& lines) {
  std::string words;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    words += command->get_name() + " ";
    list_words(*command, path + " " + command->get_name(), lines);
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words += "--" + name + " ";
  }
  lines += fmt::format("    '{}') words='{}' ;;\n", path, words);
}

// One function serves bash directly and zsh through bashcompinit.
std::string bash_script(const CLI::App& app) {
  std::string cases;
  list_words(app, app.get_name(), cases);
  return "_ipfs_accelerate() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} path=ipfs-accelerate word words\n"
         "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
         "    case $word in -*) ;; *) path=\"$path $word\" ;; esac\n"
         "  done\n"
         "  while :; do\n"
         "    case $path in\n" +
         cases +
         "    *) path=${path% *}; continue ;;\n"
         "    esac\n"
         "    break\n"
         "  done\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  [ -n \"${COMPREPLY[*]}\" ] || COMPREPLY=($(compgen -f -- \"$current\"))\n"
         "}\n"
         "complete -F _ipfs_accelerate ipfs-accelerate\n";
}

void list_fish(const CLI::App& app, const std::string& seen, std::string& lines) {
  const std::string condition =
      seen.empty() ? "__fish_use_subcommand" : fmt::format("__fish_seen_subcommand_from {}", seen);
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    lines += fmt::format("complete -c ipfs-accelerate -f -n '{}' -a {} -d '{}'\n", condition,
                         command->get_name(), command->get_description());
    list_fish(*command, command->get_name(), lines);
  }
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      lines += seen.empty()
                   ? fmt::format("complete -c ipfs-accelerate -l {}\n", name)
                   : fmt::format("complete -c ipfs-accelerate -n '{}' -l {}\n", condition, name);
    }
  }
}

Status print_completion(const CLI::App& app, const std::string& shell) {
  if (shell == "bash") return print_line(bash_script(app));
  if (shell == "zsh")
    return print_line("autoload -U +X bashcompinit && bashcompinit\n" + bash_script(app));
  std::string lines;
  list_fish(app, "", lines);
  return print_line(lines);
}

}  // namespace

void add_completion_command(CLI::App& app, Selection& selection) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = add_command(
      app, "completion", "Print a shell's completion script",
      "  source <(ipfs-accelerate completion bash)\n"
      "  ipfs-accelerate completion fish > ~/.config/fish/completions/ipfs-accelerate.fish");
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  on_chosen(command, selection, [shell, &app](Session&) { return print_completion(app, *shell); });
}

}  // namespace accel::cli
