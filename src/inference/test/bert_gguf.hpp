// SPDX-License-Identifier: Apache-2.0
#pragma once
// MiniLM-L6 (a BERT) as tools/deps installs it in safetensors, written as the GGUF file that
// llama.cpp's converter would make of it: float32, its own WordPiece vocabulary.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/core/file.hpp"

namespace accel::inference {

class BertGguf {
 public:
  explicit BertGguf(const std::filesystem::path& folder)
      : weights_(*read_text_file(folder / "model.safetensors", 1U << 30U)) {
    std::uint64_t size = 0;
    for (int i = 7; i >= 0; --i) size = size << 8U | static_cast<unsigned char>(weights_.at(i));
    header_ = nlohmann::json::parse(weights_.substr(8, size));
    data_ = 8 + size;
    add_pairs(nlohmann::json::parse(*read_text_file(folder / "tokenizer.json", 64U << 20U)));
    add_tensors();
  }

  void write(const std::filesystem::path& file) const {
    std::string start = "GGUF";
    number(start, 3, 4);
    number(start, tensors_, 8);
    number(start, pair_count_, 8);
    start += pairs_ + infos_;
    start.resize((start.size() + 31) / 32 * 32, '\0');
    std::ofstream(file, std::ios::binary) << start << content_;
  }

 private:
  static void number(std::string& out, std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  }
  static void words(std::string& out, std::string_view value) {
    number(out, value.size(), 8);
    out += value;
  }
  void pair(std::string_view key, std::uint64_t type) {
    words(pairs_, key);
    number(pairs_, type, 4);
    ++pair_count_;
  }
  void text(std::string_view key, std::string_view value) {
    pair(key, 8);
    words(pairs_, value);
  }
  void u32(std::string_view key, std::uint64_t value) {
    pair(key, 4);
    number(pairs_, value, 4);
  }

  void add_pairs(const nlohmann::json& tokenizer) {
    text("general.architecture", "bert");
    for (const auto& [key, value] :
         std::initializer_list<std::pair<const char*, int>>{{"block_count", kLayers},
                                                            {"context_length", 512},
                                                            {"embedding_length", 384},
                                                            {"feed_forward_length", 1536},
                                                            {"attention.head_count", 12},
                                                            {"pooling_type", 1}})
      u32("bert." + std::string(key), static_cast<std::uint64_t>(value));
    pair("bert.attention.causal", 7);
    number(pairs_, 0, 1);
    pair("bert.attention.layer_norm_epsilon", 6);
    number(pairs_, 0x2B8CBCCC, 4);  // 1e-12 as float32.
    text("tokenizer.ggml.model", "bert");
    u32("tokenizer.ggml.token_type_count", 2);
    add_vocabulary(tokenizer.at("model").at("vocab"));
  }

  // WordPiece as llama.cpp has it: a space of its own before what begins a word, nothing before
  // what goes on with one.
  void add_vocabulary(const nlohmann::json& vocabulary) {
    std::vector<std::string> tokens(vocabulary.size());
    for (const auto& [token, id] : vocabulary.items()) tokens.at(id.get<std::size_t>()) = token;
    pair("tokenizer.ggml.tokens", 9);
    number(pairs_, 8, 4);
    number(pairs_, tokens.size(), 8);
    for (const std::string& token : tokens) {
      const bool special = token.starts_with('[') && token.ends_with(']') && token.size() > 2;
      words(pairs_, special ? token : token.starts_with("##") ? token.substr(2) : "\u2581" + token);
    }
    pair("tokenizer.ggml.token_type", 9);
    number(pairs_, 5, 4);
    number(pairs_, tokens.size(), 8);
    for (const std::string& token : tokens) {
      const bool special = token.starts_with('[') && token.ends_with(']') && token.size() > 2;
      number(pairs_, special ? 3 : 1, 4);
    }
  }

  void tensor(const std::string& name, const std::string& from) {
    const nlohmann::json& entry = header_.at(from);
    const std::vector<std::uint64_t> shape = entry.at("shape");
    words(infos_, name);
    number(infos_, shape.size(), 4);
    for (auto dim = shape.rbegin(); dim != shape.rend(); ++dim) number(infos_, *dim, 8);
    number(infos_, 0, 4);  // F32
    number(infos_, content_.size(), 8);
    const std::size_t begin = entry.at("data_offsets").at(0), end = entry.at("data_offsets").at(1);
    content_ += weights_.substr(data_ + begin, end - begin);
    content_.resize((content_.size() + 31) / 32 * 32, '\0');
    ++tensors_;
  }
  void both(const std::string& name, const std::string& from) {
    tensor(name + ".weight", from + ".weight");
    tensor(name + ".bias", from + ".bias");
  }

  void add_tensors() {
    tensor("token_embd.weight", "embeddings.word_embeddings.weight");
    tensor("token_types.weight", "embeddings.token_type_embeddings.weight");
    tensor("position_embd.weight", "embeddings.position_embeddings.weight");
    both("token_embd_norm", "embeddings.LayerNorm");
    for (int i = 0; i < kLayers; ++i) {
      const std::string to = "blk." + std::to_string(i) + ".";
      const std::string from = "encoder.layer." + std::to_string(i) + ".";
      both(to + "attn_q", from + "attention.self.query");
      both(to + "attn_k", from + "attention.self.key");
      both(to + "attn_v", from + "attention.self.value");
      both(to + "attn_output", from + "attention.output.dense");
      both(to + "attn_output_norm", from + "attention.output.LayerNorm");
      both(to + "ffn_up", from + "intermediate.dense");
      both(to + "ffn_down", from + "output.dense");
      both(to + "layer_output_norm", from + "output.LayerNorm");
    }
  }

  static constexpr int kLayers = 6;
  std::string weights_;
  nlohmann::json header_;
  std::size_t data_ = 0;  // Where the weights' own bytes begin.
  std::string pairs_, infos_, content_;
  std::uint64_t pair_count_ = 0, tensors_ = 0;
};

}  // namespace accel::inference
