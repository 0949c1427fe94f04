// SPDX-License-Identifier: Apache-2.0
// Language models as families see them: what a folder of GGUF files says of itself, and what a
// request may ask. The engine's own tests compare the texts.
#include <gmock/gmock.h>

#include "accel/models/text_generator.hpp"
#include "test_files.hpp"
#include "weights_builder.hpp"

namespace accel::models {
namespace {

using ::testing::HasSubstr;
using testing::models_folder;

class GgufFolder : public testing::Folder {
 protected:
  Result<ModelManifest> read() {
    const auto listing = list_directory(folder_);
    EXPECT_TRUE(listing);
    return read_manifest(*listing, directory_fetcher(folder_));
  }
  static std::string tiny() {
    return test::GgufBuilder()
        .text("general.architecture", "llama")
        .tensor("a", {32}, 3, 0)
        .build(32);
  }
};

TEST(ChatTemplate, knows_tools_when_it_names_them_in_what_is_computed) {
  EXPECT_TRUE(template_knows_tools("{%- if tools %}{{ tools | tojson }}{% endif %}"));
  EXPECT_TRUE(template_knows_tools("{% for tool in tools %}"));
  EXPECT_FALSE(template_knows_tools("{{ message.content }} You have no tools. {{ eos }}"));
  EXPECT_FALSE(template_knows_tools("{% if builtin_tools %}{{ tools_note }}"));
  EXPECT_FALSE(template_knows_tools("tools"));
  EXPECT_TRUE(template_knows_tools("{{tools"));
  EXPECT_FALSE(template_knows_tools("{{tool"));
  EXPECT_FALSE(template_knows_tools("{{toolsy}}"));
  EXPECT_FALSE(template_knows_tools(""));
}

TEST_F(GgufFolder, is_a_model_that_writes_text) {
  write("tiny.Q4_1.gguf", tiny());
  write("README.md", "# A model");
  const auto manifest = read();
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->task, "text-generation");
  EXPECT_EQ(manifest->family, "llama");
  EXPECT_EQ(manifest->source, "gguf");
  ASSERT_EQ(manifest->variants.size(), 1U);
  EXPECT_EQ(manifest->variants[0].precision, "q4_1");
  EXPECT_EQ(manifest->variants[0].format, "gguf");
  EXPECT_EQ((*generation_variant(*manifest))->entry, "tiny.Q4_1.gguf");
}

TEST_F(GgufFolder, with_a_broken_file_names_it) {
  write("tiny.gguf", tiny().substr(0, 30));
  const auto manifest = read();
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, Errc::corrupt);
  EXPECT_THAT(manifest.error().message, HasSubstr("tiny.gguf"));
}

TEST_F(GgufFolder, of_projectors_alone_is_no_model) {
  write("mmproj-tiny.gguf", tiny());
  EXPECT_FALSE(read());
}

class SmolLm : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto file = models_folder() / "smollm2-135m-q4_1" / "SmolLM2-135M-Instruct.Q4_1.gguf";
    if (!std::filesystem::exists(file))
      GTEST_SKIP() << file << " is missing: run `tools/deps install model test`.";
    open({.context = 256, .parallel = 1});
  }
  void open(const inference::LlamaModelOptions& options) {
    const auto file = models_folder() / "smollm2-135m-q4_1" / "SmolLM2-135M-Instruct.Q4_1.gguf";
    auto opened = inference::LlamaEngine().open(file, options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    generator_ = std::make_unique<TextGenerator>(std::move(*opened));
  }
  Errc refusal(const TextRequest& request) const {
    const auto prepared = generator_->prepare(request);
    return prepared ? Errc::internal : prepared.error().code;
  }
  std::string words(const TextRequest& request) const {
    const auto prepared = generator_->prepare(request);
    return prepared ? std::string() : prepared.error().message;
  }
  std::unique_ptr<TextGenerator> generator_;
};

TEST_F(SmolLm, answers_a_chat_within_the_limits_of_the_request) {
  TextRequest request;
  request.messages = {{"user", "What is the capital of France?"}};
  request.max_tokens = 8;
  const auto report = generator_->generate(request, {}, {});
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->prompt_tokens, 37U);
  EXPECT_EQ(report->tokens.size(), 8U);
  request.max_tokens.reset();
  EXPECT_EQ(generator_->prepare(request)->max_tokens, 256U - 37U);
}

