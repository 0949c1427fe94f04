// SPDX-License-Identifier: Apache-2.0
#include "llama/generator.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <optional>

#include "accel/core/clock.hpp"
#include "accel/core/log.hpp"
#include "llama/batch.hpp"
#include "llama/logprob.hpp"
#include "llama/prompt_lookup.hpp"
#include "llama/sampler.hpp"
#include "llama/text_stream.hpp"

namespace accel::inference::llama {
namespace {

constexpr std::size_t kFirstDrafts = 4;  // Of a text of which nothing is known yet.
// A usual token takes a grammar a millisecond: one that takes this long takes longer at the next.
constexpr auto kMaxTokenTime = std::chrono::seconds(2);

double ms_between(SteadyTime from, SteadyTime to) { return to_ms(to - from); }

}  // namespace

struct Generator::Job {
  Job(RequestId number, const GenerationRequest& wanted, SamplerHandle chain)
      : id(number),
        request(wanted),
        sampler(std::move(chain)),
        stream(wanted.stop),
        ahead(std::min(wanted.draft_max, kFirstDrafts)) {}

  void add_to(Batch& batch, const Chunk& chunk) const {
    const std::size_t prompt = request.prompt.size();
    const std::size_t known = prompt + report.tokens.size();
    for (std::size_t at = chunk.position; at < chunk.position + chunk.count; ++at) {
      const bool samples = at + 1 + chunk.drafts >= chunk.position + chunk.count;
      const TokenId token = at < prompt  ? request.prompt[at]
                            : at < known ? report.tokens[at - prompt]
                                         : drafts.at(at - known);
      batch.add(token, at, chunk.slot, chunk.samples && samples);
    }
  }
  // How many tokens are worth guessing: the last one of the answer is never read.
  std::size_t draft_room() const {
    if (request.draft == Draft::none || wants_logits) return 0;
    return std::min(ahead, request.max_tokens - report.tokens.size() - 1);
  }
  // Further ahead while all is right, less far when little is.
  void learn(std::size_t drafted, std::size_t right) {
    report.drafted += drafted;
    report.accepted += right;
    if (drafted == 0) return;
    ahead = right == drafted ? std::min(request.draft_max, std::max(ahead, 2 * drafted))
                             : std::min(request.draft_max, right + 1);
  }

