// SPDX-License-Identifier: Apache-2.0
#include "protocols/missing_route.hpp"

#include <algorithm>
#include <array>

#include "protocols/routes.hpp"

namespace accel::server {
namespace {

constexpr std::size_t kMaxShownPath = 128;

struct Known {
  std::string_view path;  // And what lies below it.
  std::string_view words;
};

constexpr std::string_view kNoImages = "no model here makes images of texts.";
constexpr std::string_view kNoFiles = "put what is to be done into the requests themselves.";

constexpr std::array kKnown{
    Known{"/api/embeddings", "use /api/embed."},
    Known{"/api/copy",
          "a content may have several names: `ipfs-accelerate add --name NAME FOLDER`."},
    Known{"/api/delete", "use `ipfs-accelerate pin rm NAME`, then `ipfs-accelerate gc`."},
    Known{"/api/create", "use `ipfs-accelerate add --name NAME FOLDER`."},
    Known{"/api/blobs", "use `ipfs-accelerate add --name NAME FOLDER`."},
    Known{"/api/push",
          "content is pulled by its CID from the node that has it (`ipfs-accelerate "
          "serve --gateway HOST:PORT`)."},
    Known{"/v1/responses", "what writes text is /v1/chat/completions."},
    Known{"/v1/messages", "what writes text is /v1/chat/completions."},
    Known{"/v1/assistants", "what writes text is /v1/chat/completions."},
    Known{"/v1/threads", "what writes text is /v1/chat/completions."},
    Known{"/v1/audio/speech", "what speaks is POST /api/v1/run with the task text-to-speech."},
    Known{"/v1/audio/translations",
          "what is said in its own language is /v1/audio/transcriptions."},
    Known{"/v1/rerank", "what ranks is POST /api/v1/run with the task text-ranking."},
    Known{"/v1/score", "what ranks is POST /api/v1/run with the task text-ranking."},
    Known{"/v1/moderations",
          "what sorts texts is POST /api/v1/run with the task "
          "text-classification."},
    Known{"/v1/images", kNoImages},
    Known{"/v1/files", kNoFiles},
    Known{"/v1/uploads", kNoFiles},
    Known{"/v1/batches", kNoFiles},
    Known{"/v1/fine_tuning", "no model is trained here."},
};

bool is_at_or_below(std::string_view path, std::string_view root) {
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

std::string_view all_of(Protocol protocol) {
  switch (protocol) {
    case Protocol::openai:
      return "those of OpenAI are /v1/models, /v1/chat/completions, /v1/completions, "
             "/v1/embeddings and /v1/audio/transcriptions.";
    case Protocol::ollama:
      return "those of Ollama are /api/version, tags, ps, show, pull, generate, chat and embed.";
    case Protocol::oip:
      break;
  }
  return "those of Open Inference are in api/openapi.yaml.";
}

// "/v2/models/NAME/config", or of its one version.
bool asks_config(std::string_view path) {
  return path.starts_with("/v2/models/") && path.ends_with("/config");
}

}  // namespace

bool is_ollama_path(std::string_view path) {
  return is_at_or_below(path, "/api") && !is_at_or_below(path, "/api/v0") &&
         !is_at_or_below(path, "/api/v1") && path.size() > std::string_view("/api/").size();
}

Error no_route(std::string_view method, std::string_view path) {
  if (asks_config(path)) {
    return {Errc::not_found,
            "A model has no Triton configuration here; ask for its metadata (GET /v2/models/NAME).",
            {}};
  }
  const auto fits = [&](const Known& known) { return is_at_or_below(path, known.path); };
  const auto* const known = std::ranges::find_if(kKnown, fits);
  const std::string_view words = known == kKnown.end() ? all_of(protocol_of(path)) : known->words;
  return {
      Errc::not_found,
      fmt::format("There is no route {} {} here; {}", method, path.substr(0, kMaxShownPath), words),
      {}};
}

}  // namespace accel::server
