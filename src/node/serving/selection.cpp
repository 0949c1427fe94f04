// SPDX-License-Identifier: Apache-2.0
#include "serving/selection.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "accel/bench/trial_runner.hpp"
#include "accel/core/log.hpp"
#include "accel/crypto/sha256.hpp"
#include "accel/perf/amortize.hpp"
#include "accel/perf/search.hpp"
#include "accel/perf/shape_bucket.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::string_view kChoiceSpace = "choices";
constexpr std::chrono::minutes kProvisionalFor{10};

// Spinning workers win only on idle cores of one's own, so they are never proposed here.
void add_candidates(const inference::BackendInfo& info, const hardware::CpuInfo& cpu,
                    std::vector<perf::Candidate>& out) {
  for (const inference::EngineDevice& device : info.devices) {
    const bool is_cpu = device.platform == hardware::Platform::cpu || device.id == "cpu";
    const std::vector<int> threads =
        is_cpu ? perf::thread_counts(cpu.usable_threads, cpu.usable_physical_cores)
               : std::vector<int>{1};
    for (const std::string& precision : info.precisions) {
      if (!is_cpu && precision != "f32")
        continue;  // BackendInfo speaks of the CPU's precisions only.
      for (const int count : threads) {
        out.push_back(
            {info.engine, device.id, precision, count, {}, device.emulated, device.untested});
      }
    }
  }
}

struct Field {
  std::vector<perf::Candidate> candidates;
  std::vector<std::string> missing;       // Engines that are not here, each with its sentence.
  std::map<std::string, double> load_ms;  // Of each engine's library, the first time here.
};

// Platforms that the configuration rules out; `prefer_cuda` is a filter too, not a rank.
bool allowed_by_config(const Config& config, const inference::EngineDevice& device,
                       bool cuda_only) {
  if (cuda_only && device.platform != hardware::Platform::cuda) return false;
  for (const char* platform : {"openvino", "rocm", "mps", "qualcomm"}) {
    if (hardware::platform_name(device.platform) == platform) {
      return config.get<bool>(fmt::format("hardware.allow_{}", platform));
    }
  }
  return true;
}

Field candidates_here(Services& services, const models::Variant& variant,
                      const hardware::CpuInfo& cpu) {
  Field field;
  std::vector<inference::BackendInfo> infos;
  bool has_cuda = false;
  for (const auto& backend : services.backends()) {
    if (!variant.engine.empty() && backend->name() != variant.engine) continue;
    const SteadyTime before = services.clock().now();
    auto info = backend->probe();
    if (!info) {
      field.missing.push_back(info.error().message);
      continue;
    }
    field.load_ms[info->engine] = to_ms(services.clock().now() - before);
    for (const auto& device : info->devices)
      has_cuda |= device.platform == hardware::Platform::cuda;
    infos.push_back(std::move(*info));
  }
  const bool cuda_only = has_cuda && services.config().get<bool>("hardware.prefer_cuda");
  for (inference::BackendInfo& info : infos) {
    // Quantizing activations changes nothing where the weights are not stored as int8.
    if (!variant.precision.starts_with("int8")) std::erase(info.precisions, "int8dyn");
    std::erase_if(info.devices, [&](const auto& device) {
      return !allowed_by_config(services.config(), device, cuda_only);
    });
    add_candidates(info, cpu, field.candidates);
  }
  return field;
}

double max_difference(const Vectors& a, const Vectors& b) {
  double difference = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    for (std::size_t j = 0; j < std::min(a[i].size(), b[i].size()); ++j) {
      difference = std::max(difference, static_cast<double>(std::abs(a[i][j] - b[i][j])));
    }
  }
  return difference;
}

// Opens candidates over one prepared request, and compares their numbers with the first f32
// session's.
class Trials {
 public:
  Trials(Context& context, const SelectionRequest& request)
      : context_(context), request_(request) {}

  // The reference precision on one thread of the first engine that can.
  Status make_reference(const std::vector<perf::Candidate>& candidates) {
    Error last{Errc::unsupported, "No candidate runs the model in its own precision.", {}};
    for (const perf::Candidate& candidate : candidates) {
      if (candidate.precision != "f32" || candidate.threads != 1) continue;
      context_.progress({{"phase", "measure"},
                         {"message", candidate.id() + " (what the others are compared with)"}});
      auto session = open(candidate);
      auto vectors = session ? request_.work->run(**session, {context_.stop})
                             : fail_with<Vectors>(session.error());
      if (vectors) {
        reference_ = std::move(*vectors);
        return {};
      }
      last = vectors.error();
      if (inference::is_for_want_of_room(last)) break;  // Others would wait for room as long.
    }
    return fail(std::move(last));
  }

