// SPDX-License-Identifier: Apache-2.0
#include "llama/model.hpp"

#include <limits>

#include "llama/text_stream.hpp"

namespace accel::inference::llama {

Result<ModelHandle> load_model(const Api& api, const std::filesystem::path& gguf_file,
                               GgufHeader& header) {
  ACCEL_TRY(header, read_gguf_file(gguf_file));
  ACCEL_CHECK(check_gguf_model(header));
  (void)take_last_words();
  llama_model_params params = api.model_params();
  params.n_gpu_layers = 0;
  ModelHandle model(nullptr, api.model_free);
  try {
    model.reset(api.model_load(gguf_file.c_str(), params));
  } catch (const std::exception& thrown) {
    return fail(Error{Errc::corrupt, "llama.cpp can't read the model.", thrown.what()});
  }
  if (!model) {
    const std::string words = take_last_words();
    const bool unknown = words.find("unknown model architecture") != std::string::npos;
    return fail(Error{unknown ? Errc::unsupported : Errc::corrupt,
                      fmt::format("llama.cpp can't open {}.", gguf_file.filename().string()),
                      words});
  }
  if (api.has_encoder(model.get()))
    return fail(Errc::unsupported,
                "The model has an encoder with a decoder of its own, which is not run here.");
  return model;
}

Result<std::vector<TokenId>> tokens_of_text(const Api& api, const llama_vocab* vocab,
                                            std::string_view text, bool added, bool special) {
  // A token is at least one byte of text, but for those that are added around it.
  constexpr std::size_t kAdded = 16;
  if (text.size() > std::numeric_limits<std::int32_t>::max() - kAdded)
    return fail(Errc::invalid_argument, "The text has {} bytes, too many to count.", text.size());
  const std::string clean = valid_utf8(text);
  std::vector<TokenId> tokens(clean.size() + kAdded);
  try {
    const std::int32_t count =
        api.tokenize(vocab, clean.data(), static_cast<std::int32_t>(clean.size()), tokens.data(),
                     static_cast<std::int32_t>(tokens.size()), added, special);
    if (count < 0) return fail(Errc::internal, "llama.cpp made more tokens than bytes.");
    tokens.resize(static_cast<std::size_t>(count));
  } catch (const std::exception& thrown) {
    return fail(Error{Errc::internal, "llama.cpp could not tokenize a text.", thrown.what()});
  }
  return tokens;
}

}  // namespace accel::inference::llama
