// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/procfs.hpp"

#include <algorithm>
#include <charconv>

#include "text_lines.hpp"

namespace accel::hardware::procfs {
namespace {

using detail::next_field;
using detail::next_line;
using detail::next_word;

constexpr std::size_t kMaxQuoted = 80;  // Hostile text is cut before it enters a message.
constexpr std::size_t kMaxFlags = 1024;

std::string quoted(std::string_view text) { return std::string(text.substr(0, kMaxQuoted)); }

struct KeyValue {
  std::string_view key, value;
};

// "model name\t: AMD EPYC" -> {"model name", "AMD EPYC"}.
std::optional<KeyValue> split_colon(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return KeyValue{trim(line.substr(0, colon)), trim(line.substr(colon + 1))};
}

std::vector<std::string> split_flags(std::string_view text) {
  std::vector<std::string> flags;
  while (flags.size() < kMaxFlags) {
    const auto flag = next_word(text);
    if (!flag) break;
    flags.emplace_back(*flag);
  }
  return flags;
}

void append_part(std::string& text, std::string_view name, std::string_view value) {
  if (!text.empty()) text += ' ';
  text += name;
  text += ' ';
  text += quoted(value);
}

void take_cpuinfo_field(CpuinfoText& info, const KeyValue& field) {
  const bool first = info.processors <= 1;
  if (field.key == "processor") ++info.processors;
  if (!first) return;
  if (field.key == "vendor_id") info.vendor = quoted(field.value);
  if (field.key == "CPU implementer") info.vendor = "implementer " + quoted(field.value);
  if (field.key == "model name" || field.key == "cpu") info.model = quoted(field.value);
  if (field.key == "cpu family") append_part(info.family, "family", field.value);
  if (field.key == "model") append_part(info.family, "model", field.value);
  if (field.key == "stepping") append_part(info.family, "stepping", field.value);
  if (field.key == "CPU part") append_part(info.family, "part", field.value);
  if (field.key == "CPU variant") append_part(info.family, "variant", field.value);
  if (field.key == "flags" || field.key == "Features") info.flags = split_flags(field.value);
}

Result<int> parse_cpu_number(std::string_view text) {
  ACCEL_TRY(const std::uint64_t number, parse_number(text));
  if (number >= kMaxCpus) {
    return fail(Errc::invalid_argument, "CPU {} is beyond the {} looked at.", number, kMaxCpus);
  }
  return static_cast<int>(number);
}

Status append_cpu_range(std::string_view range, std::vector<int>& cpus) {
  const std::size_t dash = range.find('-');
  ACCEL_TRY(const int first, parse_cpu_number(range.substr(0, dash)));
  int last = first;
  if (dash != std::string_view::npos) {
    ACCEL_TRY(last, parse_cpu_number(range.substr(dash + 1)));
  }
  if (last < first) {
    return fail(Errc::invalid_argument, "The CPU range {} runs backwards.", quoted(range));
  }
  if (cpus.size() + static_cast<std::size_t>(last - first) >= 2 * kMaxCpus) {
    return fail(Errc::invalid_argument, "A CPU list names more than {} CPUs.", kMaxCpus);
  }
  for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  return {};
}

// user nice system idle iowait irq softirq steal; older kernels end earlier.
CpuTicks parse_ticks(std::string_view rest) {
  constexpr std::size_t kIdle = 3, kIoWait = 4, kSteal = 7, kFields = 8;
  CpuTicks ticks;
  for (std::size_t field = 0; field < kFields; ++field) {
    const auto word = next_word(rest);
    if (!word) break;
    const std::uint64_t value = parse_number(*word).value_or(0);
    (field == kIdle || field == kIoWait ? ticks.idle : ticks.busy) += value;
    if (field == kSteal) ticks.stolen = value;
  }
  return ticks;
}

}  // namespace

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

Result<std::uint64_t> parse_number(std::string_view text) {
  text = trim(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    return fail(Errc::invalid_argument, "\"{}\" is not a whole number.", quoted(text));
  }
  return value;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  text = trim(text);
  unsigned shift = 0;
  if (!text.empty()) {
    const char unit = text.back();
    shift = unit == 'K' ? 10U : unit == 'M' ? 20U : unit == 'G' ? 30U : 0U;
    if (shift != 0) text.remove_suffix(1);
  }
  ACCEL_TRY(const std::uint64_t number, parse_number(text));
  if (shift != 0 && number > (UINT64_MAX >> shift)) {
    return fail(Errc::invalid_argument, "The size {} does not fit 64 bits.", quoted(text));
  }
  return number << shift;
}

Result<std::vector<int>> parse_cpu_list(std::string_view text) {
  text = trim(text);
  std::vector<int> cpus;
  while (!text.empty()) {
    const std::string_view range = *next_field(text, ',');
    ACCEL_CHECK(append_cpu_range(trim(range), cpus));
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

Result<CpuinfoText> parse_cpuinfo(std::string_view text) {
  CpuinfoText info;
  for (std::size_t lines = 0; lines < kMaxLines; ++lines) {
    const auto line = next_line(text);
    if (!line) break;
    if (const auto field = split_colon(*line)) take_cpuinfo_field(info, *field);
  }
  if (info.processors == 0) {
    return fail(Errc::invalid_argument, "The text of /proc/cpuinfo names no processor.");
  }
  info.hypervisor =
      std::find(info.flags.begin(), info.flags.end(), "hypervisor") != info.flags.end();
  return info;
}

std::map<std::string, std::uint64_t> parse_meminfo(std::string_view text) {
  constexpr std::uint64_t kKiB = 1024;
  std::map<std::string, std::uint64_t> values;
  for (std::size_t lines = 0; lines < kMaxLines; ++lines) {
    const auto line = next_line(text);
    if (!line) break;
    auto field = split_colon(*line);
    if (!field) continue;
    const auto word = next_word(field->value);
    const auto number = parse_number(word.value_or(""));
    if (!number || *number > UINT64_MAX / kKiB) continue;
    // A NUMA node's file starts each name with "Node 0 ".
    const std::size_t blank = field->key.rfind(' ');
    const bool in_kb = trim(field->value) == "kB";
    values[quoted(field->key.substr(blank + 1))] = *number * (in_kb ? kKiB : 1);
  }
  return values;
}

Result<std::map<int, CpuTicks>> parse_stat(std::string_view text) {
  std::map<int, CpuTicks> cpus;
  for (std::size_t lines = 0; lines < kMaxLines; ++lines) {
    auto line = next_line(text);
    if (!line) break;
    if (!line->starts_with("cpu")) continue;
    const auto name = next_word(*line);
    const auto number = parse_cpu_number(name->substr(3));
    if (number) cpus[*number] = parse_ticks(*line);  // The first line, "cpu ", is the sum.
  }
  if (cpus.empty()) {
    return fail(Errc::invalid_argument, "The text of /proc/stat has no line of a CPU.");
  }
  return cpus;
}

Result<SchedStat> parse_schedstat(std::string_view text) {
  std::string_view rest = trim(text);
  const auto run = next_word(rest);
  const auto wait = next_word(rest);
  if (!run || !wait) {
    return fail(Errc::invalid_argument, "\"{}\" is no schedstat: two numbers are missing.",
                quoted(text));
  }
  SchedStat stat;
  ACCEL_TRY(stat.run_ns, parse_number(*run));
  ACCEL_TRY(stat.wait_ns, parse_number(*wait));
  return stat;
}

std::map<std::string, std::uint64_t> parse_properties(std::string_view text) {
  std::map<std::string, std::uint64_t> values;
  for (std::size_t lines = 0; lines < kMaxLines; ++lines) {
    auto line = next_line(text);
    if (!line) break;
    const auto name = next_word(*line);
    const auto number = parse_number(*line);
    if (name && number) values[quoted(*name)] = *number;
  }
  return values;
}

std::optional<std::string> parse_nvidia_version(std::string_view text) {
  constexpr std::string_view kMark = "Kernel Module";
  while (const auto line = next_line(text)) {
    const std::size_t mark = line->find(kMark);
    if (!line->starts_with("NVRM version:") || mark == std::string_view::npos) continue;
    std::string_view rest = line->substr(mark + kMark.size());
    // The open modules write "Kernel Module for x86_64  550.54.15": the first word with a digit.
    while (const auto word = next_word(rest)) {
      const bool version = word->front() >= '0' && word->front() <= '9';
      if (version && word->find('.') != std::string_view::npos) return quoted(*word);
    }
  }
  return std::nullopt;
}

}  // namespace accel::hardware::procfs
