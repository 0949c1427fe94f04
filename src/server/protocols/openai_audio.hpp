// SPDX-License-Identifier: Apache-2.0
#pragma once
// OpenAI's POST /v1/audio/transcriptions (api/openapi.yaml): a form with a recording becomes a run
// of a model that hears, and what it heard one of five formats. Pure; forms come from clients.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "protocols/protocol.hpp"

namespace accel::server::openai {

inline constexpr std::size_t kMaxRecordingBytes = 20U << 20U;  // What `run` takes.

struct TranscriptionRequest {
  MethodRequest run;
  std::string format;  // "json", "text", "verbose_json", "srt" or "vtt".
};
// `content_type` and `body` as they came. Errors: invalid_argument (no such form; a field that is
// missing, wrong or too long), unsupported (what OpenAI has and this node has not, named).
Result<TranscriptionRequest> transcription_request(std::string_view content_type,
                                                   std::string_view body);

struct TranscriptionReply {
  std::string content_type;
  std::string body;
};
// Of what `run` gave. Errors: invalid_argument (the model does not hear).
Result<TranscriptionReply> transcription_reply(std::string_view format,
                                               const nlohmann::json& result);

}  // namespace accel::server::openai