TEST_F(SmolLm, text_of_a_user_never_becomes_a_token_that_controls_the_model) {
  TextRequest request;
  request.prompt = "<|im_end|>";
  EXPECT_GT(generator_->prepare(request)->prompt.size(), 1U);
}

TEST_F(SmolLm, what_no_model_can_do_is_refused_before_it_starts) {
  EXPECT_EQ(refusal({}), Errc::invalid_argument);
  EXPECT_EQ(refusal({.prompt = "a", .messages = {{"user", "b"}}}), Errc::invalid_argument);
  EXPECT_EQ(refusal({.prompt = std::string(kMaxPromptBytes + 1, 'a')}), Errc::invalid_argument);
  std::string words;
  for (int i = 0; i < 300; ++i) words += " word";
  EXPECT_EQ(refusal({.prompt = words}), Errc::invalid_argument);
  EXPECT_EQ(refusal({.prompt = "a", .sampling = {.temperature = -1}}), Errc::invalid_argument);
  EXPECT_EQ(refusal({.prompt = "a", .sampling = {.temperature = 1, .top_p = 2}}),
            Errc::invalid_argument);
  EXPECT_EQ(refusal({.prompt = "a", .sampling = {.top_k = -1}}), Errc::invalid_argument);
  EXPECT_EQ(refusal({.prompt = "a", .stop = {""}}), Errc::invalid_argument);
  EXPECT_EQ(refusal({.prompt = "a", .stop = std::vector<std::string>(17, "x")}),
            Errc::invalid_argument);
}

TEST_F(SmolLm, tools_become_a_grammar_that_holds_at_once_or_from_a_call_on) {
  TextRequest request{.messages = {{"user", "hi"}}, .tools = {{"now"}, {"later"}}};
  auto prepared = generator_->prepare(request);
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->sampling.grammar_triggers.size(), 1U);
  EXPECT_TRUE(prepared->format);
  request.tool_name = "later";
  prepared = generator_->prepare(request);
  ASSERT_TRUE(prepared);
  EXPECT_TRUE(prepared->sampling.grammar_triggers.empty());
  EXPECT_THAT(prepared->sampling.grammar, HasSubstr("later"));
  EXPECT_EQ(prepared->sampling.grammar.find("now"), std::string::npos);
  request.tool_name.clear();
  request.tool_choice = inference::ToolChoice::none;
  prepared = generator_->prepare(request);
  EXPECT_TRUE(prepared->sampling.grammar.empty() && !prepared->format);
}

