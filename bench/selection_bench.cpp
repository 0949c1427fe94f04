// SPDX-License-Identifier: Apache-2.0
// Does selection find what an exhaustive search finds? For MiniLM at 16 and 128 tokens, batch 1 and
// 8, and for two policies (the model's own precision; any precision within --max-error), it lets
// perf::SuccessiveHalving choose, then measures every candidate in turns until the best is known,
// and prints the ratio of the chosen one to the best with its interval.
//
// usage: selection_bench MODEL.onnx [--rounds=12] [--searches=3] [--max-error=0.05] [--json=FILE]
// stdout: a table; with --json all samples. Exit status 1 when a search was off by more than 3 %
// (and noise cannot explain it) or took 5 s or more.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "accel/bench/statistics.hpp"
#include "accel/bench/trial_runner.hpp"
#include "accel/core/file.hpp"
#include "accel/hardware/cpu_info.hpp"
#include "accel/hardware/machine_load.hpp"
#include "accel/inference/backend.hpp"
#include "accel/perf/shape_bucket.hpp"

namespace {

using namespace accel;
using inference::NamedTensor;
using inference::Session;
using nlohmann::json;
using tensor::Tensor;

constexpr double kPromisedRatio = 1.03;
constexpr double kPromisedSeconds = 5.0;
constexpr std::uint64_t kSeed = 20261121;

struct Setting {
  std::string model;
  std::string json_file;
  int rounds = 12;  // Turns of the exhaustive search; three runs of every candidate in each.
  int searches = 3;
  double max_error = 0.05;
};

struct Shape {
  std::int64_t batch = 1;
  std::int64_t sequence = 16;
};

// A sentence encoder's three inputs, of full length.
struct Inputs {
  std::vector<std::string> names{"input_ids", "attention_mask", "token_type_ids"};
  std::vector<Tensor> tensors;

  explicit Inputs(const Shape& shape) {
    const std::vector<std::int64_t> dims{shape.batch, shape.sequence};
    std::vector<std::int64_t> values(static_cast<std::size_t>(shape.batch * shape.sequence));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = 1000 + static_cast<std::int64_t>(i * 37 % 20000);
    }
    const auto add = [&] {
      tensors.push_back(Tensor::copy_of<std::int64_t>(dims, values).value());
    };
    add();
    std::ranges::fill(values, 1);
    add();
    std::ranges::fill(values, 0);
    add();
  }
  std::vector<NamedTensor> named() const {
    std::vector<NamedTensor> list;
    for (std::size_t i = 0; i < names.size(); ++i) list.push_back({names[i], &tensors[i]});
    return list;
  }
};

// What users see: the mean over the tokens, of length one. A rank-2 output is pooled already.
std::vector<float> embed(const Tensor& output) {
  const auto& dims = output.shape();
  const std::size_t rows = static_cast<std::size_t>(dims.front());
  const std::size_t width = static_cast<std::size_t>(dims.back());
  const std::size_t tokens = dims.size() == 3 ? static_cast<std::size_t>(dims[1]) : 1;
  const auto values = output.data<float>();
  std::vector<float> vectors(rows * width, 0.0F);
  for (std::size_t row = 0; row < rows; ++row) {
    float* const vector = &vectors[row * width];
    for (std::size_t i = 0; i < tokens * width; ++i) {
      vector[i % width] += values[row * tokens * width + i];
    }
    float norm = 0;
    for (std::size_t i = 0; i < width; ++i) norm += vector[i] * vector[i];
    for (std::size_t i = 0; i < width; ++i) vector[i] /= std::sqrt(norm);
  }
  return vectors;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, static_cast<double>(std::abs(a[i] - b[i])));
  }
  return largest;
}

class Engines {
 public:
  Engines() {
    backends_.push_back(inference::make_onnxruntime_backend());
    backends_.push_back(inference::make_openvino_backend());
  }

