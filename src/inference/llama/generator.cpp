// SPDX-License-Identifier: Apache-2.0
#include "llama/generator.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <optional>

#include "accel/core/clock.hpp"
#include "accel/core/log.hpp"
#include "llama/logprob.hpp"
#include "llama/sampler.hpp"
#include "llama/text_stream.hpp"

namespace accel::inference::llama {
namespace {

constexpr std::size_t kBatch = 512;        // Of one step: prefill gains little from more.
constexpr int kAborted = 2;                // What llama_decode() returns then.
constexpr std::uint32_t kPollBusily = 50;  // ggml's own default; 0 sleeps at once.

double ms_between(SteadyTime from, SteadyTime to) { return to_ms(to - from); }

// Arrays of one step in the layout of llama_batch.
class Batch {
 public:
  void add(TokenId token, std::size_t position, std::size_t slot, bool logits) {
    tokens_.push_back(token);
    positions_.push_back(static_cast<llama_pos>(position));
    counts_.push_back(1);
    slots_.push_back(static_cast<llama_seq_id>(slot));
    logits_.push_back(logits ? 1 : 0);
  }
  llama_batch view() {
    pointers_.clear();
    for (llama_seq_id& slot : slots_) pointers_.push_back(&slot);
    return {static_cast<std::int32_t>(tokens_.size()),
            tokens_.data(),
            nullptr,
            positions_.data(),
            counts_.data(),
            pointers_.data(),
            logits_.data()};
  }

 private:
  std::vector<TokenId> tokens_;
  std::vector<llama_pos> positions_;
  std::vector<std::int32_t> counts_;
  std::vector<llama_seq_id> slots_;
  std::vector<llama_seq_id*> pointers_;
  std::vector<std::int8_t> logits_;
};

}  // namespace

struct Generator::Job {
  Job(RequestId number, const GenerationRequest& wanted, SamplerHandle chain)
      : id(number), request(wanted), sampler(std::move(chain)), stream(wanted.stop) {}

  void add_to(Batch& batch, const Chunk& chunk) const {
    const std::size_t prompt = request.prompt.size();
    for (std::size_t at = chunk.position; at < chunk.position + chunk.count; ++at) {
      const bool ends = at + 1 == chunk.position + chunk.count;
      const TokenId token = at < prompt ? request.prompt[at] : report.tokens.at(at - prompt);
      batch.add(token, at, chunk.slot, chunk.samples && ends);
    }
  }

