// SPDX-License-Identifier: Apache-2.0
#include "protocols/routes.hpp"

#include <algorithm>
#include <array>

namespace accel::server {
namespace {

constexpr std::array kRoutes{
    Route{"GET", "/v1/models", Protocol::openai, false},
    Route{"GET", "/v1/models/{model}", Protocol::openai, false},
    Route{"POST", "/v1/embeddings", Protocol::openai, false},
    Route{"POST", kTranscriptions, Protocol::openai, false},
    Route{"POST", "/v1/completions", Protocol::openai, false},
    Route{"POST", "/v1/chat/completions", Protocol::openai, false},
    Route{"GET", "/api/version", Protocol::ollama, true},
    Route{"GET", "/api/tags", Protocol::ollama, false},
    Route{"GET", "/api/ps", Protocol::ollama, false},
    Route{"POST", "/api/show", Protocol::ollama, false},
    Route{"POST", "/api/pull", Protocol::ollama, false},
    Route{"POST", "/api/generate", Protocol::ollama, false},
    Route{"POST", "/api/chat", Protocol::ollama, false},
    Route{"POST", "/api/embed", Protocol::ollama, false},
    Route{"GET", "/v2", Protocol::oip, true},
    Route{"GET", "/v2/health/live", Protocol::oip, true},
    Route{"GET", "/v2/health/ready", Protocol::oip, true},
    Route{"GET", "/v2/models/{model}", Protocol::oip, false},
    Route{"GET", "/v2/models/{model}/ready", Protocol::oip, false},
    Route{"POST", "/v2/models/{model}/infer", Protocol::oip, false},
    Route{"GET", "/v2/models/{model}/stats", Protocol::oip, false},
    // The one version that metadata tells of.
    Route{"GET", "/v2/models/{model}/versions/1", Protocol::oip, false},
    Route{"GET", "/v2/models/{model}/versions/1/ready", Protocol::oip, false},
    Route{"POST", "/v2/models/{model}/versions/1/infer", Protocol::oip, false},
    Route{"GET", "/v2/models/{model}/versions/1/stats", Protocol::oip, false},
    Route{"GET", "/v2/models/stats", Protocol::oip, false},
    Route{"POST", "/v2/repository/index", Protocol::oip, false},
    Route{"POST", "/v2/repository/models/{model}/load", Protocol::oip, false},
    Route{"POST", "/v2/repository/models/{model}/unload", Protocol::oip, false},
};

// The first segment of a path, which is taken from it with the slash before it.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

}  // namespace

std::span<const Route> protocol_routes() { return kRoutes; }

std::optional<std::string> match_route(const Route& route,
                                       const std::vector<std::string>& segments) {
  std::string_view wanted = route.path;
  std::string_view model;
  for (const std::string& segment : segments) {
    if (wanted.empty()) return std::nullopt;
    const std::string_view name = take_segment(wanted);
    if (name == "{model}") {
      if (segment.empty()) return std::nullopt;
      model = segment;
    } else if (name != segment) {
      return std::nullopt;
    }
  }
  if (!wanted.empty()) return std::nullopt;
  return std::string(model);
}

Protocol protocol_of(std::string_view path) {
  if (path.starts_with("/v1/")) return Protocol::openai;
  return path.starts_with("/v2") ? Protocol::oip : Protocol::ollama;
}

}  // namespace accel::server
