// SPDX-License-Identifier: Apache-2.0
// Chat templates that take all memory or all time: the one chat is refused in a sentence, this
// process pays nothing, and what it does beside goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <future>

#include "accel/core/clock.hpp"
#include "accel/core/process.hpp"
#include "llama_fixture.hpp"

namespace accel::inference {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

// Harmless while it is read and tried, when there is no message of this role.
std::string when_told(const std::string& evil) {
  return "{% for m in messages %}{% if m.role == 'evil' %}" + evil +
         "{% endif %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
         "{% if add_generation_prompt %}assistant:{% endif %}";
}

constexpr const char* kLongList = "{% for a in range(99999999) %}x{% endfor %}";
constexpr const char* kLongLoops =
    "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
constexpr const char* kDoubling =
    "{% set ns = namespace(s='0123456789abcdef') %}"
    "{% for a in range(40) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}";
constexpr const char* kRecursion =
    "{% macro again(n) %}{{ again(n + 1) }}{% endmacro %}{{ again(0) }}";
constexpr const char* kThrowing = "{{ raise_exception('no such chats') }}";

const std::vector<ChatMessage> kGood{{"user", "hi"}};
const std::vector<ChatMessage> kEvil{{"evil", "hi"}};

class HostileTemplate : public Llama {
 protected:
  void open_template(const std::string& text, RenderBounds bounds = kSmall) {
    open({.context = 512, .parallel = 1, .chat_template = text, .template_bounds = bounds});
  }
  // It is refused for what it takes, and the next chat is written out as if nothing had been.
  void expect_refused(const std::string& evil, const ::testing::Matcher<std::string>& words) {
    open_template(when_told(evil));
    const auto before = model_->chat_prompt(kGood);
    ASSERT_TRUE(before) << before.error().to_string();
    EXPECT_EQ(*before, "user: hi\nassistant:");
    const std::uint64_t resident = resident_bytes();
    const auto refused = model_->chat_prompt(kEvil);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::invalid_argument) << refused.error().to_string();
    EXPECT_THAT(refused.error().message, words);
    EXPECT_LT(resident_bytes(), resident + (64U << 20U));
    EXPECT_EQ(model_->chat_prompt(kGood), *before);
  }

  static constexpr RenderBounds kSmall{.memory_bytes = 64U << 20U,
                                       .cpu = std::chrono::seconds(1),
                                       .deadline = std::chrono::seconds(60)};
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr const char* kNoMemory = "ended the process";  // The sanitizer does, in its own words.
#else
constexpr const char* kNoMemory = "more than 64 MiB of memory";
#endif

TEST_F(HostileTemplate, a_list_without_end_is_refused_for_its_memory) {
  expect_refused(kLongList, HasSubstr(kNoMemory));
}

TEST_F(HostileTemplate, a_text_that_doubles_is_refused_for_its_memory) {
  expect_refused(kDoubling, HasSubstr(kNoMemory));
}

TEST_F(HostileTemplate, loops_within_loops_are_refused_for_their_time) {
  expect_refused(kLongLoops,
                 AnyOf(HasSubstr("more than 1 s of processor time"), HasSubstr(kNoMemory)));
}

TEST_F(HostileTemplate, a_macro_that_calls_itself_is_refused) {
  expect_refused(kRecursion, AnyOf(HasSubstr("ended the process"), HasSubstr(kNoMemory)));
}

TEST_F(HostileTemplate, one_that_throws_is_told_with_its_words) {
  expect_refused(kThrowing, HasSubstr("refuses these messages"));
  EXPECT_THAT(model_->chat_prompt(kEvil).error().cause, HasSubstr("no such chats"));
}

TEST_F(HostileTemplate, a_deadline_ends_what_the_processor_is_too_busy_for) {
  open_template(when_told(kLongLoops), {.memory_bytes = 1U << 30U,
                                        .cpu = std::chrono::seconds(600),
                                        .deadline = std::chrono::seconds(4)});
  const auto refused = model_->chat_prompt(kEvil);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
  EXPECT_THAT(refused.error().message, HasSubstr("longer than 4 s"));
}

TEST_F(HostileTemplate, one_that_is_hostile_when_it_is_tried_leaves_a_model_that_completes_text) {
  const SteadyTime began = system_clock().now();
  open_template(std::string(kLongLoops) + "{{ messages[0].content }}");
  EXPECT_LT(system_clock().now() - began, std::chrono::seconds(60));
  const auto refused = model_->chat_prompt(kGood);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unsupported) << refused.error().to_string();
  EXPECT_THAT(refused.error().message, HasSubstr("chat template"));
  EXPECT_EQ(model_->generate(request("The capital of France is", 2), {}, {})->text, " Paris.");
}

TEST_F(HostileTemplate, a_stop_token_ends_a_rendering_and_one_that_waits_for_it) {
  open_template(when_told(kLongLoops), {.memory_bytes = 1U << 30U,
                                        .cpu = std::chrono::seconds(600),
                                        .deadline = std::chrono::seconds(600)});
  std::stop_source first;
  std::stop_source second;
  auto endless =
      std::async(std::launch::async, [&] { return model_->chat_prompt(kEvil, first.get_token()); });
  EXPECT_EQ(endless.wait_for(std::chrono::milliseconds(500)), std::future_status::timeout);
  auto waiting = std::async(std::launch::async,
                            [&] { return model_->chat_prompt(kGood, second.get_token()); });
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  second.request_stop();
  EXPECT_EQ(waiting.get().error().code, Errc::cancelled);
  first.request_stop();
  EXPECT_EQ(endless.get().error().code, Errc::cancelled);
  EXPECT_TRUE(model_->chat_prompt(kGood));
}

TEST_F(HostileTemplate, another_model_is_served_meanwhile) {
  open_template(when_told(kLongLoops), {.memory_bytes = 1U << 30U,
                                        .cpu = std::chrono::seconds(600),
                                        .deadline = std::chrono::seconds(600)});
  const std::unique_ptr<LlamaModel> hostile = std::move(model_);
  open();
  std::stop_source stop;
  auto endless =
      std::async(std::launch::async, [&] { return hostile->chat_prompt(kEvil, stop.get_token()); });
  const auto prompt = model_->chat_prompt(kGood);
  ASSERT_TRUE(prompt) << prompt.error().to_string();
  EXPECT_TRUE(model_->generate(request(*prompt, 2), {}, {}));
  EXPECT_EQ(endless.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  stop.request_stop();
  EXPECT_FALSE(endless.get());
}

// Taken from llama.cpp's interpreter within this process, before it had one of its own.
TEST_F(HostileTemplate, a_good_template_gives_what_it_gave_within_this_process) {
  open();
  EXPECT_EQ(*model_->chat_prompt(kGood),
            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
            "Face<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
  open_template("{{ bos_token }}|{{ eos_token }}|{{ messages[0].content | upper }}");
  const std::vector<ChatMessage> bytes{{"user", "a\xFFz\n\xE4\xB8\xAD"}};
  EXPECT_EQ(*model_->chat_prompt(bytes), "<|im_start|>|<|im_end|>|A\xFFZ\n\xE4\xB8\xAD");
}

TEST_F(HostileTemplate, many_threads_have_their_chats_written_out) {
  open();
  const std::string expected = *model_->chat_prompt(kGood);
  std::array<std::future<Result<std::string>>, 8> prompts;
  for (auto& prompt : prompts)
    prompt = std::async(std::launch::async, [&] { return model_->chat_prompt(kGood); });
  for (auto& prompt : prompts) EXPECT_EQ(prompt.get(), expected);
}

}  // namespace
}  // namespace accel::inference
