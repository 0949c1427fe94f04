// SPDX-License-Identifier: Apache-2.0
// What a client is told of an answer, piece by piece.
#include "accel/models/answer_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace accel::models {
namespace {

using inference::Answer;

// Words up to a "!", then one call: its name up to ":", its arguments up to ".".
class Shout final : public inference::AnswerFormat {
 public:
  Answer read(std::string_view text, bool partial) const override {
    const std::size_t mark = text.find('!');
    Answer answer{std::string(text.substr(0, mark)), {}};
    if (mark == std::string_view::npos) return answer;
    const std::size_t colon = text.find(':', mark);
    if (colon == std::string_view::npos) return answer;
    const std::string_view rest = text.substr(colon + 1);
    answer.calls.push_back({{},
                            std::string(text.substr(mark + 1, colon - mark - 1)),
                            std::string(rest.substr(0, rest.find('.')))});
    if (!partial && rest.find('.') == std::string_view::npos) answer.calls.clear();
    return answer;
  }
};

struct Told {
  std::string content, id, name, arguments;
  std::size_t firsts = 0;

  void add(const std::vector<AnswerDelta>& deltas) {
    for (const AnswerDelta& delta : deltas) {
      content += delta.content;
      arguments += delta.part.arguments;
      if (delta.part.name.empty()) continue;
      ++firsts;
      id = delta.part.id;
      name = delta.part.name;
    }
  }
};

AnswerReader reader() {
  return AnswerReader(std::make_shared<Shout>(), [] { return std::string("call_1"); });
}

TEST(AnswerReader, tells_words_and_calls_as_they_come_and_each_once) {
  for (std::size_t step = 1; step < 20; ++step) {
    const std::string text = "Well!f:{\"a\":1}.";
    AnswerReader answer = reader();
    Told told;
    for (std::size_t at = 0; at < text.size(); at += step)
      told.add(answer.push(text.substr(at, step)));
    told.add(answer.finish(false));
    EXPECT_EQ(told.content, "Well");
    EXPECT_EQ(told.id, "call_1");
    EXPECT_EQ(told.name, "f");
    EXPECT_EQ(told.arguments, "{\"a\":1}");
    EXPECT_EQ(told.firsts, 1U);
    EXPECT_EQ(answer.answer().calls.size(), 1U);
  }
}

TEST(AnswerReader, of_an_answer_that_was_cut_tells_what_there_is) {
  AnswerReader answer = reader();
  Told told;
  told.add(answer.push("!f:{\"a"));
  told.add(answer.finish(true));
  EXPECT_EQ(told.arguments, "{\"a");
}

TEST(AnswerReader, without_a_format_all_is_words) {
  AnswerReader answer(nullptr, {});
  Told told;
  told.add(answer.push("a!f:b."));
  told.add(answer.finish(false));
  EXPECT_EQ(told.content, "a!f:b.");
}

TEST(AnswerReader, without_a_format_tells_each_piece_when_it_comes_and_nothing_twice) {
  AnswerReader answer(nullptr, {});
  std::string all;
  for (const char* piece : {"one ", "", "two ", "three"}) {
    const auto deltas = answer.push(piece);
    ASSERT_EQ(deltas.size(), *piece == '\0' ? 0U : 1U);
    if (deltas.empty()) continue;
    EXPECT_EQ(deltas[0].content, piece);
    EXPECT_FALSE(deltas[0].call);
    all += piece;
    EXPECT_EQ(answer.answer().content, all);
  }
  EXPECT_TRUE(answer.finish(true).empty());
  EXPECT_EQ(answer.answer().content, all);
}

TEST(AnswerReader, reads_a_long_answer_again_in_proportion_to_its_length) {
  class Counting final : public inference::AnswerFormat {
   public:
    Answer read(std::string_view text, bool) const override {
      bytes += text.size();
      return {std::string(text), {}};
    }
    mutable std::size_t bytes = 0;
  };
  const auto format = std::make_shared<Counting>();
  AnswerReader answer(format, {});
  std::string told;
  for (int i = 0; i < 20'000; ++i) {
    for (const AnswerDelta& delta : answer.push("word ")) told += delta.content;
  }
  for (const AnswerDelta& delta : answer.finish(false)) told += delta.content;
  EXPECT_EQ(told.size(), 100'000U);
  EXPECT_LT(format->bytes, 100'000U * 80);
}

}  // namespace
}  // namespace accel::models
