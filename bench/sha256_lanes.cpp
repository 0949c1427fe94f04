// SPDX-License-Identifier: Apache-2.0
// SHA-256 of equal messages (1 MiB leaves unless told otherwise) in one core: every implementation
// of crypto/sha256_many.hpp that this CPU runs, beside OpenSSL's EVP, in turns. Digests are
// compared before times are. Then: from how many messages on 16 lanes overtake two streams of the
// SHA instructions, which is the one threshold of the dispatch.
//
// usage: sha256_lanes [ROUNDS=9] [MESSAGE_BYTES=1048576] [MESSAGES=64]
// stdout: machine facts, a table, and one line of JSON with all samples
#include <openssl/crypto.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "accel/core/random.hpp"
#include "accel/crypto/sha256_many.hpp"

namespace {

using accel::ByteView;
using accel::crypto::Sha256Digest;
using accel::crypto::Sha256Lanes;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxLanes = 16;

struct Setting {
  int rounds = 9;
  std::size_t message_bytes = std::size_t{1} << 20;
  std::size_t messages = 64;
};

// The named ones, and last the dispatch (no id).
struct Subject {
  std::string name;
  std::size_t lanes = 1;
  std::optional<Sha256Lanes> id = {};
};

struct Time {
  double wall_s = 0;
  double cpu_s = 0;  // Of this thread, which does all of the work.
};

double thread_cpu_s() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

Time hash(const Subject& subject, std::span<const ByteView> messages, std::span<Sha256Digest> out) {
  const auto start = Clock::now();
  const double cpu = thread_cpu_s();
  if (!subject.id) {
    accel::crypto::sha256_many(messages, out);
  } else if (!accel::crypto::sha256_many_with(*subject.id, messages, out)) {
    std::abort();  // Only those that are available get here.
  }
  return {std::chrono::duration<double>(Clock::now() - start).count(), thread_cpu_s() - cpu};
}

double quantile(std::vector<double> values, double at) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(at * static_cast<double>(values.size() - 1))];
}

std::vector<Subject> subjects() {
  std::vector<Subject> list;
  for (const auto& lanes : accel::crypto::sha256_lanes()) {
    if (lanes.available) {
      list.push_back({std::string(lanes.name), lanes.lanes, lanes.id});
    } else {
      std::printf("left out: %s (the CPU lacks %s)\n", std::string(lanes.name).c_str(),
                  std::string(lanes.needs).c_str());
    }
  }
  list.push_back({"sha256_many", accel::crypto::sha256_many_width(), std::nullopt});
  return list;
}

std::string first_value(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) {
      const std::size_t at = line.find_first_not_of(" \t", line.find(':') + 1);
      return at == std::string::npos ? "" : line.substr(at);
    }
  }
  return "unknown";
}

struct Machine {
  std::string cpu = first_value("/proc/cpuinfo", "model name") + " (family " +
                    first_value("/proc/cpuinfo", "cpu family") + ", model " +
                    first_value("/proc/cpuinfo", "model\t") + ")";
  std::string memory = first_value("/proc/meminfo", "MemTotal");
  std::string load = [] {
    std::string line;
    std::ifstream file("/proc/loadavg");
    std::getline(file, line);
    return line;
  }();
  unsigned cores = std::thread::hardware_concurrency();
  std::string openssl = OpenSSL_version(OPENSSL_VERSION);
  std::string compiler = __VERSION__;
};

struct Samples {
  std::vector<double> gb_per_s;           // 10^9 bytes a second of wall time.
  std::vector<double> ratio;              // To OpenSSL in the same round, wall time.
  std::vector<double> cpu_ratio;          // The same of CPU time, which others' load disturbs less.
  std::vector<double> dispatch_by_count;  // compare_by_count(); empty for the dispatch itself.
};

// One round is every subject once; each round begins with another one. Digests of the first round,
// which warms up and is not counted, are checked against OpenSSL's.
std::optional<std::vector<Samples>> measure(const Setting& setting,
                                            const std::vector<Subject>& list,
                                            std::span<const ByteView> messages) {
  const double bytes = static_cast<double>(setting.message_bytes * setting.messages);
  std::vector<Samples> samples(list.size());
  std::vector<Sha256Digest> right(messages.size());
  std::vector<Sha256Digest> got(messages.size());
  hash(list.front(), messages, right);
  for (int round = -1; round < setting.rounds; ++round) {
    std::vector<Time> times(list.size());
    for (std::size_t turn = 0; turn < list.size(); ++turn) {
      const std::size_t at = (turn + static_cast<std::size_t>(round + 1)) % list.size();
      times[at] = hash(list[at], messages, got);
      if (got != right) {
        std::fprintf(stderr, "%s computed another digest.\n", list[at].name.c_str());
        return std::nullopt;
      }
    }
    if (round < 0) continue;
    for (std::size_t at = 0; at < list.size(); ++at) {
      samples[at].gb_per_s.push_back(bytes / times[at].wall_s / 1e9);
      samples[at].ratio.push_back(times[0].wall_s / times[at].wall_s);
      samples[at].cpu_ratio.push_back(times[0].cpu_s / times[at].cpu_s);
    }
  }
  return samples;
}