  std::vector<perf::Candidate> candidates(const hardware::CpuInfo& cpu) {
    std::vector<perf::Candidate> list;
    for (const auto& backend : backends_) {
      const auto info = backend->probe();
      if (!info) {
        std::fprintf(stderr, "%s\n", info.error().to_string().c_str());
        continue;
      }
      versions_[info->engine] = info->version;
      for (const std::string& precision : info->precisions) {
        for (const int threads :
             perf::thread_counts(cpu.usable_threads, cpu.usable_physical_cores)) {
          list.push_back({info->engine, "cpu", precision, threads, {}, false});
        }
      }
    }
    return list;
  }

  Result<std::shared_ptr<Session>> open(const std::string& model,
                                        const perf::Candidate& candidate) {
    inference::SessionOptions options;
    options.device = candidate.device;
    options.threads = candidate.threads;
    options.precision = candidate.precision;
    for (const auto& backend : backends_) {
      if (backend->name() != candidate.engine) continue;
      ACCEL_TRY(auto session, backend->open(model, options));
      return std::shared_ptr<Session>(std::move(session));  // Owners: a task's functions.
    }
    return fail(Errc::not_found, "No engine {}.", candidate.engine);
  }

  const std::map<std::string, std::string>& versions() const { return versions_; }

 private:
  std::vector<std::unique_ptr<inference::Backend>> backends_;
  std::map<std::string, std::string> versions_;
};

// One cell of the table: a shape, with its inputs and the reference answer.
class Cell {
 public:
  Cell(const Setting& setting, Engines& engines, Shape shape)
      : setting_(setting), engines_(engines), inputs_(shape), shape_(shape) {}

  Status make_reference(const std::vector<perf::Candidate>& candidates) {
    for (const perf::Candidate& candidate : candidates) {
      if (candidate.precision != "f32" || candidate.threads != 1) continue;
      ACCEL_TRY(const auto session, engines_.open(setting_.model, candidate));
      ACCEL_TRY(reference_, answer(*session));
      return {};
    }
    return fail(Errc::unavailable, "No engine runs the model in f32 on one thread.");
  }

  Result<bench::TrialTask> task(const perf::Candidate& candidate) {
    ACCEL_TRY(std::shared_ptr<Session> session, engines_.open(setting_.model, candidate));
    bench::TrialTask task;
    task.call = [this, session](std::stop_token stop) -> Status {
      auto result = session->run(inputs_.named(), wanted(*session), {stop});
      if (!result) return fail(std::move(result).error());
      return {};
    };
    task.accuracy_error = [this, session]() -> Result<double> {
      ACCEL_TRY(const std::vector<float> vectors, answer(*session));
      return largest_difference(vectors, reference_);
    };
    return task;
  }

  const Shape& shape() const { return shape_; }

 private:
  static std::vector<std::string> wanted(const Session& session) {
    return {session.outputs().at(0).name};
  }
  Result<std::vector<float>> answer(Session& session) {
    ACCEL_TRY(const auto outputs, session.run(inputs_.named(), wanted(session), {}));
    return embed(outputs.at(0));
  }

  const Setting& setting_;
  Engines& engines_;
  Inputs inputs_;
  Shape shape_;
  std::vector<float> reference_;
};

struct Measured {
  perf::Candidate candidate;
  bench::TrialTask task;
  double error = 0;
  std::vector<double> samples_ms;
  std::vector<double> turns_ms;  // The median of each turn, for pairs.
};

// Everything that may be chosen, measured in turns of three runs, in alternating order.
Result<std::vector<Measured>> exhaustive(Cell& cell, const Setting& setting,
                                         const std::vector<perf::Candidate>& candidates,
                                         double accuracy_limit) {
  std::vector<Measured> field;
  for (const perf::Candidate& candidate : candidates) {
    ACCEL_TRY(bench::TrialTask task, cell.task(candidate));
    ACCEL_TRY(const double error, task.accuracy_error());
    if (error > accuracy_limit) continue;
    field.push_back({candidate, std::move(task), error, {}, {}});
  }
  perf::TrialRequest turn;
  turn.runs = 3;
  for (int round = 0; round < setting.rounds; ++round) {
    turn.warmup = 1;  // The others have had the caches meanwhile.
    for (std::size_t i = 0; i < field.size(); ++i) {
      Measured& one = field[round % 2 == 0 ? i : field.size() - 1 - i];
      ACCEL_TRY(const auto result, bench::run_trial(turn, one.task, {}));
      if (!result.error.empty()) return fail(Errc::internal, "{}", result.error);
      one.samples_ms.insert(one.samples_ms.end(), result.samples_ms.begin(),
                            result.samples_ms.end());
      one.turns_ms.push_back(bench::median(result.samples_ms));
    }
  }
  std::ranges::sort(field, {}, [](const Measured& one) { return bench::median(one.samples_ms); });
  return field;
}

