// SPDX-License-Identifier: Apache-2.0
// run, text, vision, audio: the main job.
#include <array>
#include <cstdio>
#include <iterator>
#include <memory>

#include "accel/core/file.hpp"
#include "command.hpp"
#include "commands/endpoint_flags.hpp"
#include "commands/findings.hpp"
#include "commands/source_flags.hpp"
#include "commands/text.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

constexpr std::uint64_t kInputFileBytes = 16U << 20U;
constexpr std::size_t kShownValues = 6;

struct RunFlags {
  std::string model, input_file, task;
  std::vector<std::string> inputs;
  std::string device = "auto", precision = "auto";
  int threads = 0;
  double max_error = 0;
  bool explain = false, remeasure = false;
  EndpointFlags endpoint;
  MediaFlags media;
  SourceFlags sources;
};

Result<std::string> text_of(const std::string& path) {
  if (path != "-") return read_text_file(path, kInputFileBytes);
  std::string text;
  std::array<char, 65536> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), stdin)) {
    text.append(buffer.data(), got);
    if (text.size() > kInputFileBytes) {
      return fail(Errc::resource_exhausted, "Standard input has more than {} bytes.",
                  kInputFileBytes);
    }
  }
  return text;
}

// One text a line, empty lines included, so that the vectors stay in step with the lines.
Result<std::vector<std::string>> lines_of(const std::string& path) {
  ACCEL_TRY(const std::string text, text_of(path));
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    if (line.find('\0') != std::string::npos) {
      return fail(Errc::invalid_argument, "{} is no text: line {} holds a zero byte.", path,
                  lines.size() + 1);
    }
    lines.push_back(std::move(line));
    begin = end + 1;
  }
  return lines;
}

Result<std::vector<std::string>> inputs_of(const RunFlags& flags) {
  std::vector<std::string> inputs = flags.inputs;
  if (!flags.input_file.empty()) {
    ACCEL_TRY(std::vector<std::string> lines, lines_of(flags.input_file));
    inputs.insert(inputs.end(), std::make_move_iterator(lines.begin()),
                  std::make_move_iterator(lines.end()));
  }
  if (inputs.empty() && !flags.media.given() && !flags.media.makes()) {
    return fail(
        Errc::invalid_argument,
        "No input: give --input TEXT or --input-file FILE, or --prompt TEXT to a model that "
        "writes text, or --image, --audio or --file FILE to one that takes that.");
  }
  return inputs;
}

std::string candidate_note(const json& row, const std::string& winner, const std::string& used) {
  const std::string id = row.value("id", std::string());
  if (id == used) return "used";
  if (id == winner) return "the fastest call";
  return row.value("note", std::string());
}

Status print_selection(const json& selection) {
  ACCEL_CHECK(print_line(""));
  std::vector<std::vector<std::string>> rows;
  const std::string winner = selection.value("winner", std::string());
  const std::string used = selection.value("used", winner);
  for (const json& row : selection.at("candidates")) {
    const auto number = [&](const char* name, const char* format) {
      return row.contains(name) && row[name].is_number()
                 ? fmt::format(fmt::runtime(format), row[name].get<double>())
                 : std::string("-");
    };
    rows.push_back({row.at("engine"), row.at("device"), row.at("precision"),
                    std::to_string(row.at("threads").get<int>()), number("open_ms", "{:.0f}"),
                    number("median_ms", "{:.2f}"), number("p10_ms", "{:.2f}"),
                    number("p90_ms", "{:.2f}"), std::to_string(row.value("runs", 0)),
                    number("max_abs_error", "{:.1e}"), candidate_note(row, winner, used)});
  }
  if (used != winner) ACCEL_CHECK(print_line("used " + used + ", because opening counts too:"));
  ACCEL_CHECK(print_table({"ENGINE", "DEVICE", "PRECISION", "THREADS", "OPEN ms", "MEDIAN ms",
                           "P10", "P90", "RUNS", "ERROR", "WHY"},
                          rows));
  return print_line(selection.value("reason", std::string()));
}

