// SPDX-License-Identifier: Apache-2.0
#include "llama/sampler.hpp"

#include <algorithm>
#include <cmath>

namespace accel::inference::llama {
namespace {

Result<SamplerHandle> make_grammar(const Api& api, const llama_vocab* vocab,
                                   const SamplingOptions& options) {
  const char* const rules = options.grammar.c_str();
  std::vector<const char*> triggers;
  for (const std::string& trigger : options.grammar_triggers) triggers.push_back(trigger.c_str());
  try {
    SamplerHandle grammar(triggers.empty() ? api.grammar(vocab, rules, "root")
                                           : api.lazy_grammar(vocab, rules, "root", triggers.data(),
                                                              triggers.size(), nullptr, 0),
                          api.sampler_free);
    if (grammar) {
      for (const TokenId token : options.grammar_begun) {
        // llama.cpp ends the process when a text ends where its grammar does not.
        if (api.is_end(vocab, token))
          return fail(Errc::unsupported, "The model's chat template ends an answer to begin it.");
        api.accept(grammar.get(), token);
      }
      return grammar;
    }
  } catch (const std::exception& thrown) {
    return fail(
        Error{Errc::internal, "llama.cpp can't begin the grammar of this answer.", thrown.what()});
  }
  return fail(Error{Errc::invalid_argument, "llama.cpp can't read the grammar of this answer.",
                    take_last_words()});
}

// Repetition counts the prompt, too, as llama-server does; what OpenAI names counts the answer.
void add_penalties(const Api& api, llama_sampler* chain, TokenId size,
                   const GenerationRequest& request) {
  const SamplingOptions& options = request.sampling;
  const std::vector<TokenId>& prompt = request.prompt;
  if (options.repeat_penalty != 1 && options.repeat_last_n != 0) {
    const std::size_t all = prompt.size() + request.max_tokens;
    const std::size_t last = options.repeat_last_n < 0
                                 ? all
                                 : std::min(static_cast<std::size_t>(options.repeat_last_n), all);
    llama_sampler* const repeat = api.penalties(size, static_cast<std::int32_t>(last),
                                                static_cast<float>(options.repeat_penalty), 0, 0);
    const std::size_t count = std::min(last, prompt.size());
    for (auto token = prompt.end() - static_cast<std::ptrdiff_t>(count); token != prompt.end();
         ++token)
      api.accept(repeat, *token);
    api.chain_add(chain, repeat);
  }
  if (options.presence_penalty == 0 && options.frequency_penalty == 0) return;
  api.chain_add(chain, api.penalties(size, static_cast<std::int32_t>(request.max_tokens), 1,
                                     static_cast<float>(options.frequency_penalty),
                                     static_cast<float>(options.presence_penalty)));
}

Status add_bias(const Api& api, llama_sampler* chain, TokenId size,
                const std::vector<std::pair<TokenId, double>>& bias) {
  std::vector<llama_logit_bias> all;
  for (const auto& [token, by] : bias) {
    if (token < 0 || token >= size)
      return fail(Errc::invalid_argument, "logit_bias: the vocabulary of {} has no token {}.", size,
                  token);
    all.push_back({token, static_cast<float>(by)});
  }
  if (all.empty()) return {};
  api.chain_add(chain, api.logit_bias(size, static_cast<std::int32_t>(all.size()), all.data()));
  return {};
}

}  // namespace

Result<SamplerHandle> make_sampler(const Api& api, const llama_vocab* vocab,
                                   const GenerationRequest& request) {
  const SamplingOptions& options = request.sampling;
  const TokenId size = api.vocab_size(vocab);
  SamplerHandle chain(api.chain_new(api.chain_params()), api.sampler_free);
  if (!options.grammar.empty()) {
    ACCEL_TRY(SamplerHandle grammar, make_grammar(api, vocab, options));
    api.chain_add(chain.get(), grammar.release());
  }
  ACCEL_CHECK(add_bias(api, chain.get(), size, options.logit_bias));
  add_penalties(api, chain.get(), size, request);
  if (options.temperature <= 0) {
    api.chain_add(chain.get(), api.greedy());
    return chain;
  }
  if (options.top_k > 0) api.chain_add(chain.get(), api.top_k(options.top_k));
  if (options.top_p < 1)
    api.chain_add(chain.get(), api.top_p(static_cast<float>(options.top_p), 1));
  if (options.min_p > 0)
    api.chain_add(chain.get(), api.min_p(static_cast<float>(options.min_p), 1));
  api.chain_add(chain.get(), api.temperature(static_cast<float>(options.temperature)));
  api.chain_add(chain.get(), api.dist(options.seed));
  return chain;
}

// As llama_sampler_sample(), but for the look at what was chosen: where a grammar leaves no token,
// that is any, and llama.cpp ends the process when it is one that ends texts.
Result<TokenId> next_token(const Api& api, llama_sampler* chain, std::span<const float> logits) {
  std::vector<llama_token_data> candidates;
  candidates.reserve(logits.size());
  for (const float logit : logits)
    candidates.push_back({static_cast<TokenId>(candidates.size()), logit, 0});
  llama_token_data_array all{candidates.data(), candidates.size(), -1, false};
  try {
    api.apply(chain, &all);
    if (all.selected < 0 || static_cast<std::size_t>(all.selected) >= all.size)
      return fail(Errc::internal, "llama.cpp chose no token.");
    const llama_token_data& chosen = all.data[all.selected];
    if (!std::isfinite(chosen.logit)) {
      return fail(Errc::unsupported,
                  "The model has no token that goes on within the grammar of this answer.");
    }
    api.accept(chain, chosen.id);
    return chosen.id;
  } catch (const std::exception& thrown) {
    return fail(Error{Errc::internal, "llama.cpp can't go on within the grammar.", thrown.what()});
  }
}

}  // namespace accel::inference::llama