struct Outcome {
  int searches = 0;
  int hits = 0;  // Chosen within the promise, or not told apart from it by the interval.
  double worst_ratio = 0;
  double longest_s = 0;
};

json interval_json(const bench::Interval& interval) {
  return {{"estimate", interval.estimate}, {"low", interval.low}, {"high", interval.high}};
}

void print_rows(const perf::Choice& choice) {
  for (const perf::ChoiceRow& row : choice.rows) {
    std::printf("        %-28s median %8.2f ms  p10 %8.2f  p90 %8.2f  %2d discarded  %s\n",
                row.candidate.id().c_str(), row.median_ms, row.p10_ms, row.p90_ms, row.discarded,
                row.reason.c_str());
  }
}

Result<json> search_once(Cell& cell, const perf::Policy& policy,
                         const std::vector<perf::Candidate>& allowed,
                         const std::vector<Measured>& truth, Outcome& outcome) {
  perf::SuccessiveHalving search(allowed, perf::options_for(policy));
  ACCEL_TRY(const perf::Choice choice,
            bench::run_search(
                search, [&](const perf::Candidate& candidate) { return cell.task(candidate); }));
  if (!choice.winner) return fail(Errc::internal, "{}", choice.reason);
  const perf::Candidate& chosen = allowed[*choice.winner];
  const auto found = std::ranges::find(truth, chosen, &Measured::candidate);
  if (found == truth.end()) return fail(Errc::internal, "{} is not allowed.", chosen.id());
  SeededRandom random(kSeed);
  ACCEL_TRY(const bench::Interval ratio,
            bench::paired_ratio_interval(found->turns_ms, truth.front().turns_ms, random));
  const double seconds = to_ms(choice.spent) / 1000;
  const bool hit = ratio.low <= kPromisedRatio;
  ++outcome.searches;
  outcome.hits += hit ? 1 : 0;
  outcome.worst_ratio = std::max(outcome.worst_ratio, ratio.estimate);
  outcome.longest_s = std::max(outcome.longest_s, seconds);
  int discarded = 0;
  for (const perf::ChoiceRow& row : choice.rows) discarded += row.discarded;
  std::printf("    search: %-28s %.3fx of the best [%.3f, %.3f]  %.2f s  %d discarded%s%s\n",
              chosen.id().c_str(), ratio.estimate, ratio.low, ratio.high, seconds, discarded,
              choice.provisional ? "  provisional" : "", hit ? "" : "  MISS");
  if (!hit) print_rows(choice);
  return json{
      {"chosen", chosen.id()},  {"ratio_to_best", interval_json(ratio)}, {"seconds", seconds},
      {"discarded", discarded}, {"provisional", choice.provisional},     {"hit", hit}};
}

Result<json> measure_cell(Cell& cell, const Setting& setting, const perf::Policy& policy,
                          const std::vector<perf::Candidate>& candidates, Outcome& outcome) {
  const auto allowed = perf::filter(candidates, policy).allowed;
  ACCEL_TRY(const auto truth,
            exhaustive(cell, setting, allowed, perf::options_for(policy).accuracy_limit));
  const auto bucket = perf::shape_bucket(static_cast<std::uint64_t>(cell.shape().batch),
                                         static_cast<std::uint64_t>(cell.shape().sequence));
  std::printf("  %s, max error %g: exhaustive over %zu of %zu candidates\n", bucket.c_str(),
              policy.max_error, truth.size(), allowed.size());
  json rows = json::array();
  for (const Measured& one : truth) {
    const bench::Summary summary = bench::summarize(one.samples_ms);
    std::printf("      %-28s median %8.2f ms  p10 %8.2f  p90 %8.2f  error %.1e\n",
                one.candidate.id().c_str(), summary.median, summary.p10, summary.p90, one.error);
    rows.push_back({{"candidate", one.candidate.id()},
                    {"max_abs_error", one.error},
                    {"samples_ms", one.samples_ms}});
  }
  json searches = json::array();
  for (int i = 0; i < setting.searches; ++i) {
    ACCEL_TRY(json row, search_once(cell, policy, allowed, truth, outcome));
    searches.push_back(std::move(row));
  }
  return json{{"bucket", bucket},
              {"max_error", policy.max_error},
              {"exhaustive", std::move(rows)},
              {"searches", std::move(searches)}};
}

