// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "accel/endpoints/endpoint.hpp"
#include "accel/endpoints/exchange.hpp"

namespace accel::endpoints {
namespace {

// Where such a server listens by its own documentation when it is started without further words.
constexpr std::array kPresets{
    Preset{"claude", Wire::anthropic, "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"},
    Preset{"gemini", Wire::gemini, "https://generativelanguage.googleapis.com/v1beta",
           "GEMINI_API_KEY"},
    Preset{"groq", Wire::openai, "https://api.groq.com/openai/v1", "GROQ_API_KEY"},
    Preset{"hf_tei", Wire::tei, "http://127.0.0.1:8080", ""},
    Preset{"hf_tgi", Wire::openai, "http://127.0.0.1:3000/v1", ""},
    Preset{"ipfs-accelerate", Wire::openai, "http://127.0.0.1:5080/v1", ""},
    Preset{"llama.cpp", Wire::openai, "http://127.0.0.1:8080/v1", ""},
    Preset{"mlserver", Wire::oip, "http://127.0.0.1:8080", ""},
    Preset{"ollama", Wire::ollama, "http://127.0.0.1:11434", ""},
    Preset{"openai", Wire::openai, "https://api.openai.com/v1", "OPENAI_API_KEY"},
    Preset{"opea", Wire::openai, "http://127.0.0.1:9000/v1", ""},
    Preset{"ovms", Wire::oip, "http://127.0.0.1:8000", ""},
    Preset{"ovms-llm", Wire::openai, "http://127.0.0.1:8000/v3", ""},
    Preset{"triton", Wire::oip, "http://127.0.0.1:8000", ""},
    Preset{"vllm", Wire::openai, "http://127.0.0.1:8000/v1", ""},
    // The bare protocols, for what has no name above.
    Preset{"anthropic", Wire::anthropic, "", ""},
    Preset{"oip", Wire::oip, "", ""},
    Preset{"tei", Wire::tei, "", ""},
};

}  // namespace

std::span<const Preset> presets() { return kPresets; }

const Preset* find_preset(std::string_view name) {
  const auto found = std::ranges::find(kPresets, name, &Preset::name);
  return found == kPresets.end() ? nullptr : &*found;
}

std::string_view wire_name(Wire wire) {
  constexpr std::array<std::string_view, 6> kNames{"openai",    "oip",    "ollama",
                                                   "anthropic", "gemini", "tei"};
  return kNames.at(static_cast<std::size_t>(wire));
}

std::string_view operation_name(Operation operation) {
  constexpr std::array<std::string_view, 4> kNames{"text", "embedding", "tensors", "listing"};
  return kNames.at(static_cast<std::size_t>(operation));
}

}  // namespace accel::endpoints
