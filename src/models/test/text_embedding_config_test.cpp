// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "accel/models/text_embedder.hpp"
#include "test_files.hpp"

namespace accel::models {
namespace {

class EmbeddingConfig : public testing::Folder {
 protected:
  // As the files of all-MiniLM-L6-v2.
  void write_minilm() {
    write("config.json", R"({"model_type": "bert", "max_position_embeddings": 512})");
    write("modules.json", R"([
      {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
      {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
      {"idx": 2, "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])");
    write("1_Pooling/config.json", R"({"word_embedding_dimension": 384,
      "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true,
      "pooling_mode_max_tokens": false, "pooling_mode_mean_sqrt_len_tokens": false})");
    write("sentence_bert_config.json", R"({"max_seq_length": 256, "do_lower_case": false})");
    write("tokenizer_config.json", R"({"model_max_length": 512})");
  }
  Result<TextEmbeddingConfig> read() const {
    ModelManifest manifest;
    manifest.files = list_directory(folder_).value();
    return read_text_embedding_config(manifest, directory_fetcher(folder_));
  }
};

TEST_F(EmbeddingConfig, of_a_sentence_transformer_is_what_its_files_say) {
  write_minilm();
  const TextEmbeddingConfig config = read().value();
  EXPECT_EQ(config.pooling, Pooling::mean);
  EXPECT_TRUE(config.normalize);
  EXPECT_EQ(config.max_length, 256U);
  EXPECT_EQ(config.dimension, 384U);
}

TEST_F(EmbeddingConfig, takes_the_length_from_the_next_file_that_says_one) {
  write_minilm();
  remove("sentence_bert_config.json");
  write("tokenizer_config.json", R"({"model_max_length": 200})");
  EXPECT_EQ(read()->max_length, 200U);
  write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(read()->max_length, 512U);
  remove("tokenizer_config.json");
  EXPECT_EQ(read()->max_length, 512U);
  remove("config.json");
  EXPECT_EQ(read()->max_length, 512U);
}

TEST_F(EmbeddingConfig, never_takes_more_tokens_than_the_model_has_positions) {
  write_minilm();
  write("sentence_bert_config.json", R"({"max_seq_length": 9000})");
  EXPECT_EQ(read()->max_length, 512U);
}

TEST_F(EmbeddingConfig, without_modules_pools_by_the_mean_and_does_not_normalize) {
  const TextEmbeddingConfig config = read().value();
  EXPECT_EQ(config.pooling, Pooling::mean);
  EXPECT_FALSE(config.normalize);
}

TEST_F(EmbeddingConfig, reads_each_pooling_that_is_implemented) {
  constexpr std::pair<const char*, Pooling> kModes[] = {
      {"pooling_mode_cls_token", Pooling::cls},
      {"pooling_mode_max_tokens", Pooling::max},
      {"pooling_mode_mean_sqrt_len_tokens", Pooling::mean_sqrt_len}};
  for (const auto& [key, pooling] : kModes) {
    write("1_Pooling/config.json", nlohmann::json{{key, true}}.dump());
    EXPECT_EQ(read()->pooling, pooling) << key;
  }
}

TEST_F(EmbeddingConfig, refuses_what_it_would_compute_wrongly) {
  constexpr std::pair<const char*, const char*> kFiles[] = {
      {"1_Pooling/config.json", R"({"pooling_mode_lasttoken": true})"},
      {"1_Pooling/config.json",
       R"({"pooling_mode_max_tokens": true, "pooling_mode_cls_token": true})"},
      {"1_Pooling/config.json", R"({"pooling_mode_mean_tokens": false})"},
      {"modules.json", R"([{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}])"},
      {"sentence_bert_config.json", R"({"do_lower_case": true})"}};
  for (const auto& [file, text] : kFiles) {
    write_minilm();
    write(file, std::string_view(text));
    ASSERT_FALSE(read()) << text;
    EXPECT_EQ(read().error().code, Errc::unsupported) << text;
    EXPECT_THAT(read().error().message, ::testing::HasSubstr(file));
  }
}

TEST_F(EmbeddingConfig, leaves_the_positions_of_padding_out) {
  constexpr std::pair<const char*, std::size_t> kFamilies[] = {
      {"bert", 514}, {"roberta", 512}, {"xlm-roberta", 512}, {"camembert", 512}, {"mpnet", 512}};
  for (const auto& [family, tokens] : kFamilies) {
    write("config.json",
          nlohmann::json{{"model_type", family}, {"max_position_embeddings", 514}}.dump());
    EXPECT_EQ(read()->max_length, tokens) << family;
  }
}

TEST_F(EmbeddingConfig, names_the_pooling_file_that_is_missing) {
  write_minilm();
  remove("1_Pooling/config.json");
  EXPECT_EQ(read().error().code, Errc::not_found);
  EXPECT_THAT(read().error().message, ::testing::HasSubstr("1_Pooling/config.json"));
}

TEST_F(EmbeddingConfig, refuses_files_of_the_wrong_shape) {
  constexpr std::pair<const char*, const char*> kFiles[] = {
      {"modules.json", "{}"},
      {"modules.json", R"([{"type": 5}])"},
      {"sentence_bert_config.json", R"({"max_seq_length": "many"})"},
      {"sentence_bert_config.json", R"({"max_seq_length": 0})"},
      {"1_Pooling/config.json",
       R"({"pooling_mode_mean_tokens": true, "word_embedding_dimension": -1})"},
      {"config.json", R"({"max_position_embeddings": 1.5})"}};
  for (const auto& [file, text] : kFiles) {
    write_minilm();
    write(file, std::string_view(text));
    EXPECT_EQ(read().error().code, Errc::corrupt) << text;
  }
}

}  // namespace
}  // namespace accel::models