  RequestId id;
  GenerationRequest request;  // Immutable.
  // Of the worker:
  SamplerHandle sampler;
  TextStream stream;
  bool wants_logits = false;
  bool has_slot = false;
  bool keeps = false;  // Its slot keeps what it holds, for others.
  // Under the mutex:
  GenerationReport report;
  std::vector<float> logits;
  std::string unread;               // Text that the caller has not taken.
  std::size_t unread_logprobs = 0;  // The first that the caller has not taken.
  std::size_t read = 0;  // Of the prompt, what was found included.
  bool cancelled = false;
  std::optional<Status> outcome;
  std::condition_variable_any news;
  SteadyTime submitted{}, started{}, first{}, last{};
};

Generator::Generator(std::shared_ptr<const Library> library, const llama_vocab* vocab,
                     SlotLimits limits)
    : library_(std::move(library)), vocab_(vocab), limits_(limits), planner_(limits) {}

Result<std::unique_ptr<Generator>> Generator::open(std::shared_ptr<const Library> library,
                                                   llama_model* model,
                                                   const LlamaModelOptions& options) {
  const Api& api = library->api();
  const auto trained = static_cast<std::size_t>(std::max(api.model_context(model), 1));
  SlotLimits limits{options.parallel, options.max_waiting, options.context,
                    std::min(trained, options.context), kBatch};
  std::unique_ptr<Generator> generator(
      new Generator(library, api.vocab(model), limits));  // tidy: raw-new: private constructor
  generator->prefix_cache_ = options.prefix_cache;
  llama_context_params params = api.context_params();
  params.n_ctx = static_cast<std::uint32_t>(options.context);
  params.n_batch = static_cast<std::uint32_t>(generator->limits_.batch);
  params.n_ubatch = params.n_batch;
  params.n_seq_max = static_cast<std::uint32_t>(options.parallel);
  if (options.kv_type != KvType::f16) {
    const bool eight = options.kv_type == KvType::q8_0;
    params.type_k = params.type_v = eight ? GGML_TYPE_Q8_0 : GGML_TYPE_Q4_0;
    params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;  // Needed for quantized values.
  }
  params.kv_unified = true;  // One pool of places: the planner shares them out.
  params.n_threads = params.n_threads_batch = options.threads;
  params.abort_callback = &Generator::is_aborted;
  params.abort_callback_data = generator.get();
  generator->context_ = {api.context_new(model, params), api.context_free};
  if (!generator->context_) {
    return fail(Errc::resource_exhausted,
                "There is no memory for a context of {} tokens; choose a smaller one.",
                options.context);
  }
  if (const Threadpools& pools = library->threadpools(); pools.make && pools.free) {
    ggml_threadpool_params threads = api.threadpool_params(options.threads);
    threads.poll = options.spinning ? kPollBusily : 0;
    generator->threadpool_ = {pools.make(&threads), pools.free};
    if (ggml_threadpool* const pool = generator->threadpool_.get(); pool != nullptr)
      api.attach_threadpool(generator->context_.get(), pool, pool);
  }
  asio::post(generator->thread_.executor(), [self = generator.get()] { self->work(); });
  return generator;
}

Generator::~Generator() {
  stop_.request_stop();
  abort_ = true;
  thread_.stop();
  context_.reset();  // Before its thread pool.
}

bool Generator::is_aborted(void* self) { return static_cast<Generator*>(self)->abort_.load(); }

Status Generator::admits(std::size_t prompt_tokens, std::size_t max_tokens) const {
  const std::scoped_lock lock(mutex_);
  return planner_.admits(prompt_tokens, max_tokens);
}

LlamaModel::Load Generator::load() const {
  const std::scoped_lock lock(mutex_);
  return {planner_.running(), planner_.waiting(), planner_.kept_tokens()};
}

Status Generator::check_tokens(std::span<const TokenId> tokens) const {
  const TokenId size = library_->api().vocab_size(vocab_);
  for (const TokenId token : tokens) {
    if (token < 0 || token >= size)
      return fail(Errc::invalid_argument, "The vocabulary of {} has no token {}.", size, token);
  }
  return {};
}

Result<std::shared_ptr<Generator::Job>> Generator::submit(const GenerationRequest& request,
                                                          bool wants_logits) {
  ACCEL_CHECK(check_tokens(request.prompt));
  if (request.logprobs.value_or(0) > kMaxTopLogprobs)
    return fail(Errc::invalid_argument, "There may be {} top_logprobs.", kMaxTopLogprobs);
  // Before the sampler: the windows of its penalties are as long as prompt and answer.
  ACCEL_CHECK(admits(request.prompt.size(), request.max_tokens));
  ACCEL_TRY(SamplerHandle sampler, make_sampler(library_->api(), vocab_, request));
  const std::scoped_lock lock(mutex_);
  auto job = std::make_shared<Job>(next_id_++, request, std::move(sampler));
  job->wants_logits = wants_logits;
  job->keeps = prefix_cache_ && request.reuse_prefix && !wants_logits;
  const std::span<const TokenId> tokens(job->request.prompt);
  ACCEL_CHECK(planner_.submit(job->id, tokens.size(), request.max_tokens,
                              job->keeps ? Prefix{tokens, request.scope} : Prefix{}));
  job->submitted = system_clock().now();
  job->report.prompt_tokens = request.prompt.size();
  jobs_.emplace(job->id, job);
  work_.notify_one();
  return job;
}

Result<GenerationReport> Generator::generate(const GenerationRequest& request,
                                             const TextSink& on_text, std::stop_token stop,
                                             TokenUse& use) {
  use = {};
  ACCEL_TRY(const std::shared_ptr<Job> job, submit(request, false));
  const Status ended = deliver(*job, on_text, std::move(stop));
  use = {job->read, job->report.tokens.size()};
  ACCEL_CHECK(ended);
  GenerationReport report = std::move(job->report);  // The worker has let go of it.
  report.wait_ms = ms_between(job->submitted, job->started);
  report.prefill_ms = ms_between(job->started, job->first);
  report.decode_ms = ms_between(job->first, job->last);
  return report;
}

Result<std::vector<float>> Generator::logits(std::span<const TokenId> prompt,
                                             std::stop_token stop) {
  GenerationRequest request;
  request.prompt.assign(prompt.begin(), prompt.end());
  ACCEL_TRY(const std::shared_ptr<Job> job, submit(request, true));
  ACCEL_CHECK(deliver(*job, {}, std::move(stop)));
  return std::move(job->logits);
}

// Hands the text over on this thread until the worker is done with the job.
Status Generator::deliver(Job& job, const TextSink& on_text, std::stop_token stop) {
  const std::stop_callback on_stop(stop, [&] { cancel(job); });
  std::unique_lock lock(mutex_);
  while (true) {
    job.news.wait(lock, [&] { return job.outcome || !job.unread.empty(); });
    const std::string text = std::exchange(job.unread, {});
    const std::size_t known = job.report.logprobs.size();
    const bool news = !text.empty() || job.unread_logprobs < known;
    if (news && on_text && !job.cancelled) {
      const auto first = job.report.logprobs.begin();
      const std::size_t told = std::exchange(job.unread_logprobs, known);
      const std::vector<TokenLogprob> logprobs(first + static_cast<std::ptrdiff_t>(told),
                                               job.report.logprobs.end());
      lock.unlock();
      on_text({text, logprobs});
      lock.lock();
      continue;
    }
    if (job.outcome) return *job.outcome;
  }
}

void Generator::cancel(Job& job) {
  const std::scoped_lock lock(mutex_);
  if (job.outcome) return;
  job.cancelled = true;
  const auto ids = planner_.running_ids();
  const bool nobody_waits =
      std::ranges::all_of(ids, [&](RequestId id) { return jobs_.at(id)->cancelled; });
  if (nobody_waits && !ids.empty()) abort_ = true;
  work_.notify_one();
}

void Generator::work() {
  std::unique_lock lock(mutex_);
  const std::stop_token stop = stop_.get_token();
  while (!stop.stop_requested()) {
    work_.wait(lock, stop, [&] { return !planner_.idle(); });
    if (stop.stop_requested()) break;
    while (step(lock) && !stop.stop_requested()) {
    }
  }
  for (const auto& [id, job] : jobs_) {
    if (!job->outcome) job->outcome = fail(Errc::cancelled, "The model was closed.");
    job->news.notify_all();
  }
}

// One batch. False when there is nothing to do.
bool Generator::step(std::unique_lock<std::mutex>& lock) {
  drop_cancelled();
  abort_ = stop_.stop_requested();
  for (const Move& move : planner_.seat()) make(move);
  const std::vector<Chunk> plan = planner_.next();
  if (plan.empty()) return false;
  Batch batch;
  const SteadyTime now = system_clock().now();
  for (const Chunk& chunk : plan) {
    Job& job = *jobs_.at(chunk.id);
    if (!std::exchange(job.has_slot, true)) job.started = job.first = job.last = now;
    job.add_to(batch, chunk);
    // Also when the batch is cut off: its work is begun.
    job.read = std::min(job.request.prompt.size(), chunk.position + chunk.count);
  }
  lock.unlock();
  const Status decoded = decode(batch.view());
  lock.lock();
  // What fails, fails for those in the batch; one is cut off only when all that run are cancelled.
  if (decoded) {
    take_results(plan);
  } else {
    for (const Chunk& chunk : plan) {
      Job& job = *jobs_.at(chunk.id);
      job.keeps = false;  // Nobody knows what is in its slot.
      finish(job, decoded);
    }
  }
  return true;
}

void Generator::drop_cancelled() {
  std::vector<std::shared_ptr<Job>> gone;
  for (const auto& [id, job] : jobs_) {
    if (job->cancelled) gone.push_back(job);
  }
  for (const auto& job : gone) finish(*job, fail(Errc::cancelled, "The text was cancelled."));
}

// Without the mutex.
Status Generator::decode(llama_batch batch) {
  try {
    const int status = library_->api().decode(context_.get(), batch);
    if (status == 0) return {};
    if (status == kAborted) return fail(Errc::cancelled, "The text was cancelled.");
    return fail(Error{Errc::internal, "llama.cpp could not decode a batch.",
                      fmt::format("llama_decode returned {}", status)});
  } catch (const std::exception& thrown) {
    return fail(Error{Errc::internal, "llama.cpp could not decode a batch.", thrown.what()});
  }
}

void Generator::take_results(const std::vector<Chunk>& plan) {
  std::int32_t row = -1;
  for (const Chunk& chunk : plan) {
    row += static_cast<std::int32_t>(chunk.count);
    if (chunk.samples) take_token(*jobs_.at(chunk.id), row);
  }
}

// A context that keeps a window or a state of the past alone can't go back to a prefix: the text
// starts from nothing then.
void Generator::make(const Move& move) {
  const Api& api = library_->api();
  llama_memory_t const memory = api.memory(context_.get());
  const auto slot = static_cast<llama_seq_id>(move.slot);
  const auto source = static_cast<llama_seq_id>(move.source);
  const auto keep = static_cast<llama_pos>(move.keep);
  bool kept = move.keep > 0 && api.memory_first(memory, source) == 0 &&
              api.memory_last(memory, source) >= keep - 1;
  if (kept && source == slot) {
    kept = api.memory_remove(memory, slot, keep, -1);
  } else {
    api.memory_remove(memory, slot, -1, -1);
    if (kept) api.memory_copy(memory, source, slot, 0, keep);
  }
  if (move.id == 0) return;
  if (kept) {
    jobs_.at(move.id)->report.cached_tokens = move.keep;
  } else if (move.keep > 0) {
    api.memory_remove(memory, slot, -1, -1);
    planner_.start_over(move.id);
  }
}

void Generator::take_token(Job& job, std::int32_t row) {
  const Api& api = library_->api();
  const float* const values = api.logits(context_.get(), row);
  if (values == nullptr) return finish(job, fail(Errc::internal, "llama.cpp has no logits."));
  const std::span logits(values, static_cast<std::size_t>(api.vocab_size(vocab_)));
  if (job.wants_logits) {
    job.logits.assign(logits.begin(), logits.end());
    return finish(job, {});
  }
  const Result<TokenId> next = next_token(api, job.sampler.get(), logits);
  if (!next) return finish(job, fail(next.error()));
  const TokenId token = *next;
  job.last = system_clock().now();
  if (job.report.tokens.empty()) job.first = job.last;
  bool ends = api.is_end(vocab_, token);
  job.report.finish = FinishReason::stop;
  if (!ends) {
    add_token(job, token, logits);
    ends = job.stream.stopped();
  }
  if (!ends && job.report.tokens.size() >= job.request.max_tokens) {
    job.report.finish = FinishReason::length;
    ends = true;
  }
  if (ends) {
    const std::string rest = job.stream.finish();
    job.report.text += rest;
    job.unread += rest;
    return finish(job, {});
  }
  planner_.sampled(job.id);
  if (!job.unread.empty()) job.news.notify_one();
}

// Its place among the answer's tokens, its text, and how likely it was.
void Generator::add_token(Job& job, TokenId token, std::span<const float> logits) {
  const Api& api = library_->api();
  job.report.tokens.push_back(token);
  const bool shown = std::ranges::find(job.request.shown, token) != job.request.shown.end();
  const std::string text = job.stream.push(piece_of(api, vocab_, token, shown));
  job.report.text += text;
  job.unread += text;
  if (!job.request.logprobs) return;
  job.report.logprobs.push_back(logprob_of(logits, token, *job.request.logprobs));
}

void Generator::finish(Job& job, Status outcome) {
  std::vector<TokenId> held;
  if (job.keeps) {
    held = job.request.prompt;
    held.insert(held.end(), job.report.tokens.begin(), job.report.tokens.end());
  }
  for (const std::size_t slot : planner_.end(job.id, std::move(held))) {
    llama_memory_t const memory = library_->api().memory(context_.get());
    library_->api().memory_remove(memory, static_cast<llama_seq_id>(slot), -1, -1);
  }
  job.outcome = std::move(outcome);
  job.news.notify_all();
  jobs_.erase(job.id);  // The caller holds it.
}

}  // namespace accel::inference::llama