Status print_embeddings(const json& embeddings) {
  for (const json& embedding : embeddings) {
    std::string line = fmt::format("[{} values]", embedding.size());
    for (std::size_t i = 0; i < std::min(kShownValues, embedding.size()); ++i) {
      line += fmt::format(" {:.5f}", embedding[i].get<double>());
    }
    ACCEL_CHECK(print_line(line + " …"));
  }
  return {};
}

Status print_media(const json& result) {
  const auto media = result.find("media");
  if (media == result.end()) return {};
  if (!media->contains("file")) {
    return print_line(fmt::format("{} was made; give --output FILE to keep it.",
                                  media->at("type").get<std::string>()));
  }
  return print_line(fmt::format("{}: {}, {} bytes", media->at("file").get<std::string>(),
                                media->at("type").get<std::string>(),
                                media->at("bytes").get<std::size_t>()));
}

void print_fallback(const json& result) {
  if (!result.contains("fell_back")) return;
  const json& fell = result["fell_back"];
  print_note(
      fmt::format("The device {} failed, so the {} computed this; it is not asked again "
                  "before {}. ({})",
                  fell.at("from").get<std::string>(), fell.at("to").get<std::string>(),
                  fell.at("until").get<std::string>(), fell.at("reason").get<std::string>()));
}

Status print_run(const json& result, const std::vector<std::string>& inputs, bool explain) {
  const bool embeds = result.contains("embeddings");
  ACCEL_CHECK(embeds ? print_embeddings(result["embeddings"]) : print_findings(result, inputs));
  if (result.contains("endpoint")) {
    print_endpoint(result);
    return {};
  }
  ACCEL_CHECK(print_media(result));
  print_fallback(result);
  ACCEL_CHECK(print_line(fmt::format(
      "{} {} on {}, {}, {} thread(s): {:.2f} ms ({})", result.at("engine").get<std::string>(),
      result.value("engine_version", std::string()), result.at("device").get<std::string>(),
      result.at("precision").get<std::string>(), result.value("threads", 0),
      result.at("latency_ms").get<double>(), result.at("provenance").get<std::string>())));
  if (const auto cut = result.value("truncated", std::size_t{0}); cut > 0) {
    print_note(fmt::format("{} of {} texts were longer than the model takes and were cut.", cut,
                           inputs.size()));
  }
  return explain && result.contains("selection") ? print_selection(result["selection"]) : Status{};
}

Status run_model(Session& session, const RunFlags& flags) {
  ACCEL_TRY(const std::vector<std::string> inputs, inputs_of(flags));
  ACCEL_CHECK(check_output(flags.media));
  json params{{"model", flags.model},     {"inputs", inputs},
              {"device", flags.device},   {"precision", flags.precision},
              {"threads", flags.threads}, {"max_error", flags.max_error},
              {"explain", flags.explain}, {"remeasure", flags.remeasure}};
  if (!flags.task.empty()) params["task"] = flags.task;
  ACCEL_CHECK(flags.media.add_to(params));
  flags.sources.add_to(params);
  flags.endpoint.add_to(params);
  ACCEL_TRY(json result, session.call("run", params));
  ACCEL_CHECK(keep_media(result, flags.media.output));
  return session.flags().json ? print_json(result) : print_run(result, inputs, flags.explain);
}

void add_run_options(CLI::App& command, RunFlags& flags) {
  command.add_option("--input,--text", flags.inputs, "A text; may be given several times");
  command.add_option("--input-file", flags.input_file,
                     "A file with one text a line; - for standard input");
  command.add_option("--device", flags.device,
                     "auto (measured), or one platform: cpu, cuda, openvino, …");
  command.add_option(
      "--precision", flags.precision,
      "auto (the model's own), or f32, bf16, f16, int8dyn (weights stored as int8 only)");
  command.add_option("--threads", flags.threads, "Threads of one call; 0 (default) measures");
  command.add_option("--max-error", flags.max_error,
                     "Let auto choose a precision whose vectors differ by at most this (max abs); "
                     "default 0: never");
  command.add_flag("--explain", flags.explain, "Show what was measured and why the winner won");
  command.add_flag("--remeasure", flags.remeasure,
                   "Measure again instead of using the remembered choice");
  add_media_options(command, flags.media);
  add_source_options(&command, flags.sources);
}

