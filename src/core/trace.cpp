// SPDX-License-Identifier: Apache-2.0
#include "accel/core/trace.hpp"

#include <algorithm>
#include <cmath>

namespace accel::trace {
namespace {

constinit thread_local const LinkPtr* current_link = nullptr;
constinit const LinkPtr kNoLink;

// Vigna's splitmix64: a permutation of all 64-bit numbers, so that ids of one key never repeat.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

template <class Id>
void write_id(std::uint64_t number, Id& id, std::size_t at) {
  for (std::size_t i = 0; i < 8; ++i)
    id[at + i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
}

// At the limit, before a character that began there.
std::string cut(std::string text) {
  if (text.size() <= kMaxTextBytes) return text;
  std::size_t end = kMaxTextBytes;
  while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xc0U) == 0x80U) --end;
  text.resize(end);
  return text;
}

AttributeValue cut(AttributeValue value) {
  if (auto* const text = std::get_if<std::string>(&value)) *text = cut(std::move(*text));
  if (auto* const list = std::get_if<std::vector<std::string>>(&value)) {
    list->resize(std::min(list->size(), kMaxAttributes));
    for (std::string& text : *list) text = cut(std::move(text));
  }
  return value;
}

}  // namespace

const LinkPtr& current() { return current_link != nullptr ? *current_link : kNoLink; }

bool is_recording() { return current_link != nullptr && (*current_link)->context.sampled; }

Scope::Scope(LinkPtr link) : link_(std::move(link)), before_(current_link) {
  if (link_) current_link = &link_;
}

Scope::~Scope() { current_link = before_; }

Span& Span::operator=(Span&& other) noexcept {
  if (this != &other) end();
  link_ = std::move(other.link_);
  record_ = std::move(other.record_);
  begin_ = other.begin_;
  return *this;
}

Span Span::start(const LinkPtr& parent, std::string_view name, SpanKind kind) {
  Span span;
  if (!parent) return span;
  if (!parent->context.sampled) {
    span.link_ = parent;
    return span;
  }
  auto link = std::make_shared<Link>(*parent);
  link->tracer->fill_span_id(link->context);
  span.record_ = std::make_unique<SpanRecord>();
  span.record_->parent = parent->context.span_id;
  span.record_->kind = kind;
  span.begin_ = link->tracer->clock().now();
  span.link_ = std::move(link);
  span.rename(name);
  return span;
}

void Span::put(std::string_view key, AttributeValue value) {
  auto& all = record_->attributes;
  const auto known = std::ranges::find(all, key, &Attribute::first);
  if (known != all.end()) {
    known->second = cut(std::move(value));
  } else if (all.size() < kMaxAttributes) {
    all.emplace_back(key, cut(std::move(value)));
  }
}

void Span::rename(std::string_view name) {
  if (record_) record_->name = cut(std::string(name));
}

void Span::fail(std::string_view type, std::string_view message) {
  if (!record_) return;
  set("error.type", type);
  record_->failure = cut(std::string(message));
}

void Span::end() {
  if (!record_) return;
  Tracer& tracer = *link_->tracer;
  record_->context = link_->context;
  tracer.finish(std::move(*record_), begin_, tracer.clock().now());
  record_.reset();
}

void record(std::string_view name, SteadyTime begin, SteadyTime end,
            std::vector<Attribute> attributes) {
  if (!is_recording()) return;
  const Link& parent = *current();
  SpanRecord one;
  one.context = parent.context;
  parent.tracer->fill_span_id(one.context);
  one.parent = parent.context.span_id;
  one.name = cut(std::string(name));
  one.attributes = std::move(attributes);
  parent.tracer->finish(std::move(one), begin, end);
}

std::shared_ptr<Tracer> Tracer::make(const Clock& clock, Random& random, double sample_ratio,
                                     Sink sink) {
  auto* const made =
      new Tracer(clock, random, sample_ratio, std::move(sink));  // tidy: raw-new: private
  return std::shared_ptr<Tracer>(made);
}

Tracer::Tracer(const Clock& clock, Random& random, double sample_ratio, Sink sink)
    : clock_(clock),
      ratio_(std::clamp(sample_ratio, 0.0, 1.0)),
      sink_(std::move(sink)),
      seed_{random.next_u64(), random.next_u64()} {}

// Two permutations, the second under a key: nobody can tell the next id from this one by its
// looks, and it need not be a secret.
std::uint64_t Tracer::next_id() {
  while (true) {
    const std::uint64_t number = count_.fetch_add(1, std::memory_order_relaxed);
    const std::uint64_t id = mix(mix(number ^ seed_[0]) ^ seed_[1]);
    if (id != 0) return id;
  }
}

void Tracer::fill_span_id(SpanContext& context) { write_id(next_id(), context.span_id, 0); }

// By the last eight bytes of the id, which are random also where others made it.
bool Tracer::samples(const SpanContext& context) const {
  std::uint64_t number = 0;
  for (std::size_t i = 8; i < context.trace_id.size(); ++i)
    number = number << 8U | context.trace_id[i];
  return static_cast<double>(number >> 1U) < ratio_ * std::ldexp(1.0, 63);
}

Span Tracer::start_request(std::string_view name, std::string_view traceparent,
                           std::string_view tracestate) {
  Span span;
  auto link = std::make_shared<Link>();
  link->tracer = shared_from_this();
  SpanContext& context = link->context;
  const auto sender = parse_traceparent(traceparent);
  if (sender) {
    context = *sender;
    context.state = checked_tracestate(tracestate);
  } else {
    write_id(next_id(), context.trace_id, 0);
    write_id(next_id(), context.trace_id, 8);
    context.sampled = samples(context);
  }
  if (context.sampled || !sender) fill_span_id(context);
  if (context.sampled) {
    span.record_ = std::make_unique<SpanRecord>();
    if (sender) span.record_->parent = sender->span_id;
    span.record_->kind = SpanKind::server;
    span.begin_ = clock_.now();
  }
  span.link_ = std::move(link);
  span.rename(name);
  return span;
}

void Tracer::finish(SpanRecord record, SteadyTime begin, SteadyTime end) {
  const auto ago = [now = clock_.now()](SteadyTime time) {
    return std::chrono::duration_cast<WallTime::duration>(now - time);
  };
  const WallTime now = clock_.wall_now();
  record.begin = now - ago(begin);
  record.end = now - ago(end);
  sink_(std::move(record));
}

}  // namespace accel::trace