// A template that knows tools by itself.
constexpr const char* kToolTemplate = R"({%- if tools %}{{- '<|im_start|>system\n# Tools' }}
{%- for tool in tools %}{{- '\n' }}{{- tool | tojson }}{%- endfor %}
{{- '<|im_end|>\n' }}{%- endif %}
{%- for message in messages %}{{- '<|im_start|>' + message.role }}
{%- if message.content %}{{- '\n' + message.content }}{%- endif %}
{%- if message.tool_calls %}{%- for call in message.tool_calls %}
{{- '\n<tool_call>\n{"name": "' + call.function.name + '", "arguments": ' }}
{{- call.function.arguments | tojson }}{{- '}\n</tool_call>' }}
{%- endfor %}{%- endif %}{{- '<|im_end|>\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %})";

TEST_F(SmolLm, writes_json_alone_where_a_template_knows_tools_that_are_not_to_be_called) {
  open({.context = 512, .parallel = 1, .chat_template = kToolTemplate});
  const inference::ChatMessage hi{"user", "Is Paris in France?"};
  const std::vector<inference::ChatMessage> answered{
      hi, {"assistant", "", {{"c1", "where", "{}"}}}, {"tool", "France", {}, "c1"}};
  TextRequest request{
      .messages = {hi},
      .max_tokens = 40,
      .json_schema = R"({"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"]})",
      .tools = {{"where"}},
      .tool_choice = inference::ToolChoice::none};
  for (const auto& messages : {request.messages, answered}) {
    request.messages = messages;
    const auto prepared = generator_->prepare(request);
    ASSERT_TRUE(prepared) << prepared.error().to_string();
    EXPECT_TRUE(prepared->sampling.grammar_begun.empty() && !prepared->format);
    const auto report = generator_->generate(request, {}, {});
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_THAT(report->text, HasSubstr("\"a\""));
    request.tools.clear();  // Next: a chat that speaks of tools in its messages alone.
  }
}

TEST_F(SmolLm, tools_that_can_not_be_are_refused_by_their_place) {
  const std::vector<inference::ChatMessage> hi{{"user", "hi"}};
  const auto with = [&](std::vector<inference::ToolDefinition> tools) {
    return words({.messages = hi, .tools = std::move(tools)});
  };
  EXPECT_THAT(with({{"a"}, {""}}), HasSubstr("tools[1]"));
  EXPECT_THAT(with({{"a b"}}), HasSubstr("letters"));
  EXPECT_THAT(with({{std::string(65, 'a')}}), HasSubstr("64"));
  EXPECT_THAT(with({{"a"}, {"a"}}), HasSubstr("another"));
  EXPECT_THAT(with(std::vector<inference::ToolDefinition>(10'000, {"a"})), HasSubstr("128"));
  EXPECT_THAT(with({{"a", std::string(kMaxToolBytes + 1, 'x')}}), HasSubstr("bytes in all"));
  EXPECT_THAT(with({{"a", "", std::string(1000, '[')}}), HasSubstr("\"a\""));
  EXPECT_THAT(words({.prompt = "x", .tools = {{"a"}}}), HasSubstr("messages"));
  EXPECT_THAT(words({.messages = hi, .tools = {{"a"}}, .tool_name = "b"}), HasSubstr("no tool"));
  EXPECT_THAT(words({.messages = hi, .tools = {{"a"}, {"a"}}, .tool_name = "a"}),
              HasSubstr("another"));
  EXPECT_THAT(words({.messages = hi, .tool_choice = inference::ToolChoice::required}),
              HasSubstr("no tools"));
}

TEST_F(SmolLm, holds_tools_and_a_schema_by_one_grammar_and_a_required_call_by_its_own) {
  TextRequest request{
      .messages = {{"user", "Is Paris in France?"}},
      .max_tokens = 60,
      .json_schema = R"({"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"]})",
      .tools = {{"where"}}};
  const auto either = generator_->prepare(request);
  ASSERT_TRUE(either) << either.error().to_string();
  EXPECT_THAT(either->sampling.grammar, HasSubstr("root ::= call"));
  EXPECT_TRUE(either->sampling.grammar_triggers.empty() && either->format);
  const auto report = generator_->generate(request, {}, {});
  ASSERT_TRUE(report) << report.error().to_string();
  const inference::Answer answer = either->format->read(report->text, false);
  EXPECT_TRUE(!answer.calls.empty() || answer.content.starts_with("{")) << report->text;
  request.tool_name = "where";
  const auto required = generator_->prepare(request);
  ASSERT_TRUE(required) << required.error().to_string();
  EXPECT_EQ(required->sampling.grammar.find("response-format-schema-a"), std::string::npos);
  request.tool_name.clear();
  request.json_schema = R"({"type":"string","format":"email"})";
  EXPECT_THAT(generator_->prepare(request).error().message, HasSubstr("format"));
}

TEST_F(SmolLm, results_of_calls_that_nobody_made_are_refused) {
  const inference::ChatMessage hi{"user", "hi"};
  const inference::ChatMessage call{"assistant", "", {{"c1", "f", "{}"}}};
  EXPECT_THAT(words({.messages = {hi, {"tool", "x"}}}), HasSubstr("messages[1]"));
  EXPECT_THAT(words({.messages = {hi, call, {"tool", "x", {}, "c2"}}}), HasSubstr("messages[2]"));
  EXPECT_EQ(words({.messages = {hi, call, {"tool", "x", {}, "c1"}}}), "");
  EXPECT_EQ(words({.messages = {hi, call, {"tool", "x"}}}), "");
  EXPECT_THAT(words({.messages = {{"user", "", {{"c", "f", "{}"}}}}}), HasSubstr("assistant"));
  EXPECT_THAT(words({.messages = {hi, {"assistant", "", {{"c", "f", "{"}}}}}),
              HasSubstr("JSON object"));
  EXPECT_THAT(words({.messages = {hi, {"assistant", "", {{"c", "f g", "{}"}}}}}),
              HasSubstr("tool_calls[0]"));
}

}  // namespace
}  // namespace accel::models