// Engine, device and precision of a model that writes text are not a choice yet.
// What a model that writes text would not see is refused by its name.
Status expect_prompt_alone(const RunFlags& flags) {
  const std::pair<const char*, bool> others[] = {
      {"--input", !flags.inputs.empty()},        {"--input-file", !flags.input_file.empty()},
      {"--image", !flags.media.image.empty()},   {"--audio", !flags.media.audio.empty()},
      {"--file", !flags.media.file.empty()},     {"--query", !flags.media.query.empty()},
      {"--output", !flags.media.output.empty()}, {"--parameter", !flags.media.parameters.empty()}};
  for (const auto& [name, given] : others) {
    if (given) {
      return fail(
          Errc::invalid_argument,
          "--prompt is for models that write text, which take no {}: leave one of them out.", name);
    }
  }
  return {};
}

Status run_prompt(Session& session, const RunFlags& flags, TextFlags& text) {
  ACCEL_CHECK(expect_prompt_alone(flags));
  if (flags.device != "auto" && flags.device != "cpu") {
    return fail(Errc::unsupported,
                "Text is written by llama.cpp on the CPU here; --device {} is not there for it.",
                flags.device);
  }
  if (flags.explain) print_note("Nothing was measured: one engine here writes text, on the CPU.");
  text.model = flags.model;
  text.threads = flags.threads;
  text.sources = flags.sources;
  return generate_text(session, text);
}

// A command that names its task: `text embed`, `vision classify`.
struct TaskCommand {
  const char* name;
  const char* task;
  const char* description;
  const char* example;
};

constexpr TaskCommand kTextTasks[] = {
    {"embed", "text-embedding", "Sentence embeddings, one vector per input",
     "  ipfs-accelerate text embed --model minilm --input 'a cat' --input 'a dog' --json"},
    {"classify", "text-classification", "Labels of texts, with scores",
     "  ipfs-accelerate text classify --model NAME --input 'What a day!'"},
    {"entities", "token-classification", "Names and places in texts",
     "  ipfs-accelerate text entities --model NAME --input 'Anna lives in Berlin.'"},
    {"fill-mask", "fill-mask", "Words for [MASK]",
     "  ipfs-accelerate text fill-mask --model NAME --input 'A cat on a [MASK].'"},
    {"question", "question-answering", "Where in a text a question is answered",
     "  ipfs-accelerate text question --model NAME --query 'Who sat?' --input 'The cat sat.'"},
    {"rerank", "text-ranking", "Texts by how well they answer a query",
     "  ipfs-accelerate text rerank --model NAME --query 'cats' --input 'a cat' --input 'a dog'"},
    {"summarize", "summarization", "A short text for each text",
     "  ipfs-accelerate text summarize --model NAME --input-file report.txt"},
    {"translate", "translation", "Texts in another language",
     "  ipfs-accelerate text translate --model NAME --query translation_en_to_de --input 'Hello.'"},
};
constexpr TaskCommand kVisionTasks[] = {
    {"classify", "image-classification", "Labels of an image, with scores",
     "  ipfs-accelerate vision classify --model opennsfw --image photo.jpg"},
    {"detect", "object-detection", "Things in an image, with their boxes",
     "  ipfs-accelerate vision detect --model NAME --image photo.jpg"},
    {"segment", "image-segmentation", "Which pixels of an image show what",
     "  ipfs-accelerate vision segment --model NAME --image photo.jpg --output mask.png"},
    {"read", "image-to-text", "Lines of text in an image, with their places",
     "  ipfs-accelerate vision read --model ppocrv4 --image page.png"},
};
constexpr TaskCommand kAudioTasks[] = {
    {"detect-speech", "voice-activity-detection", "Where in a recording somebody speaks",
     "  ipfs-accelerate audio detect-speech --model silero-vad --audio speech.wav"},
    {"transcribe", "automatic-speech-recognition", "What is said in a recording, with its times",
     "  ipfs-accelerate audio transcribe --model whisper speech.wav"},
};