// For 1 to 16 messages the median over the rounds of (CPU time of `other` / that of `dispatch`).
std::vector<double> compare_by_count(const Setting& setting, const Subject& dispatch,
                                     const Subject& other, std::span<const ByteView> messages) {
  std::vector<double> medians;
  std::vector<Sha256Digest> out(kMaxLanes);
  for (std::size_t count = 1; count <= std::min(kMaxLanes, messages.size()); ++count) {
    std::vector<double> ratios;
    for (int round = 0; round < setting.rounds; ++round) {
      const double cpu_s = hash(other, messages.first(count), out).cpu_s;
      ratios.push_back(cpu_s / hash(dispatch, messages.first(count), out).cpu_s);
    }
    medians.push_back(quantile(std::move(ratios), 0.5));
  }
  return medians;
}

void print_table(const std::vector<Subject>& list, const std::vector<Samples>& samples) {
  std::printf("%-12s %5s %12s %18s %24s %10s\n", "", "lanes", "GB/s median", "GB/s p10 to p90",
              "times OpenSSL (p10, p90)", "by CPU s");
  for (std::size_t at = 0; at < list.size(); ++at) {
    const Samples& s = samples[at];
    std::printf("%-12s %5zu %12.2f %9.2f to %5.2f %12.2f (%.2f, %.2f) %10.2f\n",
                list[at].name.c_str(), list[at].lanes, quantile(s.gb_per_s, 0.5),
                quantile(s.gb_per_s, 0.1), quantile(s.gb_per_s, 0.9), quantile(s.ratio, 0.5),
                quantile(s.ratio, 0.1), quantile(s.ratio, 0.9), quantile(s.cpu_ratio, 0.5));
  }
}

std::string json_array(const std::vector<double>& values) {
  std::string text = "[";
  for (const double value : values) {
    char number[32];
    std::snprintf(number, sizeof number, "%s%.4f", text.size() > 1 ? ", " : "", value);
    text += number;
  }
  return text + "]";
}

void print_json(const Setting& setting, const Machine& machine, const std::vector<Subject>& list,
                const std::vector<Samples>& samples) {
  std::printf("{\"provenance\": \"measured\", \"cpu\": \"%s\", \"cores\": %u, \"memory\": \"%s\", ",
              machine.cpu.c_str(), machine.cores, machine.memory.c_str());
  std::printf("\"openssl\": \"%s\", \"compiler\": \"%s\", \"load_before\": \"%s\", ",
              machine.openssl.c_str(), machine.compiler.c_str(), machine.load.c_str());
  std::printf("\"rounds\": %d, \"warm_up\": 1, \"message_bytes\": %zu, \"messages\": %zu, ",
              setting.rounds, setting.message_bytes, setting.messages);
  std::printf("\"implementations\": [");
  for (std::size_t at = 0; at < list.size(); ++at) {
    const Samples& s = samples[at];
    std::printf("%s{\"name\": \"%s\", \"lanes\": %zu, \"gb_per_s_median\": %.4f, ",
                at == 0 ? "" : ", ", list[at].name.c_str(), list[at].lanes,
                quantile(s.gb_per_s, 0.5));
    std::printf("\"ratio_median\": %.4f, \"cpu_ratio_median\": %.4f, ", quantile(s.ratio, 0.5),
                quantile(s.cpu_ratio, 0.5));
    std::printf("\"gb_per_s\": %s, \"ratio\": %s, \"cpu_ratio\": %s, \"dispatch_by_count\": %s}",
                json_array(s.gb_per_s).c_str(), json_array(s.ratio).c_str(),
                json_array(s.cpu_ratio).c_str(), json_array(s.dispatch_by_count).c_str());
  }
  std::printf("]}\n");
}

int run(const Setting& setting) {
  const Machine machine;
  std::printf("%s, %u cores, %s; %s; compiler %s; load %s\n", machine.cpu.c_str(), machine.cores,
              machine.memory.c_str(), machine.openssl.c_str(), machine.compiler.c_str(),
              machine.load.c_str());
  std::printf("%zu messages of %zu bytes, one thread, %d rounds in turns after one to warm up\n",
              setting.messages, setting.message_bytes, setting.rounds);
  const std::vector<Subject> list = subjects();
  accel::Bytes bytes(setting.message_bytes * setting.messages);
  accel::SeededRandom(1).fill(bytes);
  std::vector<ByteView> messages;
  for (std::size_t i = 0; i < setting.messages; ++i) {
    messages.push_back(ByteView(bytes).subspan(i * setting.message_bytes, setting.message_bytes));
  }
  auto samples = measure(setting, list, messages);
  if (!samples) return 1;
  print_table(list, *samples);
  std::printf("sha256_many is faster by this factor (CPU time) for 1, 2, ... messages than\n");
  for (std::size_t at = 0; at + 1 < list.size(); ++at) {
    std::vector<double>& by_count = samples->at(at).dispatch_by_count;
    by_count = compare_by_count(setting, list.back(), list[at], messages);
    std::printf("%-12s", list[at].name.c_str());
    for (const double ratio : by_count) std::printf(" %5.2f", ratio);
    std::printf("\n");
  }
  print_json(setting, machine, list, *samples);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Setting setting;
  if (argc > 1) setting.rounds = std::atoi(argv[1]);
  if (argc > 2) setting.message_bytes = std::strtoull(argv[2], nullptr, 10);
  if (argc > 3) setting.messages = std::strtoull(argv[3], nullptr, 10);
  if (setting.rounds < 1 || setting.messages < 1) {
    std::fprintf(stderr, "usage: %s [ROUNDS] [MESSAGE_BYTES] [MESSAGES]\n", argv[0]);
    return 2;
  }
  return run(setting);
}