  RequestId id;
  GenerationRequest request;  // Immutable.
  // Of the worker:
  SamplerHandle sampler;
  TextStream stream;
  bool wants_logits = false;
  bool has_slot = false;
  bool keeps = false;  // Its slot keeps what it holds, for others.
  std::size_t slot = 0;
  std::size_t ahead;            // Tokens that are guessed next time.
  std::vector<TokenId> drafts;  // Behind the last token, in the next step.
  std::string fresh;            // Text that is not yet handed over; so are the report's logprobs
  std::size_t handed = 0;       // from here on.
  // Of the worker until there is an outcome, then of the caller:
  GenerationReport report;
  std::vector<float> logits;
  std::size_t read = 0;  // Of the prompt, what was found included.
  // Under the mutex:
  std::string unread;  // Text that the caller has not taken.
  std::vector<TokenLogprob> unread_logprobs;
  std::optional<Status> outcome;
  std::condition_variable_any news;
  SteadyTime submitted{}, started{}, first{}, last{};
  std::atomic<bool> cancelled = false;  // Of any thread.
};

Generator::Generator(std::shared_ptr<const Library> library, const llama_vocab* vocab,
                     SlotLimits limits)
    : library_(std::move(library)), vocab_(vocab), limits_(limits), planner_(limits) {}

Result<std::unique_ptr<Generator>> Generator::open(std::shared_ptr<const Library> library,
                                                   llama_model* model, llama_model* draft,
                                                   const LlamaModelOptions& options,
                                                   std::uint64_t parked_bytes) {
  const Api& api = library->api();
  const auto trained = static_cast<std::size_t>(std::max(api.model_context(model), 1));
  SlotLimits limits{options.parallel, options.max_waiting, options.context,
                    std::min(trained, options.context), kBatch};
  std::unique_ptr<Generator> generator(
      new Generator(library, api.vocab(model), limits));  // tidy: raw-new: private constructor
  generator->prefix_cache_ = options.prefix_cache;
  generator->can_go_back_ = !api.is_recurrent(model) && !api.is_hybrid(model);
  generator->threadpool_ = make_threadpool(*library, options.threads, options.spinning);
  ggml_threadpool* const pool = generator->threadpool_.get();
  ACCEL_TRY(generator->context_, make_context(api, model, options, generator->abort_));
  if (pool != nullptr) api.attach_threadpool(generator->context_.get(), pool, pool);
  if (options.prefix_cache && generator->can_go_back_) {
    generator->parked_ =
        std::make_unique<ParkedTexts>(api, generator->context_.get(), parked_bytes);
  }
  if (draft != nullptr) {
    ACCEL_TRY(generator->draft_model_,
              DraftModel::open(library, draft, options, generator->abort_, pool));
  }
  asio::post(generator->thread_.executor(), [self = generator.get()] { self->work(); });
  return generator;
}

Generator::~Generator() {
  stop_.request_stop();
  abort_ = true;
  thread_.stop();
  draft_model_.reset();  // Both before their thread pool.
  context_.reset();
}

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

Status Generator::check_draft(const GenerationRequest& request) const {
  if (request.draft == Draft::none) return {};
  if (request.draft_max == 0 || request.draft_max > kMostDrafts)
    return fail(Errc::invalid_argument, "Between 1 and {} tokens are drafted at a time, not {}.",
                kMostDrafts, request.draft_max);
  if (!can_go_back_)
    return fail(Errc::unsupported,
                "The model keeps a state that can't be taken back: nothing is drafted for it.");
  if (request.draft == Draft::model && !draft_model_)
    return fail(Errc::invalid_argument, "No draft model is there for this model.");
  return {};
}

Result<std::shared_ptr<Generator::Job>> Generator::submit(const GenerationRequest& request,
                                                          bool wants_logits) {
  ACCEL_CHECK(check_tokens(request.prompt));
  if (request.logprobs.value_or(0) > kMaxTopLogprobs)
    return fail(Errc::invalid_argument, "There may be {} top_logprobs.", kMaxTopLogprobs);
  ACCEL_CHECK(check_draft(request));
  // Before the sampler: the windows of its penalties are as long as prompt and answer.
  ACCEL_CHECK(admits(request.prompt.size(), request.max_tokens));
  ACCEL_TRY(SamplerHandle sampler, make_sampler(library_->api(), vocab_, request));
  const std::scoped_lock lock(mutex_);
  auto job = std::make_shared<Job>(next_id_++, request, std::move(sampler));
  job->wants_logits = wants_logits;
  job->keeps = prefix_cache_ && request.reuse_prefix && !wants_logits;
  const std::span<const TokenId> tokens(job->request.prompt);
  ACCEL_CHECK(planner_.submit(job->id, tokens.size(), request.max_tokens,
                              job->keeps ? Prefix{tokens, request.scope} : Prefix{},
                              request.priority));
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
    const std::vector<TokenLogprob> logprobs = std::exchange(job.unread_logprobs, {});
    const bool news = !text.empty() || !logprobs.empty();
    if (news && on_text && !job.cancelled) {
      lock.unlock();
      try {
        on_text({text, logprobs});
      } catch (...) {
        cancel(job);  // Nobody hears the rest.
        throw;
      }
      lock.lock();
      continue;
    }
    if (job.outcome) return *job.outcome;
  }
}