  Result<bench::TrialTask> task(const perf::Candidate& candidate) {
    auto opened = open(candidate);
    if (!opened && inference::is_for_want_of_room(opened.error())) no_room_ = opened.error();
    ACCEL_TRY(std::shared_ptr<inference::Session> session, std::move(opened));
    bench::TrialTask task;
    task.call = [this, session](std::stop_token stop) -> Status {
      auto vectors = request_.work->run(*session, {stop});
      if (!vectors) return fail(vectors.error());
      return {};
    };
    task.accuracy_error = [this, session]() -> Result<double> {
      ACCEL_TRY(const Vectors vectors, request_.work->run(*session, {context_.stop}));
      return max_difference(vectors, reference_);
    };
    return task;
  }

  // Why some candidates could not be tried, if it was for want of memory.
  const std::optional<Error>& no_room() const { return no_room_; }

 private:
  // A session and the room that it takes. Owners: the task's two functions.
  struct Opened {
    explicit Opened(std::shared_ptr<std::size_t> count) : open(std::move(count)) { ++*open; }
    ~Opened() { --*open; }
    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;

    std::shared_ptr<std::size_t> open;  // Owners: this, and Trials.
    inference::Loan room;
    std::unique_ptr<inference::Session> session;  // Goes before its room does.
  };

  template <class T>
  static Result<T> fail_with(const Error& error) {
    return fail(error);
  }

  Result<std::shared_ptr<inference::Session>> open(const perf::Candidate& candidate) {
    inference::Backend* const backend = context_.services.backend(candidate.engine);
    if (backend == nullptr)
      return fail(Errc::unavailable, "The engine {} is not here.", candidate.engine);
    auto opened = std::make_shared<Opened>(open_);
    if (request_.pool != nullptr) {
      ACCEL_TRY(opened->room, request_.pool->reserve(room_for(candidate), context_.stop));
    }
    ACCEL_TRY(opened->session,
              inference::open_graphs(*backend, request_.files, session_options(candidate)));
    return std::shared_ptr<inference::Session>(opened, opened->session.get());
  }

  // The first one needs its room; the others may only have what is left.
  inference::PoolDemand room_for(const perf::Candidate& candidate) const {
    inference::PoolDemand demand{.key = "trial " + candidate.id()};
    demand.name = fmt::format("measuring {}", request_.variant->entry);
    demand.bytes = opening_bytes(candidate, request_.variant->bytes());
    demand.keep_alive = Duration::zero();
    demand.may_unload = *open_ <= 1;
    return demand;
  }

  Context& context_;
  const SelectionRequest& request_;
  Vectors reference_;
  std::shared_ptr<std::size_t> open_ = std::make_shared<std::size_t>(0);
  std::optional<Error> no_room_;
};

json json_of(const perf::Candidate& candidate) {
  return {{"id", candidate.id()},
          {"engine", candidate.engine},
          {"device", candidate.device},
          {"precision", candidate.precision},
          {"threads", candidate.threads}};
}

json json_of(const perf::ChoiceRow& row) {
  json out = json_of(row.candidate);
  out["verdict"] = perf::verdict_name(row.verdict);
  out["note"] = row.reason;
  out["runs"] = row.runs;
  if (row.runs > 0) {
    out["open_ms"] = row.open_ms;
    out["median_ms"] = row.median_ms;
    out["p10_ms"] = row.p10_ms;
    out["p90_ms"] = row.p90_ms;
  }
  if (row.accuracy_error) out["max_abs_error"] = *row.accuracy_error;
  if (row.under_load) out["under_load"] = true;
  if (!row.candidate.untested.empty()) out["untested"] = row.candidate.untested;
  return out;
}

json explain(const perf::Choice& choice, const perf::Filtered& filtered, const Field& field,
             const Clock& clock) {
  json rows = json::array();
  for (const perf::ChoiceRow& row : choice.rows) rows.push_back(json_of(row));
  for (const perf::Excluded& excluded : filtered.excluded) {
    json row = json_of(excluded.candidate);
    row["verdict"] = "excluded";
    row["note"] = excluded.reason;
    rows.push_back(std::move(row));
  }
  return {{"winner", choice.winner ? filtered.allowed[*choice.winner].id() : std::string()},
          {"reason", choice.reason},
          {"candidates", std::move(rows)},
          {"engines_missing", field.missing},
          {"engine_load_ms", field.load_ms},
          {"spent_ms", to_ms(choice.spent)},
          {"provisional", choice.provisional},
          {"measured_at", to_rfc3339(clock.wall_now())},
          {"provenance", "measured"}};
}