void add_task_command(CLI::App& group, const TaskCommand& task, Selection& selection) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* command = add_command(group, task.name, task.description, task.example);
  command->add_option("--model", flags->model, "Name or CID")->required();
  if (std::string_view(task.name) == "transcribe")
    command->add_option("FILE", flags->media.audio, "The recording, like --audio");
  add_run_options(*command, *flags);
  command->add_option("--top-k", flags->media.top_k, "How many answers at most (default 5)");
  if (std::string_view(task.task) == "text-embedding")
    add_endpoint_options(*command, flags->endpoint);
  command->add_option("--seed", flags->media.seed, "The same seed makes the same (default 0)");
  on_chosen(command, selection, [flags, task](Session& session) {
    flags->task = task.task;
    return run_model(session, *flags);
  });
}

}  // namespace

void add_run_commands(CLI::App& app, Selection& selection) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* run = add_command(app, "run", "Run a model on what measured best",
                              "  ipfs-accelerate run minilm --input 'a cat on a mat'\n"
                              "  ipfs-accelerate run smollm --prompt 'Tell me about llamas.'\n"
                              "  ipfs-accelerate run opennsfw --image photo.jpg\n"
                              "  ipfs-accelerate run silero-vad --audio speech.wav\n"
                              "  ipfs-accelerate run minilm --input 'a cat' --explain --json\n"
                              "  ipfs-accelerate run bafy… --from http://a:8080 --input 'a cat'\n\n"
                              "A model that is named by its CID and not here is pulled first, "
                              "verified: from what is named by --from, --peer and --router, and "
                              "else from what the configuration names, peers and the DHT.");
  run->add_option("MODEL", flags->model, "Name or CID")->required();
  run->add_option("--task", flags->task, "The model's task (default: what the model says)");
  add_run_options(*run, *flags);
  auto text_flags = std::make_shared<TextFlags>();
  run->add_option("--prompt", text_flags->prompt, "What a model that writes text shall answer");
  add_text_options(*run, *text_flags);
  on_chosen(run, selection, [flags, text_flags](Session& session) {
    flags->media.top_k = text_flags->top_k;  // One option, whatever the model is for.
    flags->endpoint = text_flags->endpoint;
    flags->media.seed = text_flags->seed;
    if (text_flags->prompt.empty()) return run_model(session, *flags);
    return run_prompt(session, *flags, *text_flags);
  });
  add_ps_command(app, selection);

  CLI::App* text = add_command(app, "text", "Tasks on text",
                               "  ipfs-accelerate text embed --model minilm --input 'a cat'");
  text->require_subcommand(1);
  add_generate_command(*text, selection);
  for (const TaskCommand& task : kTextTasks) add_task_command(*text, task, selection);
  CLI::App* vision = add_command(app, "vision", "Tasks on images",
                                 "  ipfs-accelerate vision classify --model NAME --image cat.png");
  vision->require_subcommand(1);
  for (const TaskCommand& task : kVisionTasks) add_task_command(*vision, task, selection);
  CLI::App* audio =
      add_command(app, "audio", "Tasks on recordings",
                  "  ipfs-accelerate audio detect-speech --model NAME --audio speech.wav");
  audio->require_subcommand(1);
  for (const TaskCommand& task : kAudioTasks) add_task_command(*audio, task, selection);
}

}  // namespace accel::cli
