// SPDX-License-Identifier: Apache-2.0
#pragma once
// Distributed traces: what a request went through, as spans that know their parent, also across
// processes. Used by server, which makes the Tracer and sends its spans away, and by every module
// that has something to tell. Specs: W3C Trace Context (level 1) for what travels in headers,
// OpenTelemetry's data model for the spans.
//
// Threads: a Tracer is thread-safe; a Span belongs to one thread at a time. Where nothing traces
// there is no Link, a Span is nothing, and each call on it is one branch.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/core/random.hpp"
#include "accel/core/result.hpp"

namespace accel::trace {

// Which span this is, as others are told.
struct SpanContext {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};
  bool sampled = false;
  std::string state;  // The header tracestate, passed on as it came; empty: none.

  std::string trace_id_hex() const;
  std::string span_id_hex() const;
};

// The header traceparent; nothing for what is none, of which W3C says to ignore it and to begin
// anew. A version that we don't know is read as far as we know it.
std::optional<SpanContext> parse_traceparent(std::string_view text);
std::string traceparent_of(const SpanContext& context);
// The header tracestate as it may be passed on: empty for what breaks the rules or is too long.
std::string checked_tracestate(std::string_view text);
inline constexpr std::size_t kMaxTracestateBytes = 512;
inline constexpr std::size_t kMaxTracestateMembers = 32;

enum class SpanKind { internal = 1, server = 2, client = 3 };  // As OTLP numbers them.
using AttributeValue =
    std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;
using Attribute = std::pair<std::string, AttributeValue>;

// A span that has ended.
struct SpanRecord {
  SpanContext context;
  std::optional<std::array<std::uint8_t, 8>> parent;
  std::string name;
  SpanKind kind = SpanKind::internal;
  WallTime begin{}, end{};
  std::vector<Attribute> attributes;
  std::optional<std::string> failure;  // Why it failed; nothing: it did not.
};
inline constexpr std::size_t kMaxAttributes = 32;  // Of a span; more are dropped.
inline constexpr std::size_t kMaxTextBytes = 512;  // Of a name or value; cut there.

class Tracer;

// What a span's children need of it. Immutable.
struct Link {
  std::shared_ptr<Tracer> tracer;
  SpanContext context;
};
using LinkPtr = std::shared_ptr<const Link>;  // Null: nothing is traced. Owners: all who go on.

// What this thread works for; null when nothing traces it.
const LinkPtr& current();
// Whether a span that starts on this thread now would be recorded.
bool is_recording();

// Makes a link this thread's current one until it ends. Of null: changes nothing.
class Scope {
 public:
  explicit Scope(LinkPtr link);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  LinkPtr link_;
  const LinkPtr* before_ = nullptr;
};

// Records what happens from its start to its end; ends at the latest when it goes. Movable.
class Span {
 public:
  Span() = default;  // Of nothing.
  Span(Span&& other) noexcept = default;
  Span& operator=(Span&& other) noexcept;
  ~Span() { end(); }

  // A child of `parent`, or of what this thread works for.
  static Span start(const LinkPtr& parent, std::string_view name, SpanKind kind);
  static Span start(std::string_view name) { return start(current(), name, SpanKind::internal); }

  explicit operator bool() const { return record_ != nullptr; }  // Whether it is recorded.
  // What children and other processes are told: of a span that is not recorded, its parent.
  const LinkPtr& link() const { return link_; }
  template <class T>
  Span& set(std::string_view key, const T& value) {
    if (record_) put(key, value_of(value));
    return *this;
  }
  void rename(std::string_view name);
  // That it failed, with OpenTelemetry's attribute error.type.
  void fail(std::string_view type, std::string_view message);
  void fail(const Error& error) { fail(errc_name(error.code), error.message); }
  void end();

 private:
  friend class Tracer;
  template <class T>
  static AttributeValue value_of(const T& value) {
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::vector<std::string>>) {
      return value;
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<std::int64_t>(value);
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<double>(value);
    } else {
      return std::string(std::string_view(value));
    }
  }
  void put(std::string_view key, AttributeValue value);

  LinkPtr link_;
  std::unique_ptr<SpanRecord> record_;
  SteadyTime begin_{};
};

// A child of what this thread works for, of a time that has passed.
void record(std::string_view name, SteadyTime begin, SteadyTime end,
            std::vector<Attribute> attributes = {});

// Makes the ids, decides what is recorded and hands on what has ended. By a parent's word where
// there is one, else by the share of traces that are to be recorded.
class Tracer : public std::enable_shared_from_this<Tracer> {
 public:
  // Called on the thread on which a span ends: must neither block nor throw.
  using Sink = std::function<void(SpanRecord)>;
  // `clock` must outlive it, and every span.
  static std::shared_ptr<Tracer> make(const Clock& clock, Random& random, double sample_ratio,
                                      Sink sink);

  // The span of a request, whose sender may have named its own.
  Span start_request(std::string_view name, std::string_view traceparent,
                     std::string_view tracestate);
  const Clock& clock() const { return clock_; }

 private:
  friend class Span;
  Tracer(const Clock& clock, Random& random, double sample_ratio, Sink sink);
  std::uint64_t next_id();  // Never 0.
  void fill_span_id(SpanContext& context);
  bool samples(const SpanContext& context) const;
  void finish(SpanRecord record, SteadyTime begin, SteadyTime end);
  friend void record(std::string_view, SteadyTime, SteadyTime, std::vector<Attribute>);

  const Clock& clock_;
  const double ratio_;
  const Sink sink_;
  std::array<std::uint64_t, 2> seed_{};
  std::atomic<std::uint64_t> count_{0};
};

}  // namespace accel::trace
