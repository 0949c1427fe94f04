// SPDX-License-Identifier: Apache-2.0
#pragma once
// A model's file as llama.cpp loads it, checked first, and the tokens of a text. Used by the engine
// and Embedder.

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "accel/inference/gguf_reader.hpp"
#include "llama/library.hpp"

namespace accel::inference::llama {

using ModelHandle = std::unique_ptr<llama_model, void (*)(llama_model*)>;

// A file that every check of ours has passed; its header goes to `header`. Errors: not_found, io,
// corrupt, unsupported (an architecture that the library does not know, an encoder with a decoder
// behind it, a split model).
Result<ModelHandle> load_model(const Api& api, const std::filesystem::path& gguf_file,
                               GgufHeader& header);

// `added`: with the tokens that the model wants around a text. `special`: text such as "<|im_end|>"
// becomes the token that it names. Errors: invalid_argument (too long to count).
Result<std::vector<TokenId>> tokens_of_text(const Api& api, const llama_vocab* vocab,
                                            std::string_view text, bool added, bool special);

}  // namespace accel::inference::llama