// May run on a thread that must not wait: the worker neither decodes nor samples under the mutex.
void Generator::cancel(Job& job) {
  job.cancelled = true;
  const std::scoped_lock lock(mutex_);
  const auto ids = planner_.running_ids();
  const bool nobody_waits =
      std::ranges::all_of(ids, [&](RequestId id) { return jobs_.at(id)->cancelled.load(); });
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
  const std::vector<Move> moves = planner_.seat();
  park_ended(lock);  // Before: what comes back finds the places it had.
  for (const Move& move : moves) make(move, lock);
  guess(lock);
  const std::vector<Chunk> plan = planner_.next();
  if (plan.empty()) return false;
  Batch batch;
  std::vector<Job*> jobs;  // Of the chunks; only this thread lets go of one.
  const SteadyTime now = system_clock().now();
  for (const Chunk& chunk : plan) {
    Job& job = *jobs.emplace_back(jobs_.at(chunk.id).get());
    if (!std::exchange(job.has_slot, true)) job.started = job.first = job.last = now;
    job.slot = chunk.slot;
    job.add_to(batch, chunk);
    // Also when the batch is cut off: its work is begun.
    job.read = std::min(job.request.prompt.size(), chunk.position + chunk.count);
  }
  lock.unlock();
  const Status decoded = decode(library_->api(), context_.get(), batch.view());
  lock.lock();
  // What fails, fails for those in the batch; one is cut off only when all that run are cancelled.
  if (decoded) {
    take_results(plan, jobs, lock);
  } else {
    for (Job* const job : jobs) {
      job->keeps = false;  // Nobody knows what is in its slot.
      finish(*job, decoded);
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

// What probably comes next, for the few texts that are being written: a full batch gains nothing.
void Generator::guess(std::unique_lock<std::mutex>& lock) {
  if (planner_.running() > kMostDraftingTexts) return;
  for (const RequestId id : planner_.decoding()) {
    Job& job = *jobs_.at(id);
    const std::size_t most = job.draft_room();
    if (most == 0) continue;
    lock.unlock();
    job.drafts = guesses_of(job, most);
    lock.lock();
    planner_.drafted(id, job.drafts.size());
  }
}

// Without the mutex: what it reads of the job only the worker changes.
std::vector<TokenId> Generator::guesses_of(const Job& job, std::size_t most) {
  std::vector<TokenId> tokens = job.request.prompt;
  tokens.insert(tokens.end(), job.report.tokens.begin(), job.report.tokens.end());
  if (job.request.draft == Draft::lookup) return look_up(tokens, most);
  return draft_model_->draft(job.slot, tokens, most, library_->api().vocab_size(vocab_));
}

// Tokens are chosen without the mutex, which a grammar may take long for; each text's news are
// handed over before the next text's tokens are chosen.
void Generator::take_results(const std::vector<Chunk>& plan, const std::vector<Job*>& jobs,
                             std::unique_lock<std::mutex>& lock) {
  std::int32_t row = 0;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const Chunk& chunk = plan[i];
    const auto last = row + static_cast<std::int32_t>(chunk.count) - 1;
    row = last + 1;
    if (!chunk.samples) continue;
    Job& job = *jobs[i];
    lock.unlock();
    Taken taken = take_chunk(job, chunk, last - static_cast<std::int32_t>(chunk.drafts));
    lock.lock();
    go_back(job, chunk, chunk.drafts - taken.right);
    hand_over(job, std::move(taken.ended));
  }
}

// The token behind the last one that is certain; while it is what was guessed, the next one, too.
Generator::Taken Generator::take_chunk(Job& job, const Chunk& chunk, std::int32_t row) {
  const std::vector<TokenId> drafts = std::exchange(job.drafts, {});
  Taken taken;
  bool agrees = true;
  while (!taken.ended && agrees) {
    const std::size_t before = job.report.tokens.size();
    taken.ended = take_token(job, row + static_cast<std::int32_t>(taken.right));
    agrees = taken.right < chunk.drafts && job.report.tokens.size() > before &&
             job.report.tokens.back() == drafts[taken.right];
    if (agrees) ++taken.right;
  }
  job.learn(chunk.drafts, taken.right);
  return taken;
}

void Generator::hand_over(Job& job, std::optional<Status> ended) {
  job.unread += std::exchange(job.fresh, {});
  const auto& known = job.report.logprobs;
  const std::size_t from = std::exchange(job.handed, known.size());
  job.unread_logprobs.insert(job.unread_logprobs.end(),
                             known.begin() + static_cast<std::ptrdiff_t>(from), known.end());
  if (ended) return finish(job, std::move(*ended));
  planner_.sampled(job.id);
  if (!job.unread.empty()) job.news.notify_one();
}

// Of a step, the guesses that were wrong.
void Generator::go_back(const Job& job, const Chunk& chunk, std::size_t rejected) {
  if (rejected == 0) return;
  planner_.rejected(job.id, rejected);
  llama_memory_t const memory = library_->api().memory(context_.get());
  library_->api().memory_remove(memory, static_cast<llama_seq_id>(chunk.slot),
                                static_cast<llama_pos>(chunk.position + chunk.count - rejected),
                                -1);
}

// A context that keeps a window or a state of the past alone can't go back to a prefix: the text
// starts from nothing then.
void Generator::make(const Move& move, std::unique_lock<std::mutex>& lock) {
  const Api& api = library_->api();
  if (move.keep > 0 && parked_ && parked_->parks(move.source)) {
    lock.unlock();
    parked_->restore(move.source);  // Where it can't be, there is nothing to go on from.
    lock.lock();
  }
  if (parked_) parked_->drop(move.slot);
  llama_memory_t const memory = api.memory(context_.get());
  const auto slot = static_cast<llama_seq_id>(move.slot);
  const auto source = static_cast<llama_seq_id>(move.source);
  const auto keep = static_cast<llama_pos>(move.keep);
  if (draft_model_) draft_model_->trim(move.slot, source == slot ? move.keep : 0);
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

// While others are written, a text that has ended is out of the way: a place of the context costs
// time in each step, whoever holds it. In an idle daemon a text that goes on in its own slot comes
// back to where it lay, so that its sums run in the same order.
void Generator::park_ended(std::unique_lock<std::mutex>& lock) {
  if (!parked_ || planner_.running() == 0) return;
  const std::vector<std::size_t> kept = planner_.kept_slots();
  for (const std::size_t slot : kept) {
    if (parked_->parks(slot)) continue;
    make_room_for(slot, kept);
    lock.unlock();
    parked_->park(slot);
    lock.lock();
  }
}

// Of the older ones, as many as it takes.
void Generator::make_room_for(std::size_t slot, const std::vector<std::size_t>& kept) {
  const std::uint64_t bytes = parked_->bytes_of(slot);
  if (bytes > parked_->most_bytes()) return;
  for (const std::size_t older : kept) {
    if (older == slot || parked_->has_room_for(bytes)) return;
    if (!parked_->holds(older)) continue;
    planner_.forget(older);
    parked_->drop(older);
    empty(older);
  }
}

void Generator::empty(std::size_t slot) {
  llama_memory_t const memory = library_->api().memory(context_.get());
  library_->api().memory_remove(memory, static_cast<llama_seq_id>(slot), -1, -1);
}

Result<TokenId> Generator::choose(const Job& job, std::span<const float> logits) const {
  const SteadyTime before = system_clock().now();
  ACCEL_TRY(const TokenId token, next_token(library_->api(), job.sampler.get(), logits));
  if (job.cancelled) return fail(Errc::cancelled, "The text was cancelled.");
  const bool slow = system_clock().now() - before > kMaxTokenTime;
  if (slow && !job.request.sampling.grammar.empty()) {
    return fail(Errc::invalid_argument,
                "The schema or the tools of this answer can be read in so many ways that one token "
                "takes more than {} s; ask for less.",
                kMaxTokenTime.count());
  }
  return token;
}

// How the text ends, if it does.
std::optional<Status> Generator::take_token(Job& job, std::int32_t row) {
  if (job.cancelled) return fail(Errc::cancelled, "The text was cancelled.");
  const Api& api = library_->api();
  const float* const values = api.logits(context_.get(), row);
  if (values == nullptr) return fail(Errc::internal, "llama.cpp has no logits.");
  const std::span logits(values, static_cast<std::size_t>(api.vocab_size(vocab_)));
  if (job.wants_logits) {
    job.logits.assign(logits.begin(), logits.end());
    return Status();
  }
  const Result<TokenId> next = choose(job, logits);
  if (!next) return Status(fail(next.error()));
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
  if (!ends) return std::nullopt;
  const std::string rest = job.stream.finish();
  job.report.text += rest;
  job.fresh += rest;
  return Status();
}

// Its place among the answer's tokens, its text, and how likely it was.
void Generator::add_token(Job& job, TokenId token, std::span<const float> logits) {
  const Api& api = library_->api();
  job.report.tokens.push_back(token);
  const bool shown = std::ranges::find(job.request.shown, token) != job.request.shown.end();
  const std::string text = job.stream.push(piece_of(api, vocab_, token, shown));
  job.report.text += text;
  job.fresh += text;
  if (!job.request.logprobs) return;
  job.report.logprobs.push_back(logprob_of(logits, token, *job.request.logprobs));
}

void Generator::finish(Job& job, Status outcome) {
  std::vector<TokenId> held;
  if (job.keeps) {
    held = job.request.prompt;
    held.insert(held.end(), job.report.tokens.begin(), job.report.tokens.end());
  }
  if (draft_model_ && job.has_slot) draft_model_->trim(job.slot, job.keeps ? held.size() : 0);
  for (const std::size_t slot : planner_.end(job.id, std::move(held))) empty(slot);
  job.outcome = std::move(outcome);
  job.news.notify_all();
  jobs_.erase(job.id);  // The caller holds it.
}

}  // namespace accel::inference::llama
