// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the protocols that clients already speak have in common: a request becomes a method of the
// node, its result a reply in the protocol's words. Everything here is pure: no I/O, and time and
// names come from the caller. Used by ProtocolServer.

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/core/priority.hpp"
#include "accel/core/result.hpp"
#include "accel/core/trace.hpp"
#include "accel/net/headers.hpp"

namespace accel::server {

enum class Protocol { openai, ollama, oip };

// A method of the node with its parameters.
struct MethodRequest {
  std::string method;
  nlohmann::json params = nlohmann::json::object();
  bool stream = false;
  trace::LinkPtr trace = nullptr;  // The span that it is a part of; null: nobody traces it.
  // How long it may take, as its own words say, and when the exchange that it is a part of must be
  // over; nothing: no limit.
  std::optional<Duration> timeout = {};
  std::optional<SteadyTime> deadline = {};
};

// What a reply says besides the result.
struct ReplyFacts {
  std::string id;            // Of this exchange, unique.
  std::string model;         // As the client named it.
  std::string time;          // RFC 3339.
  std::int64_t seconds = 0;  // Since 1970.
};

// Takes "priority" out of what a client sent: 1 (high), 2 (normal) or 3 (low), as Triton numbers
// them; 0, absent or null say none. Errors: invalid_argument.
Result<std::optional<Priority>> take_priority(nlohmann::json& object);
// The same of the header X-Priority; absent: none.
Result<std::optional<Priority>> priority_of(const net::Headers& headers);

// What `explain` asks for: how a method's result was batched, what of it was known, its level,
// and what failed.
nlohmann::json explanation(const nlohmann::json& result);

// Of texts that were cut to be embedded: which, and what the model takes.
Error too_long(const nlohmann::json& result);

// {"error": …} as each protocol's clients read it.
nlohmann::json error_body(Protocol protocol, const Error& error);

// Reads a client's JSON object: the first member of a wrong type is remembered, and told by
// finish(). What a protocol has and this node has not is refused by name, never ignored.
class BodyReader {
 public:
  explicit BodyReader(const nlohmann::json& body) : body_(&body) {}

  std::string required_text(const char* name);
  std::string text(const char* name, std::string fallback);
  bool flag(const char* name, bool fallback);
  // Copies a number to `into[as]`; absent and null are left out.
  void number(const char* name, nlohmann::json& into, const char* as);
  void integer(const char* name, nlohmann::json& into, const char* as);
  // Refuses a number beyond these; absent, null and other types are not its affair.
  void within(const char* name, double low, double high);
  // A text or a list of texts.
  std::vector<std::string> texts(const char* name);
  const nlohmann::json* object(const char* name);
  // Of any type; null when absent or null.
  const nlohmann::json* value(const char* name) { return find(name); }
  // Refuses a member unless it is absent, null, or equal to `harmless`.
  void only(const char* name, const nlohmann::json& harmless);
  // Members that are read elsewhere, or that ask for nothing that would change the answer.
  void allow(std::span<const std::string_view> names);
  void allow(std::initializer_list<std::string_view> names) {
    allow(std::span(names.begin(), names.size()));
  }
  void refuse(Errc code, std::string message);
  // Refuses by name the first member that nothing above has named, unless it is null. The last
  // call: the first refusal of all.
  Status finish();

 private:
  const nlohmann::json* find(std::string_view name);
  const nlohmann::json* body_;
  std::vector<std::string_view> known_;  // Literals.
  Status status_;
};

// A schema that stands at `pointer` in the `body` of a request, as text with its members in the
// order in which they were sent, which an answer follows; from `parsed` when there is no such body.
// Errors: invalid_argument (objects with thousands of members).
Result<nlohmann::json> schema_text(std::string_view body, const char* pointer,
                                   const nlohmann::json& parsed);

// Messages as text.generate takes them, of the member "messages": content may be a text or parts of
// type text, and missing beside calls of tools; what else a message holds is refused by name,
// unless it is empty.
Result<nlohmann::json> messages_of(const nlohmann::json& body);

}  // namespace accel::server
