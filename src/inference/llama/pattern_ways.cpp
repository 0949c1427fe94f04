// SPDX-License-Identifier: Apache-2.0
#include "llama/pattern_ways.hpp"

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <map>
#include <vector>

namespace accel::inference::llama {
namespace {

constexpr std::size_t kOther = 128;  // All characters that are not ASCII, as if they were one.
using Class = std::bitset<kOther + 1>;
using Place = std::uint32_t;  // Of one character of the pattern, in one of its repetitions.
constexpr std::size_t kMaxNesting = 64;

// Glushkov's sets of a part of the pattern.
struct Part {
  std::vector<Place> first, last;
  bool nullable = true;
};

void append(std::vector<Place>& to, const std::vector<Place>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Status run() {
    ACCEL_TRY(const Part whole, alternatives(0));
    if (at_ != text_.size()) return fail(Errc::invalid_argument, "A ) has no (.");
    starts_ = whole.first;
    return {};
  }

  std::vector<Class> classes_;              // By place.
  std::vector<std::vector<Place>> follow_;  // By place.
  std::vector<Place> starts_;

 private:
  bool more() const { return at_ < text_.size(); }
  char peek() const { return text_[at_]; }

  Result<Part> alternatives(std::size_t depth) {
    if (depth > kMaxNesting)
      return fail(Errc::invalid_argument, "Parentheses may nest {} deep.", kMaxNesting);
    ACCEL_TRY(Part all, sequence(depth));
    while (more() && peek() == '|') {
      ++at_;
      ACCEL_TRY(const Part next, sequence(depth));
      append(all.first, next.first);
      append(all.last, next.last);
      all.nullable = all.nullable || next.nullable;
    }
    return all;
  }

  Result<Part> sequence(std::size_t depth) {
    Part all;
    while (more() && peek() != '|' && peek() != ')') {
      ACCEL_TRY(const Part next, repeated(depth));
      ACCEL_CHECK(join(all, next));
    }
    return all;
  }

  Status link(const std::vector<Place>& from, const std::vector<Place>& to) {
    pairs_ += from.size() * to.size();
    if (pairs_ > kMaxPatternPairs)
      return fail(Errc::invalid_argument, "Too many of its parts may be left out or repeated.");
    for (const Place place : from) append(follow_[place], to);
    return {};
  }

  Status join(Part& all, const Part& next) {
    ACCEL_CHECK(link(all.last, next.first));
    if (all.nullable) append(all.first, next.first);
    if (next.nullable) {
      append(all.last, next.last);
    } else {
      all.last = next.last;
    }
    all.nullable = all.nullable && next.nullable;
    return {};
  }

  // A part and what stands behind it: it is read again for each repetition.
  Result<Part> repeated(std::size_t depth) {
    const std::size_t from = at_;
    ACCEL_TRY(Part part, single(depth));
    std::size_t end = at_;
    std::size_t quantifiers = 0;
    while (more() && std::string_view("*+?{").find(peek()) != std::string_view::npos) {
      // A part with its first quantifiers is what a further one repeats.
      if (quantifiers++ > 0 && peek() == '{')
        return fail(Errc::invalid_argument, "A repetition may not be repeated without ().");
      if (peek() == '{') {
        ACCEL_TRY(part, counted(from, end, depth, std::move(part)));
      } else {
        if (peek() != '?') ACCEL_CHECK(link(part.last, part.first));
        if (peek() != '+') part.nullable = true;
        ++at_;
      }
      end = at_;
    }
    return part;
  }

  struct Count {
    std::size_t least = 0, most = kPatternSteps + 1;
  };

  // {n}, {n,}, {,m} or {n,m}, as far as a token reaches.
  Count count() {
    ++at_;
    std::size_t numbers[2] = {0, 0};
    bool comma = false, second = false;
    for (; more() && peek() != '}'; ++at_) {
      if (peek() == ',') comma = true;
      if (peek() < '0' || peek() > '9') continue;
      second = second || comma;
      std::size_t& number = numbers[comma ? 1 : 0];
      number = std::min(number * 10 + static_cast<std::size_t>(peek() - '0'), kPatternSteps + 1);
    }
    if (more()) ++at_;
    Count result{numbers[0], !comma ? numbers[0] : second ? numbers[1] : kPatternSteps + 1};
    result.most = std::max(result.most, result.least);
    return result;
  }

  // llama.cpp nests what may be left out: x{0,3} is (x(x(x)?)?)?.
  Result<Part> counted(std::size_t from, std::size_t end, std::size_t depth, Part once) {
    const Count wanted = count();
    const std::size_t behind = at_;
    if (wanted.most == 0) return Part{};
    std::vector<Part> copies{std::move(once)};
    while (copies.size() < wanted.most) {
      at_ = from;
      ACCEL_TRY(copies.emplace_back(), single(depth));
      if (at_ != end) return fail(Errc::internal, "A pattern was read in two ways.");
    }
    at_ = behind;
    Part all;
    for (std::size_t i = copies.size(); i-- > wanted.least;) {
      Part head = copies[i];
      ACCEL_CHECK(join(head, all));
      head.nullable = true;
      all = std::move(head);
    }
    Part begin;
    for (std::size_t i = 0; i < wanted.least; ++i) ACCEL_CHECK(join(begin, copies[i]));
    ACCEL_CHECK(join(begin, all));
    return begin;
  }

  Result<Part> single(std::size_t depth) {
    if (++parts_ > kMaxPatternPlaces)
      return fail(Errc::invalid_argument, "With its repetitions it may have {} parts.",
                  kMaxPatternPlaces);
    const char c = peek();
    if (c == '(') return group(depth);
    if (c == '[') return place(brackets());
    if (c == '^' || c == '$') {
      ++at_;
      return Part{};
    }
    return place(character());
  }

  Result<Part> group(std::size_t depth) {
    ++at_;
    while (more() && (peek() == '?' || peek() == ':')) ++at_;  // (?:, and (?=, as a group.
    ACCEL_TRY(Part inner, alternatives(depth + 1));
    if (!more()) return fail(Errc::invalid_argument, "A ( has no ).");
    ++at_;
    return inner;
  }

  Result<Part> place(const Class& characters) {
    const auto id = static_cast<Place>(classes_.size());
    classes_.push_back(characters);
    follow_.emplace_back();
    return Part{{id}, {id}, false};
  }

  static Class any() { return Class().set(); }

  // One character, a dot or an escape.
  Class character() {
    const auto byte = static_cast<unsigned char>(text_[at_++]);
    if (byte == '.') return any().reset('\n').reset('\r');
    if (byte == '\\' && more()) {
      const auto next = static_cast<unsigned char>(text_[at_++]);
      const bool letter = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
                          (next >= '0' && next <= '9');
      return letter || next >= kOther ? any() : Class().set(next);
    }
    if (byte < kOther) return Class().set(byte);
    while (more() && (static_cast<unsigned char>(peek()) & 0xC0U) == 0x80) ++at_;
    return Class().set(kOther);
  }

  Class brackets() {
    ++at_;
    const bool inverse = more() && peek() == '^';
    if (inverse) ++at_;
    Class all;
    bool unknown = false;
    while (more() && peek() != ']') {
      const std::size_t low = lowest(unknown);
      std::size_t high = low;
      if (text_.substr(at_).size() > 1 && peek() == '-' && text_[at_ + 1] != ']') {
        ++at_;
        high = lowest(unknown);
      }
      for (std::size_t c = low; c <= high; ++c) all.set(c);
    }
    if (more()) ++at_;
    if (unknown) return any();
    return inverse ? (~all).set(kOther) : all;
  }

  // Of a bracket's next character; `unknown` when it may be any.
  std::size_t lowest(bool& unknown) {
    const bool escaped = peek() == '\\';
    const bool dot = peek() == '.';
    const Class one = dot ? Class().set('.') : Class();
    if (dot) ++at_;
    const Class read = dot ? one : character();
    unknown = unknown || (escaped && read.count() > 1);
    for (std::size_t c = 0; c < read.size(); ++c) {
      if (read[c]) return c;
    }
    return 0;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t parts_ = 0, pairs_ = 0;
};

// One character of each kind that the classes tell apart.
std::vector<std::size_t> kinds_of(const std::vector<Class>& classes) {
  struct Less {
    bool operator()(const Class& a, const Class& b) const { return a.to_string() < b.to_string(); }
  };
  std::map<Class, bool, Less> different;
  for (const Class& one : classes) different[one] = true;
  std::map<std::vector<bool>, std::size_t> kinds;
  for (std::size_t c = 0; c <= kOther; ++c) {
    std::vector<bool> within;
    for (const auto& [one, known] : different) within.push_back(one[c]);
    if (std::ranges::find(within, true) != within.end()) kinds.emplace(std::move(within), c);
  }
  std::vector<std::size_t> result;
  for (const auto& [within, c] : kinds) result.push_back(c);
  return result;
}

}  // namespace

Result<double> pattern_ways(std::string_view pattern) {
  Reader reader(pattern);
  ACCEL_CHECK(reader.run());
  const auto& classes = reader.classes_;
  auto& follow = reader.follow_;
  follow.push_back(reader.starts_);
  for (auto& next : follow) {  // llama.cpp, too, goes to the same place once.
    std::ranges::sort(next);
    next.erase(std::ranges::unique(next).begin(), next.end());
  }
  const std::vector<std::size_t> kinds = kinds_of(classes);
  std::vector<double> ways(follow.size(), 1);
  double most = 1;
  for (std::size_t step = 0; step < kPatternSteps && most <= kMaxPatternWays; ++step) {
    std::vector<double> before = ways;
    for (std::size_t place = 0; place < follow.size(); ++place) {
      for (const std::size_t kind : kinds) {
        double sum = 0;
        for (const Place next : follow[place]) sum += classes[next][kind] ? before[next] : 0;
        ways[place] = std::max(ways[place], sum);
      }
      most = std::max(most, ways[place]);
    }
  }
  return most;
}

}  // namespace accel::inference::llama