Status write_json(const Setting& setting, const json& report) {
  if (setting.json_file.empty()) return {};
  return write_file_atomic(setting.json_file, as_bytes(report.dump(1)), 0644);
}

Result<Outcome> measure_all(const Setting& setting) {
  const hardware::CpuInfo cpu = hardware::cpu_info();
  Engines engines;
  const auto candidates = engines.candidates(cpu);
  const double load = hardware::machine_load(std::chrono::seconds(1));
  std::printf("%s, %d usable threads, %s memory; load of others %.2f before the start\n",
              cpu.model.c_str(), cpu.usable_threads, human_bytes(cpu.memory_usable_bytes).c_str(),
              load);
  json cells = json::array();
  Outcome outcome;
  for (const std::int64_t batch : {1, 8}) {
    for (const std::int64_t sequence : {16, 128}) {
      Cell cell(setting, engines, {batch, sequence});
      ACCEL_CHECK(cell.make_reference(candidates));
      for (const double max_error : {0.0, setting.max_error}) {
        perf::Policy policy;
        policy.max_error = max_error;
        ACCEL_TRY(json row, measure_cell(cell, setting, policy, candidates, outcome));
        cells.push_back(std::move(row));
      }
    }
  }
  ACCEL_CHECK(write_json(setting, {{"benchmark", "selection"},
                                   {"cpu", cpu.model},
                                   {"usable_threads", cpu.usable_threads},
                                   {"isa", cpu.isa},
                                   {"load_before", load},
                                   {"engines", engines.versions()},
                                   {"rounds", setting.rounds},
                                   {"cells", std::move(cells)},
                                   {"provenance", "measured"}}));
  return outcome;
}

bool read_flag(const char* argument, const char* name, std::string& value) {
  const std::size_t length = std::strlen(name);
  if (std::strncmp(argument, name, length) != 0 || argument[length] != '=') return false;
  value = argument + length + 1;
  return true;
}

bool read_setting(int argc, char** argv, Setting& setting) {
  for (int i = 1; i < argc; ++i) {
    std::string value;
    if (read_flag(argv[i], "--rounds", value)) {
      setting.rounds = std::atoi(value.c_str());
    } else if (read_flag(argv[i], "--searches", value)) {
      setting.searches = std::atoi(value.c_str());
    } else if (read_flag(argv[i], "--max-error", value)) {
      setting.max_error = std::atof(value.c_str());
    } else if (!read_flag(argv[i], "--json", setting.json_file)) {
      setting.model = argv[i];
    }
  }
  return !setting.model.empty() && setting.rounds > 0 && setting.searches > 0;
}

}  // namespace

int main(int argc, char** argv) {
  Setting setting;
  if (!read_setting(argc, argv, setting)) {
    std::fprintf(stderr,
                 "usage: %s MODEL.onnx [--rounds=12] [--searches=3] [--max-error=0.05] "
                 "[--json=FILE]\n",
                 argv[0]);
    return 2;
  }
  const auto outcome = measure_all(setting);
  if (!outcome) {
    std::fprintf(stderr, "%s\n", outcome.error().to_string().c_str());
    return 1;
  }
  std::printf(
      "%d of %d searches within 3 %% of the best; worst ratio %.3f; longest search %.2f s\n",
      outcome->hits, outcome->searches, outcome->worst_ratio, outcome->longest_s);
  const bool kept = outcome->hits == outcome->searches && outcome->longest_s < kPromisedSeconds;
  return kept ? 0 : 1;
}