tl::unexpected<Error> no_candidate(const Field& field, const perf::Filtered& filtered) {
  if (field.candidates.empty()) {
    std::string why;
    for (const std::string& missing : field.missing) why += (why.empty() ? "" : " ") + missing;
    return fail(Error{Errc::unavailable, "No inference engine is installed here. " + why, {}});
  }
  std::string why;
  for (const perf::Excluded& excluded : filtered.excluded)
    why +=
        fmt::format("{}{}: {}", why.empty() ? "" : "; ", excluded.candidate.id(), excluded.reason);
  return fail(
      Error{Errc::unsupported,
            "The policy (--device, --precision, --threads, --max-error) leaves nothing to run on. "
            "`ipfs-accelerate hardware detect` shows what is here.",
            why});
}

std::string choice_key(const SelectionRequest& request, const Machine& machine) {
  const std::string text = fmt::format(
      "choice 1\nweights {}\ntask {}\nshape {}\npolicy {}\nmachine {}\n", request.weights_sha256,
      request.task, perf::shape_bucket(request.work->rows, request.work->length),
      request.policy.key(), machine.key);
  return to_hex(crypto::sha256(as_bytes(text)));
}

perf::Candidate candidate_of(const json& row) {
  return {row.value("engine", ""),
          row.value("device", ""),
          row.value("precision", ""),
          row.value("threads", 1),
          {},
          false,
          row.value("untested", "")};
}

// A daemon keeps its sessions, so the fastest call wins. A process that ends after its answer pays
// for opening too: of what was measured, it uses what is done first. `calls`: measured batches.
void use_done_first(Selected& selected, double calls) {
  json& explanation = selected.explanation;
  const json loads = explanation.value("engine_load_ms", json::object());
  std::vector<const json*> rows;
  std::vector<perf::RunCost> costs;
  for (const json& row : explanation["candidates"]) {
    const std::string verdict = row.value("verdict", "");
    if ((verdict != "winner" && verdict != "slower") || !row.contains("open_ms")) continue;
    const double load_ms = loads.value(row.value("engine", ""), 0.0);
    rows.push_back(&row);
    costs.push_back({load_ms + row.value("open_ms", 0.0), row.value("median_ms", 0.0)});
  }
  if (rows.empty()) return;
  const std::size_t first = perf::done_first(costs, calls);
  const json& row = *rows[first];
  if (row.value("id", "") == explanation.value("winner", "")) return;
  selected.candidate = candidate_of(row);
  selected.median_ms = row.value("median_ms", 0.0);
  explanation["used"] = row.value("id", "");
  explanation["reason"] = fmt::format(
      "{} No session is kept here, so opening counts: {} is used, opened and done in {:.0f} ms, "
      "against "
      "{:.0f} ms.",
      explanation.value("reason", ""), row.value("id", ""), costs[first].total_ms(calls),
      costs.front().total_ms(calls));
}

// A choice made on a busy machine holds for a while: measuring at every run would add to the load.
bool holds(const json& choice, WallTime now) {
  if (!choice["explanation"].value("provisional", false)) return true;
  const auto age = now - WallTime(std::chrono::milliseconds(choice.value("at_unix_ms", 0LL)));
  return age >= Duration::zero() && age < kProvisionalFor;
}

std::optional<Selected> remembered(const blockstore::Store& store, const std::string& key,
                                   WallTime now) {
  const auto value = store.kv_get(kChoiceSpace, key);
  if (!value || !*value) return std::nullopt;
  const json choice = json::parse(**value, nullptr, false);
  const auto found = choice.is_object() ? choice.find("candidate") : choice.end();
  if (!choice.is_object() || found == choice.end() || !choice.contains("explanation"))
    return std::nullopt;
  if (!holds(choice, now)) return std::nullopt;
  Selected selected;
  selected.candidate = candidate_of(*found);
  selected.key = key;
  selected.median_ms = choice.value("median_ms", 0.0);
  selected.remembered = true;
  selected.explanation = choice["explanation"];
  return selected;
}

// The CPU's quickest of what was measured while the device was open; nothing where that is not
// remembered, or none of it was the CPU's.
std::optional<Selected> measured_on_cpu(const blockstore::Store& store,
                                        const SelectionRequest& request, const Machine& machine,
                                        WallTime now) {
  SelectionRequest open = request;
  open.policy.device = "auto";
  auto selected = remembered(store, choice_key(open, machine), now);
  if (!selected) return std::nullopt;
  const json* best = nullptr;
  for (const json& row : selected->explanation["candidates"]) {
    const std::string verdict = row.value("verdict", "");
    const bool ran = (verdict == "winner" || verdict == "slower") && row.contains("median_ms");
    if (!ran || row.value("device", "") != "cpu") continue;
    if (best == nullptr || row["median_ms"] < (*best)["median_ms"]) best = &row;
  }
  if (best == nullptr) return std::nullopt;
  selected->candidate = candidate_of(*best);
  selected->median_ms = best->value("median_ms", 0.0);
  const std::string id = best->value("id", "");
  selected->explanation["used"] = id;
  selected->explanation["reason"] =
      fmt::format("{} was the quickest on the CPU when all were measured; a device failed.", id);
  return selected;
}

