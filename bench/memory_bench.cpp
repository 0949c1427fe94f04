// SPDX-License-Identifier: Apache-2.0
// What sessions cost in memory: the first of a model, another of the same stored file, one of a
// copy (another file with equal weights), and the same in a second process. After each step the
// model has run once; figures are what the step added to PSS and to the private pages of this
// process (/proc/self/smaps_rollup), with freed memory returned as a daemon does.
//
// usage: memory_bench ENGINE MODEL.onnx THREADS path|skeleton|shared|cache=FOLDER
// stdout: one JSON object. Results of all sessions must be equal to the bit; else it fails.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "accel/hardware/memory.hpp"
#include "accel/inference/backend.hpp"

extern char** environ;

namespace {

using accel::Result;
using accel::tensor::DType;
using accel::tensor::Tensor;
namespace inference = accel::inference;

struct Memory {
  long pss_kib = 0;
  long private_kib = 0;
  long dirty_kib = 0;  // Private pages that no file backs.
};

Memory memory_now() {
  accel::hardware::return_freed_memory();
  Memory memory;
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string line; std::getline(rollup, line);) {
    const auto value = [&](const char* name) {
      return line.starts_with(name) ? std::atol(line.c_str() + std::strlen(name)) : 0;
    };
    memory.pss_kib += value("Pss:");
    memory.private_kib += value("Private_Clean:") + value("Private_Dirty:");
    memory.dirty_kib += value("Private_Dirty:");
  }
  return memory;
}

// Every input that is free in its first axis gets one row, in its others nine: ids, a mask of ones,
// zeros for what is neither; fixed axes stay.
Result<std::vector<std::uint8_t>> run_once(inference::Session& session) {
  constexpr std::int64_t kLength = 9;
  std::vector<Tensor> values;
  for (const inference::TensorSpec& spec : session.inputs()) {
    accel::tensor::Shape shape = spec.dims;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] < 0) shape[axis] = axis == 0 ? 1 : kLength;
    }
    ACCEL_TRY(Tensor value, Tensor::zeros(spec.dtype, shape));
    if (spec.dtype == DType::i64) {
      std::int64_t next = spec.name == "input_ids" ? 1000 : 1;
      for (std::int64_t& element : value.mutable_data<std::int64_t>()) {
        element = spec.name == "token_type_ids" ? 0 : next;
        if (spec.name == "input_ids") next += 7;
      }
    }
    values.push_back(std::move(value));
  }
  std::vector<inference::NamedTensor> named;
  for (std::size_t index = 0; index < values.size(); ++index)
    named.push_back({session.inputs()[index].name, &values[index]});
  ACCEL_TRY(const auto outputs, session.run(named, {}, {}));
  const auto bytes = outputs.at(0).bytes();
  return std::vector<std::uint8_t>(bytes.begin(), bytes.end());
}

struct Step {
  const char* name;
  Memory added;
  double open_ms = 0;
};

class Bench {
 public:
  Bench(const std::string& engine, inference::SessionOptions options)
      : backend_(engine == "openvino" ? inference::make_openvino_backend()
                                      : inference::make_onnxruntime_backend()),
        options_(std::move(options)) {}

  accel::Status start() {
    ACCEL_CHECK(backend_->load());
    before_ = memory_now();
    return {};
  }

  accel::Status open(const char* name, const std::filesystem::path& model) {
    const auto begin = std::chrono::steady_clock::now();
    ACCEL_TRY(auto session, backend_->open(model, options_));
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    ACCEL_TRY(const auto result, run_once(*session));
    if (!result_.empty() && result != result_)
      return accel::fail(accel::Errc::internal, "The {} gives another result.", name);
    result_ = result;
    load_ = session->info().load;
    version_ = session->info().version;
    sessions_.push_back(std::move(session));
    note(name, took.count());
    return {};
  }

  void note(const char* name, double open_ms) {
    const Memory now = memory_now();
    steps_.push_back({name,
                      {now.pss_kib - before_.pss_kib, now.private_kib - before_.private_kib,
                       now.dirty_kib - before_.dirty_kib},
                      open_ms});
    before_ = now;
  }

  void print(const std::string& second_process) const {
    std::printf("{\"load\": \"%s\", \"engine_version\": \"%s\"", load_.c_str(), version_.c_str());
    for (const Step& step : steps_) {
      std::printf(
          ", \"%s\": {\"pss_kib\": %ld, \"private_kib\": %ld, \"private_dirty_kib\": %ld, "
          "\"of_first_pss\": %.4f, \"open_ms\": %.1f}",
          step.name, step.added.pss_kib, step.added.private_kib, step.added.dirty_kib,
          static_cast<double>(step.added.pss_kib) /
              static_cast<double>(steps_.front().added.pss_kib),
          step.open_ms);
    }
    if (!second_process.empty()) std::printf(", \"second_process\": %s", second_process.c_str());
    std::printf("}\n");
  }

 private:
  std::unique_ptr<inference::Backend> backend_;
  inference::SessionOptions options_;
  Memory before_;
  std::vector<std::unique_ptr<inference::Session>> sessions_;
  std::vector<std::uint8_t> result_;
  std::vector<Step> steps_;
  std::string load_, version_;
};

// This program once more, with one session, while this one's are open; what it printed.
Result<std::string> second_process(char** argv) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return accel::fail(accel::Errc::io, "There is no pipe.");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string once = "once";
  std::vector<char*> arguments{argv[0], argv[1], argv[2], argv[3], argv[4], once.data(), nullptr};
  pid_t child = 0;
  const int failed =
      ::posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string text;
  char buffer[1024];
  for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof(buffer))) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  ::close(ends[0]);
  if (failed != 0) return accel::fail(accel::Errc::io, "The second process did not start.");
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) return accel::fail(accel::Errc::internal, "The second process failed.");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

accel::Status measure(Bench& bench, char** argv, bool once) {
  const std::filesystem::path model = argv[2];
  ACCEL_CHECK(bench.start());
  ACCEL_CHECK(bench.open("first", model));
  if (once) {
    bench.print({});
    return {};
  }
  ACCEL_CHECK(bench.open("second", model));
  ACCEL_CHECK(bench.open("third", model));
  std::string name = (std::filesystem::temp_directory_path() / "memory_bench_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    return accel::fail(accel::Errc::io, "There is no temporary folder.");
  const std::filesystem::path copy = std::filesystem::path(name) / model.filename();
  std::filesystem::copy_file(model, copy);
  const accel::Status opened = bench.open("equal_weights", copy);
  std::filesystem::remove_all(name);
  ACCEL_CHECK(opened);
  ACCEL_TRY(const std::string second, second_process(argv));
  bench.print(second);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: %s ENGINE MODEL.onnx THREADS path|skeleton|shared|cache=FOLDER\n",
                 argv[0]);
    return 2;
  }
  accel::hardware::keep_little_freed_memory();
  inference::SessionOptions options;
  options.threads = std::atoi(argv[3]);
  const std::string load = argv[4];
  options.load = load == "path"       ? inference::LoadMode::by_path
                 : load == "skeleton" ? inference::LoadMode::skeleton
                                      : inference::LoadMode::shared;
  if (load.starts_with("cache=")) options.cache_folder = load.substr(6);
  Bench bench(argv[1], options);
  if (const accel::Status done = measure(bench, argv, argc > 5); !done) {
    std::fprintf(stderr, "%s\n", done.error().to_string().c_str());
    return 1;
  }
  return 0;
}
