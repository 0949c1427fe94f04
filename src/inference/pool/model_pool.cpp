// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/model_pool.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <new>
#include <utility>

#include "accel/core/bytes.hpp"

namespace accel::inference {
namespace {

constexpr std::chrono::milliseconds kLookAtStop{50};
constexpr Duration kLongestPause = std::chrono::hours(1);
// What a session keeps beside its weights comes with its first calls.
constexpr int kWatchedCalls = 4;

// A loader that throws must not leave the pool waiting for it.
Result<std::shared_ptr<PooledModel>> call_loader(const ModelPool::Loader& load) {
  try {
    return load();
  } catch (const std::bad_alloc&) {
    return fail(Errc::resource_exhausted, "There is not enough memory for the model.");
  } catch (const std::exception& exception) {
    return fail(Error{Errc::internal, "Loading the model failed unexpectedly; please report it.",
                      exception.what()});
  }
}

}  // namespace

struct ModelPool::Counters {
  explicit Counters(Metrics& metrics)
      : loaded(metrics.gauge("accel_models_loaded", "Models in memory")),
        bytes(metrics.gauge("accel_models_bytes", "Memory that they are counted with")),
        budget(metrics.gauge("accel_models_budget_bytes", "models.memory_budget; 0: no limit")),
        loads(metrics.counter("accel_models_loads_total", "Models that were loaded")),
        failures(metrics.counter("accel_models_load_failures_total", "Models that failed to load")),
        load_seconds(metrics.histogram("accel_models_load_seconds", "Time to load a model")) {
    for (const UnloadReason reason : kUnloadReasons) {
      unloads.push_back(&metrics.counter("accel_models_unloads_total",
                                         "Models that were unloaded, by reason",
                                         {{"reason", std::string(unload_reason_name(reason))}}));
    }
    for (const PoolRefusal refusal : kPoolRefusals) {
      refusals.push_back(&metrics.counter("accel_models_refusals_total",
                                          "Requests that found no room in memory, by reason",
                                          {{"reason", std::string(pool_refusal_name(refusal))}}));
    }
  }