perf::SearchOptions search_options(const Context& context, const SelectionRequest& request) {
  perf::SearchOptions options = perf::options_for(request.policy);
  options.budget = context.services.config().get<std::chrono::milliseconds>("selection.budget");
  return options;
}

Result<Selected> measure(Context& context, const SelectionRequest& request, const Field& field,
                         const perf::Filtered& filtered) {
  Trials trials(context, request);
  ACCEL_CHECK(trials.make_reference(field.candidates));
  perf::SuccessiveHalving search(filtered.allowed, search_options(context, request));
  bench::SearchHooks hooks;
  hooks.before_trial = [&](const bench::SearchProgress& step) {
    context.progress(
        {{"phase", "measure"},
         {"message", fmt::format("{} (trial {})", step.candidate->id(), step.trials + 1)}});
  };
  const auto open = [&](const perf::Candidate& candidate) { return trials.task(candidate); };
  ACCEL_TRY(const perf::Choice choice, bench::run_search(search, open, hooks, context.stop));
  Selected selected;
  selected.explanation = explain(choice, filtered, field, context.services.clock());
  // What could not be tried for want of memory is tried again in a while.
  if (trials.no_room()) selected.explanation["provisional"] = true;
  if (!choice.winner && trials.no_room()) return fail(*trials.no_room());
  if (!choice.winner) {
    return fail(Error{Errc::unsupported, "No candidate could run this model. " + choice.reason,
                      choice.rows.empty() ? std::string() : choice.rows.front().reason});
  }
  selected.candidate = filtered.allowed[*choice.winner];
  selected.median_ms = choice.rows.front().median_ms;
  return selected;
}

void remember(Services& services, blockstore::Store& store, const Selected& selected) {
  const auto now = services.clock().wall_now().time_since_epoch();
  const json value{
      {"candidate", json_of(selected.candidate)},
      {"at_unix_ms", std::chrono::duration_cast<std::chrono::milliseconds>(now).count()},
      {"median_ms", selected.median_ms},
      {"explanation", selected.explanation}};
  if (const Status put = store.kv_put(kChoiceSpace, selected.key, value.dump()); !put) {
    log::info("node", "the choice can't be remembered",
              {log::field("why", put.error().to_string())});
  }
  services.metrics().counter("accel_node_selections_total", "Choices that were measured").add();
}

}  // namespace

std::uint64_t opening_bytes(const perf::Candidate& candidate, std::uint64_t weights) {
  return candidate.engine == "openvino" ? weights / 2 * 5 : weights;
}

inference::SessionOptions session_options(const perf::Candidate& candidate) {
  inference::SessionOptions options;
  options.device = candidate.device;
  options.threads = candidate.threads;
  options.precision = candidate.precision;
  return options;
}

void forget_choice(Services& services, const std::string& key) {
  if (const auto store = services.store()) (void)(*store)->kv_erase(kChoiceSpace, key);
}

Result<Selected> select_candidate(Context& context, const SelectionRequest& request) {
  Services& services = context.services;
  ACCEL_TRY(blockstore::Store* const store, services.store());
  ACCEL_TRY(const Machine machine, this_machine(services, context.stop));
  const std::string key = choice_key(request, machine);
  const bool ends_after = !services.is_daemon();
  const double calls = request.work->calls;
  const auto known = [&]() -> std::optional<Selected> {
    if (request.remeasure) return std::nullopt;
    const WallTime now = services.clock().wall_now();
    auto selected = remembered(*store, key, now);
    if (selected && ends_after) use_done_first(*selected, calls);
    if (!selected && request.falls_back) selected = measured_on_cpu(*store, request, machine, now);
    if (selected) selected->key = key;
    if (selected) selected->calls = calls;
    return selected;
  };
  if (auto selected = known()) return std::move(*selected);
  ACCEL_TRY(const auto turn, services.measuring().take(context.stop));
  if (auto selected = known()) return std::move(*selected);  // Measured while this one waited.
  const Field field = candidates_here(services, *request.variant, machine.cpu);
  const perf::Filtered filtered = perf::filter(field.candidates, request.policy);
  if (filtered.allowed.empty()) return no_candidate(field, filtered);
  ACCEL_TRY(Selected selected, measure(context, request, field, filtered));
  selected.key = key;
  selected.calls = calls;
  remember(services, *store, selected);
  if (ends_after) use_done_first(selected, calls);
  return selected;
}

}  // namespace accel::node
