// SPDX-License-Identifier: Apache-2.0
#include "our_words.hpp"

#include <algorithm>
#include <array>

namespace accel::cli {
namespace {

struct Words {
  std::string_view group, theirs, ours;
};

constexpr std::string_view kRemove = "`pin rm NAME`, then `gc`";
constexpr std::string_view kPrompt = "`run MODEL --prompt TEXT`";
constexpr std::string_view kAdd = "`add --name NAME FOLDER`";
constexpr std::string_view kLogs =
    "the standard error of the daemon, or the file that the setting logging.file names";

constexpr std::array kWords{
    Words{"", "chat", kPrompt},
    Words{"", "complete", kPrompt},
    Words{"", "prompt", kPrompt},
    Words{"", "generate",
          "`text generate --model MODEL --prompt TEXT`, or `run MODEL --prompt TEXT`"},
    Words{"", "embed", "`text embed --model MODEL --input TEXT`"},
    Words{"", "transcribe", "`audio transcribe --model MODEL FILE`"},
    Words{"", "list", "`models list`; `ps` for what is loaded"},
    Words{"", "images", "`models list`"},
    Words{"", "show", "`models show MODEL`"},
    Words{"", "inspect", "`models show MODEL`"},
    Words{"", "info", "`status`"},
    Words{"", "load", "`models load MODEL`"},
    Words{"", "unload", "`models unload MODEL`"},
    Words{"", "stop", "`models unload MODEL`; a daemon ends with Ctrl-C"},
    Words{"", "start", "`serve`, or `daemon`"},
    Words{"", "init", "nothing to do: a home is made when it is first used"},
    Words{"", "top", "`ps`"},
    Words{"", "logs", kLogs},
    Words{"", "log", kLogs},
    Words{"", "rm", kRemove},
    Words{"", "rmi", kRemove},
    Words{"", "remove", kRemove},
    Words{"", "delete", kRemove},
    Words{"", "create", kAdd},
    Words{"", "import", "`add --name NAME FOLDER`, or `dag import FILE.car`"},
    Words{"", "push", "`serve --gateway HOST:PORT`: others pull from it by CID"},
    Words{"", "cp", kAdd},
    Words{"", "download", "`pull`"},
    Words{"models", "rm", kRemove},
    Words{"models", "remove", kRemove},
    Words{"models", "delete", kRemove},
    Words{"models", "ls", "`models list`"},
    Words{"models", "ps", "`ps`"},
    Words{"models", "stop", "`models unload MODEL`"},
    Words{"models", "pull", "`pull`"},
    Words{"models", "download", "`pull`"},
    Words{"models", "add", kAdd},
    Words{"models", "run", "`run MODEL`"},
    Words{"text", "chat", "`text generate --model MODEL --prompt TEXT`"},
};

}  // namespace

std::string_view our_words(std::string_view group, std::string_view word) {
  const auto* const found = std::ranges::find_if(
      kWords, [&](const Words& words) { return words.group == group && words.theirs == word; });
  return found == kWords.end() ? std::string_view() : found->ours;
}

}  // namespace accel::cli