  Gauge& loaded;
  Gauge& bytes;
  Gauge& budget;
  Counter& loads;
  Counter& failures;
  Histogram& load_seconds;
  std::vector<Counter*> unloads, refusals;  // By the values of their enums.
};

// One call that waits for room, from the first time that there was none.
struct ModelPool::Waiting {
  explicit Waiting(ModelPool& waited_for) : pool(waited_for) {}
  ~Waiting() {
    if (since) --pool.waiting_;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  Duration so_far(SteadyTime now) const { return since ? now - *since : Duration::zero(); }
  // False when it waited long enough, or when too many wait already.
  bool may_go_on(SteadyTime now) {
    if (since) return so_far(now) < pool.options_.max_wait;
    if (pool.waiting_ >= pool.options_.max_waiting) return false;
    ++pool.waiting_;
    since = now;
    return true;
  }

  ModelPool& pool;
  std::optional<SteadyTime> since;
};

Loan& Loan::operator=(Loan&& other) noexcept {
  if (this == &other) return *this;
  end();
  pool_ = std::exchange(other.pool_, nullptr);
  id_ = other.id_;
  model_ = std::move(other.model_);
  load_ms_ = other.load_ms_;
  resident_ = other.resident_;
  epoch_ = other.epoch_;
  return *this;
}

void Loan::keep_for(Duration time) const {
  if (pool_ != nullptr) pool_->keep_for(id_, time);
}

void Loan::end() {
  if (ModelPool* const pool = std::exchange(pool_, nullptr)) pool->give_back(*this);
}

ModelPool::ModelPool(PoolOptions options, Metrics& metrics, PoolSeams seams)
    : options_(options),
      seams_(std::move(seams)),
      counters_(std::make_unique<Counters>(metrics)),
      policy_(options.limits) {
  counters_->budget.set(static_cast<double>(options_.limits.budget_bytes));
}

ModelPool::~ModelPool() {
  stop_.request_stop();
  if (sweeper_) sweeper_->stop();
}

std::optional<std::uint64_t> ModelPool::resident() const {
  return seams_.resident ? seams_.resident() : std::nullopt;
}

Result<Loan> ModelPool::get(const PoolDemand& demand, const Loader& load,
                            const std::stop_token& stop) {
  Lock lock(mutex_);
  Waiting waiting(*this);
  while (true) {
    if (const PoolId id = room_beside(demand); id != 0) return load_into(lock, id, load);
    if (const auto id = policy_.acquire(demand.key, now())) return begin_call(lock, *id);
    if (!loading_) {
      ACCEL_TRY(const PoolId id, find_room(lock, demand, waiting));
      if (id != 0) return load_into(lock, id, load);
    }
    ACCEL_CHECK(wait(lock, stop));
  }
}

Loan ModelPool::find(const std::string& key, std::size_t instances) {
  Lock lock(mutex_);
  PoolDemand demand{.key = key};
  demand.instances = instances;
  if (policy_.wants_instance(demand)) return {};
  const auto id = policy_.acquire(key, now());
  return id ? begin_call(lock, *id) : Loan();
}

std::shared_ptr<const PooledModel> ModelPool::peek(const std::string& key) const {
  const Lock lock(mutex_);
  for (const auto& [id, model] : models_) {
    const PoolEntry* const entry = policy_.find(id);
    if (entry != nullptr && !entry->leaving && entry->key == key) return model;
  }
  return nullptr;
}

Result<Loan> ModelPool::reserve(const PoolDemand& demand, const std::stop_token& stop) {
  Lock lock(mutex_);
  Waiting waiting(*this);
  while (true) {
    ACCEL_TRY(const PoolId id, find_room(lock, demand, waiting));
    if (id != 0) {
      (void)policy_.loaded(id, 0, std::nullopt, now());
      policy_.keep_alive(id, Duration::zero());
      publish();
      changed_.notify_all();  // Others may look for room again.
      return begin_call(lock, id);
    }
    ACCEL_CHECK(wait(lock, stop));
  }
}

PoolId ModelPool::room_beside(const PoolDemand& demand) {
  if (loading_ || !policy_.wants_instance(demand)) return 0;
  PoolDemand beside = demand;
  beside.may_unload = false;
  const auto left = seams_.headroom ? seams_.headroom() : std::nullopt;
  const PoolAdmission admission = policy_.admit(beside, left, Duration::zero(), now());
  return admission.verdict == PoolAdmission::Verdict::admitted ? admission.id : 0;
}

Result<PoolId> ModelPool::find_room(Lock& lock, const PoolDemand& demand, Waiting& waiting) {
  struct Mark {  // Nobody else takes what is freed meanwhile.
    explicit Mark(bool& flag) : loading(flag), mine(!std::exchange(flag, true)) {}
    ~Mark() {
      if (mine) loading = false;
    }
    bool& loading;
    bool mine;
  };
  const Mark mark(loading_);
  return make_room(lock, demand, waiting);
}

Result<PoolId> ModelPool::make_room(Lock& lock, const PoolDemand& demand, Waiting& waiting) {
  using Verdict = PoolAdmission::Verdict;
  while (true) {
    lock.unlock();  // The kernel's files take a while to read.
    const auto left = seams_.headroom ? seams_.headroom() : std::nullopt;
    lock.lock();
    const SteadyTime at = now();
    const PoolAdmission admission = policy_.admit(demand, left, waiting.so_far(at), at);
    if (admission.verdict == Verdict::admitted) return admission.id;
    if (admission.verdict == Verdict::refused) return refuse(demand, admission.refusal);
    unload(lock, admission.unload);
    if (admission.verdict == Verdict::unload) continue;
    if (!waiting.may_go_on(at)) return refuse(demand, PoolRefusal::busy);
    return PoolId{0};
  }
}

Status ModelPool::wait(Lock& lock, const std::stop_token& stop) {
  if (stop.stop_requested())
    return fail(Errc::cancelled, "Cancelled while waiting for a model to be loaded.");
  changed_.wait_for(lock, kLookAtStop);
  return {};
}

Result<Loan> ModelPool::load_into(Lock& lock, PoolId id, const Loader& load) {
  loading_ = true;
  const std::uint64_t epoch = ++epoch_;
  const bool alone = options_.keeps && policy_.calls() == 1;
  publish();
  lock.unlock();
  const auto before = alone ? resident() : std::nullopt;
  const bool peaks = before && seams_.restart_peak && seams_.peak && seams_.restart_peak();
  const SteadyTime started = now();
  Result<std::shared_ptr<PooledModel>> made = call_loader(load);
  const Duration took = now() - started;
  const auto after = before ? resident() : std::nullopt;
  const auto peak = peaks ? seams_.peak() : std::nullopt;
  lock.lock();
  loading_ = false;
  changed_.notify_all();
  if (!made) {
    policy_.cancel(id);
    counters_->failures.add();
    publish();
    return fail(std::move(made).error());
  }
  const auto growth = [&](std::uint64_t to) { return to > *before ? to - *before : 0; };
  std::optional<LoadGrowth> seen;
  if (after && epoch == epoch_) seen = {growth(*after), growth(peak.value_or(*after))};
  models_[id] = std::move(*made);
  settling_[id] = kWatchedCalls;
  counters_->loads.add();
  counters_->load_seconds.observe(std::chrono::duration<double>(took).count());
  unload(lock, policy_.loaded(id, to_ms(took), seen, now()));
  publish();
  Loan loan = begin_call(lock, id);
  loan.load_ms_ = to_ms(took);
  return loan;
}

Loan ModelPool::begin_call(Lock& lock, PoolId id) {
  Loan loan;
  loan.pool_ = this;
  loan.id_ = id;
  loan.epoch_ = ++epoch_;
  const auto model = models_.find(id);
  if (model != models_.end()) loan.model_ = model->second;
  const auto left = settling_.find(id);
  const bool watched = options_.keeps && !loading_ && left != settling_.end() &&
                       policy_.calls() == 1 && seams_.resident != nullptr;
  if (watched && --left->second <= 0) settling_.erase(left);
  lock.unlock();
  if (watched) loan.resident_ = resident();
  return loan;
}

Loan ModelPool::lend_if(const std::function<bool(const PooledModel&)>& matches) {
  Lock lock(mutex_);
  const PoolEntry* latest = nullptr;
  for (const auto& [id, model] : models_) {
    const PoolEntry* const entry = policy_.find(id);
    if (entry == nullptr || entry->loading || entry->leaving || !matches(*model)) continue;
    if (latest == nullptr || entry->last_use > latest->last_use) latest = entry;
  }
  if (latest == nullptr || !policy_.acquire(latest->id, now())) return {};
  return begin_call(lock, latest->id);
}

void ModelPool::keep_for(PoolId id, Duration time) {
  const Lock lock(mutex_);
  policy_.keep_alive(id, time);
}

void ModelPool::give_back(Loan& loan) {
  const auto after = loan.resident_ ? resident() : std::nullopt;
  loan.model_.reset();
  Lock lock(mutex_);
  std::vector<PoolUnload> gone;
  if (after && loan.epoch_ == epoch_ && *after > *loan.resident_)
    gone = policy_.grew(loan.id_, *after - *loan.resident_, now());
  if (const auto own = policy_.release(loan.id_, now())) gone.push_back(*own);
  if (after) publish();
  sweep_by(loan.id_);
  if (waiting_ > 0) changed_.notify_all();
  unload(lock, gone);
}

// The sweeper may sleep too long for what is kept shortly.
void ModelPool::sweep_by(PoolId id) {
  const PoolEntry* const entry = policy_.find(id);
  const auto at = entry == nullptr || entry->leaving ? std::nullopt : entry->expires();
  if (!at || *at >= sweeps_at_) return;
  sweeps_at_ = *at;
  sweeps_earlier_ = true;
  expiry_.notify_all();
}

void ModelPool::unload(Lock& lock, const std::vector<PoolUnload>& list) {
  if (list.empty()) return;
  std::vector<std::shared_ptr<PooledModel>> gone;
  for (const PoolUnload& one : list) {
    settling_.erase(one.id);
    const auto found = models_.find(one.id);
    if (found == models_.end()) continue;  // Mere room.
    gone.push_back(std::move(found->second));
    models_.erase(found);
    counters_->unloads.at(static_cast<std::size_t>(one.reason))->add();
  }
  lock.unlock();
  gone.clear();
  if (seams_.return_memory) seams_.return_memory();
  lock.lock();
  ++epoch_;
  for (const PoolUnload& one : list) policy_.unloaded(one.id);
  publish();
  changed_.notify_all();
}

std::size_t ModelPool::drop(const std::function<bool(const PooledModel&)>& matches) {
  Lock lock(mutex_);
  std::size_t count = 0;
  std::vector<PoolUnload> gone;
  for (const auto& [id, model] : models_) {
    const PoolEntry* const entry = policy_.find(id);
    if (entry == nullptr || entry->leaving || !matches(*model)) continue;
    ++count;
    if (const auto one = policy_.drop(id)) gone.push_back(*one);
  }
  unload(lock, gone);
  return count;
}

std::vector<PoolRow> ModelPool::rows() const {
  std::vector<PoolRow> rows;
  const Lock lock(mutex_);
  for (const auto& [id, entry] : policy_.entries()) {
    const auto model = models_.find(id);
    rows.push_back({entry, model == models_.end() ? nullptr : model->second});
  }
  std::ranges::stable_sort(
      rows, [](const PoolRow& a, const PoolRow& b) { return a.entry.last_use > b.entry.last_use; });
  return rows;
}

std::size_t ModelPool::size() const {
  const Lock lock(mutex_);
  return models_.size();
}

void ModelPool::publish() {
  counters_->loaded.set(static_cast<double>(models_.size()));
  counters_->bytes.set(static_cast<double>(policy_.bytes()));
}

bool is_for_want_of_room(const Error& error) {
  const bool never = error.code == Errc::unsupported && error.cause == kNeverFits;
  return never || error.code == Errc::resource_exhausted;
}

tl::unexpected<Error> ModelPool::refuse(const PoolDemand& demand, PoolRefusal why) const {
  counters_->refusals.at(static_cast<std::size_t>(why))->add();
  const std::string budget = human_bytes(options_.limits.budget_bytes);
  switch (why) {
    case PoolRefusal::too_large:
      return fail(Error{Errc::unsupported,
                        fmt::format("{} takes {} of memory, and all models may take {} together: "
                                    "raise models.memory_budget, or use a smaller model.",
                                    demand.name, human_bytes(policy_.need(demand)), budget),
                        std::string(kNeverFits)});
    case PoolRefusal::pinned:
      return fail(Errc::resource_exhausted,
                  "There is no room in memory for {}: what is pinned leaves too little of {}. "
                  "Unload some of it, or raise models.memory_budget.",
                  demand.name, budget);
    case PoolRefusal::machine:
      return fail(Errc::resource_exhausted,
                  "The machine has too little memory left for {}. Try again when others need "
                  "less.",
                  demand.name);
    default:
      return fail(Errc::resource_exhausted,
                  "There is no room in memory for {} now, for the models that are loaded are "
                  "busy. Try again.",
                  demand.name);
  }
}

void ModelPool::sweep() {
  Lock lock(mutex_);
  unload(lock, policy_.expire(now()));
}

void ModelPool::start() {
  if (sweeper_ || !options_.keeps) return;
  sweeper_ = std::make_unique<IoThread>(1, "pool");
  asio::post(sweeper_->executor(), [this] { run_sweeper(); });
}

void ModelPool::run_sweeper() {
  const std::stop_token stop = stop_.get_token();
  Lock lock(mutex_);
  while (!stop.stop_requested()) {
    sweeps_earlier_ = false;
    sweeps_at_ = policy_.next_expiry().value_or(SteadyTime::max());
    const SteadyTime at = now();
    if (sweeps_at_ > at) {
      const Duration pause = std::min(sweeps_at_ - at, kLongestPause);
      expiry_.wait_for(lock, stop, pause, [this] { return sweeps_earlier_; });
      continue;
    }
    unload(lock, policy_.expire(at));
  }
}

}  // namespace accel::inference
