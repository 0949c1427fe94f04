// SPDX-License-Identifier: Apache-2.0
// Each figure gets an equal share of the budget: its threads start once, meet at a barrier before
// and after every sample, and a sample is the work of all of them over the time until the last was
// done.
#include "accel/hardware/cpu_profile.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstring>
#include <functional>
#include <future>
#include <memory>

#include "accel/core/bytes.hpp"
#include "accel/hardware/machine_load.hpp"
#include "accel/hardware/samples.hpp"
#include "cpu_kernels.hpp"

namespace accel::hardware {
namespace {

constexpr std::size_t kSamplesWanted = 9;
constexpr std::size_t kSamplesAtLeast = 3;
constexpr std::uint64_t kMiB = 1U << 20U;
constexpr std::uint64_t kBufferAtLeast = 64 * kMiB;
constexpr std::uint64_t kBufferAtMost = 1024 * kMiB;  // Touching more would eat the whole budget.

// Memory from the kernel, not from the heap: it goes back at once.
class Buffer {
 public:
  static Result<Buffer> allocate(std::size_t size_bytes) {
    void* data =
        ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) {
      return fail(Errc::resource_exhausted, "No memory for a benchmark buffer of {} bytes.",
                  size_bytes);
    }
    return Buffer(static_cast<std::uint8_t*>(data), size_bytes);
  }
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  Buffer& operator=(Buffer&&) = delete;
  ~Buffer() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  Buffer(std::uint8_t* data, std::size_t size_bytes) : data_(data), size_(size_bytes) {}
  std::uint8_t* data_;
  std::size_t size_;
};

// What one figure measures: work(thread, rounds) on each of the threads.
struct Workload {
  std::string name, unit, method;
  int threads = 1;
  double amount_per_round = 0;  // Bytes or operations of one thread in one round.
  std::function<void(int thread)> prepare;
  std::function<void(int thread, std::uint64_t rounds)> work;
};

struct Pace {
  Duration slot{};  // For all samples of the figure.
  std::stop_token stop;
};

// State that the threads of one figure share; thread 0 leads, the barrier orders its writes.
struct Meeting {
  explicit Meeting(int threads) : gate(threads) {}
  std::barrier<> gate;
  std::uint64_t rounds = 1;
  bool go_on = true;
};

void follow(const Workload& load, Meeting& meeting, int thread) {
  if (load.prepare) load.prepare(thread);
  while (true) {
    meeting.gate.arrive_and_wait();
    if (!meeting.go_on) return;
    load.work(thread, meeting.rounds);
    meeting.gate.arrive_and_wait();
  }
}

double run_once(const Workload& load, Meeting& meeting) {
  const SteadyTime start = system_clock().now();
  meeting.gate.arrive_and_wait();
  load.work(0, meeting.rounds);
  meeting.gate.arrive_and_wait();
  return to_ms(system_clock().now() - start) / 1000.0;
}

// Doubles the rounds until a sample lasts long enough for the clock and the barrier not to matter.
void calibrate(const Workload& load, Meeting& meeting, double wanted_s) {
  constexpr std::uint64_t kMaxRounds = 1ULL << 40U;
  double took = run_once(load, meeting);
  while (took < wanted_s / 2 && meeting.rounds < kMaxRounds) {
    const double factor = std::clamp(wanted_s / std::max(took, 1e-9), 2.0, 16.0);
    meeting.rounds = static_cast<std::uint64_t>(static_cast<double>(meeting.rounds) * factor);
    took = run_once(load, meeting);
  }
}

std::vector<double> lead(const Workload& load, Meeting& meeting, const Pace& pace) {
  constexpr double kGiga = 1e9;
  if (load.prepare) load.prepare(0);
  const double slot_s = to_ms(pace.slot) / 1000.0;
  calibrate(load, meeting, slot_s / (kSamplesWanted + 3));
  std::vector<double> samples;
  const SteadyTime end = system_clock().now() + pace.slot;
  while (samples.size() < kSamplesWanted && !pace.stop.stop_requested()) {
    if (samples.size() >= kSamplesAtLeast && system_clock().now() >= end) break;
    const double took = run_once(load, meeting);
    const double amount = load.amount_per_round * static_cast<double>(meeting.rounds);
    samples.push_back(amount * load.threads / std::max(took, 1e-9) / kGiga);
  }
  meeting.go_on = false;
  meeting.gate.arrive_and_wait();
  return samples;
}

CpuFigure measure(const Workload& load, const Pace& pace) {
  Meeting meeting(load.threads);
  // Not an OffloadPool: the barrier needs exactly these threads at once, and they end here.
  std::vector<std::future<void>> others;
  for (int thread = 1; thread < load.threads; ++thread) {
    others.push_back(
        std::async(std::launch::async, follow, std::cref(load), std::ref(meeting), thread));
  }
  CpuFigure figure{load.name, load.unit, load.method, load.threads, 0, 0, {}};
  figure.samples = lead(load, meeting, pace);
  for (std::future<void>& other : others) other.wait();
  figure.value = median(figure.samples);
  figure.spread = relative_spread(figure.samples);
  return figure;
}

std::uint64_t buffer_bytes(const CpuInfo& cpu, int threads) {
  constexpr std::uint64_t kPage = 4096;
  std::uint64_t cache = cpu.cache_bytes(3) != 0 ? cpu.cache_bytes(3) : cpu.cache_bytes(2);
  for (const CpuCache& one : cpu.caches) {
    if (one.level == 3) cache *= static_cast<std::uint64_t>(std::min(threads, one.instances));
  }
  std::uint64_t size = std::clamp(4 * cache, kBufferAtLeast, kBufferAtMost);
  if (cpu.memory_usable_bytes != 0) size = std::min(size, cpu.memory_usable_bytes / 16);
  const std::uint64_t step = kPage * static_cast<std::uint64_t>(threads);
  return std::max(step, size / step * step);
}

struct Slice {
  std::uint8_t* data;
  std::size_t size;
};

Slice slice_of(const Buffer& buffer, int thread, int threads) {
  const std::size_t size = buffer.size() / static_cast<std::size_t>(threads);
  return {buffer.data() + static_cast<std::size_t>(thread) * size, size};
}

// Where results go so that no work can be optimized away.
std::atomic<std::uint64_t>& sink() {
  static std::atomic<std::uint64_t> value{0};
  return value;
}

Workload copy_load(const Buffer& from, const Buffer& to, int threads) {
  Workload load{"memory_copy", "GB/s", {}, threads, 0, {}, {}};
  load.method = fmt::format("memcpy of {} in {} slices, bytes read plus bytes written",
                            human_bytes(from.size()), threads);
  load.amount_per_round = 2.0 * static_cast<double>(slice_of(from, 0, threads).size);
  load.prepare = [&from, &to, threads](int thread) {  // First touch by the thread that uses it.
    const Slice source = slice_of(from, thread, threads);
    const Slice target = slice_of(to, thread, threads);
    std::memset(source.data, 1 + thread, source.size);
    std::memset(target.data, 2, target.size);
  };
  load.work = [&from, &to, threads](int thread, std::uint64_t rounds) {
    const Slice source = slice_of(from, thread, threads);
    const Slice target = slice_of(to, thread, threads);
    for (std::uint64_t round = 0; round < rounds; ++round) {
      std::memcpy(target.data, source.data, source.size);
      sink().fetch_add(target.data[round % target.size], std::memory_order_relaxed);
    }
  };
  return load;
}

Workload read_load_of(const Buffer& from, int threads) {
  Workload load{"memory_read", "GB/s", {}, threads, 0, {}, {}};
  load.method = fmt::format("xor of all words of {} in {} slices, bytes read",
                            human_bytes(from.size()), threads);
  load.amount_per_round = static_cast<double>(slice_of(from, 0, threads).size);
  load.work = [&from, threads](int thread, std::uint64_t rounds) {
    const Slice source = slice_of(from, thread, threads);
    for (std::uint64_t round = 0; round < rounds; ++round) {
      sink().fetch_add(detail::read_memory(source.data, source.size), std::memory_order_relaxed);
    }
  };
  return load;
}

Workload compute_load(std::string name, std::string unit, const detail::ComputeKernel& kernel,
                      int threads) {
  constexpr std::uint64_t kInner = 1000;  // Rounds of the kernel in one round of the workload.
  Workload load{std::move(name), std::move(unit), std::string(kernel.name), threads, 0, {}, {}};
  load.amount_per_round = kernel.operations_per_round() * kInner;
  load.work = [&kernel](int, std::uint64_t rounds) {
    const double value = kernel.run(rounds * kInner);
    sink().fetch_add(value > 0 ? 1 : 0, std::memory_order_relaxed);
  };
  return load;
}

Status measure_with(const CpuInfo& cpu, int threads, const Pace& pace, CpuProfile& profile) {
  const auto add = [&](const Workload& load) {
    if (!pace.stop.stop_requested()) profile.figures.push_back(measure(load, pace));
  };
  {
    ACCEL_TRY(const Buffer from, Buffer::allocate(buffer_bytes(cpu, threads)));
    ACCEL_TRY(const Buffer to, Buffer::allocate(buffer_bytes(cpu, threads)));
    add(copy_load(from, to, threads));
    add(read_load_of(from, threads));
  }
  add(compute_load("flops_f32", "GFLOP/s", detail::f32_kernel(cpu), threads));
  add(compute_load("ops_int8", "GOP/s", detail::int8_kernel(cpu), threads));
  return {};
}

}  // namespace

const CpuFigure* CpuProfile::find(std::string_view name, int threads) const {
  for (const CpuFigure& figure : figures) {
    if (figure.name == name && figure.threads == threads) return &figure;
  }
  return nullptr;
}

Result<CpuProfile> measure_cpu(const CpuInfo& cpu, Duration budget, std::stop_token stop) {
  constexpr int kFigures = 4;
  const int all = std::max(1, cpu.usable_threads);
  const Pace pace{budget / (kFigures * (all > 1 ? 2 : 1)), stop};
  const LoadReading before = read_load();
  const SteadyTime start = system_clock().now();
  CpuProfile profile;
  ACCEL_CHECK(measure_with(cpu, 1, pace, profile));
  if (all > 1) ACCEL_CHECK(measure_with(cpu, all, pace, profile));
  if (stop.stop_requested()) return fail(Errc::cancelled, "The CPU benchmark was stopped.");
  profile.seconds = to_ms(system_clock().now() - start) / 1000.0;
  if (const auto load = load_between(before, read_load())) profile.load = load->others;
  return profile;
}

}  // namespace accel::hardware
