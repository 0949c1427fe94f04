// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the protocols that clients already speak have in common: a request becomes a method of the
// node, its result a reply in the protocol's words. Everything here is pure: no I/O, and time and
// names come from the caller. Used by ProtocolServer.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::server {

enum class Protocol { openai, ollama, oip };

// A method of the node with its parameters.
struct MethodRequest {
  std::string method;
  nlohmann::json params = nlohmann::json::object();
  bool stream = false;
};

// What a reply says besides the result.
struct ReplyFacts {
  std::string id;            // Of this exchange, unique.
  std::string model;         // As the client named it.
  std::string time;          // RFC 3339.
  std::int64_t seconds = 0;  // Since 1970.
};

// {"error": …} as each protocol's clients read it.
nlohmann::json error_body(Protocol protocol, const Error& error);

// Reads a client's JSON object: the first member of a wrong type is remembered, and told by
// status(). What a protocol has and this node has not is refused by name, never ignored.
class BodyReader {
 public:
  explicit BodyReader(const nlohmann::json& body) : body_(&body) {}

  std::string required_text(const char* name);
  std::string text(const char* name, std::string fallback);
  bool flag(const char* name, bool fallback);
  // Copies a number to `into[as]`; absent and null are left out.
  void number(const char* name, nlohmann::json& into, const char* as);
  void integer(const char* name, nlohmann::json& into, const char* as);
  // A text or a list of texts.
  std::vector<std::string> texts(const char* name);
  const nlohmann::json* object(const char* name);
  // Refuses a member unless it is absent, null, or equal to `harmless`.
  void only(const char* name, const nlohmann::json& harmless);
  void refuse(Errc code, std::string message);
  Status status() const { return status_; }

 private:
  const nlohmann::json* find(const char* name) const;
  const nlohmann::json* body_;
  Status status_;
};

// Messages as text.generate takes them: content may be a text or parts of type text.
Result<nlohmann::json> messages_of(const nlohmann::json& body);

}  // namespace accel::server
