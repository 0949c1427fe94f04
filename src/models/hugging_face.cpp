// SPDX-License-Identifier: Apache-2.0
// A directory in Hugging Face layout: config.json says the family, modules.json that it is a
// sentence encoder, and every model*.onnx at the top or in onnx/ is a variant.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "layouts.hpp"
#include "model_files.hpp"
#include "task.hpp"

namespace accel::models {
namespace {

// Endings that exporters (optimum, transformers.js) give to model*.onnx. Others, and none at all,
// say nothing: then the file itself is asked.
constexpr std::pair<std::string_view, std::string_view> kEndings[] = {
    {"_fp32", "f32"},  {"_fp16", "f16"},       {"_float16", "f16"}, {"_O4", "f16"},
    {"_int8", "int8"}, {"_quantized", "int8"}, {"_uint8", "int8"},  {"_q8", "int8"},
    {"_q4", "int4"},   {"_q4f16", "int4"},     {"_bnb4", "int4"},   {"_bf16", "bf16"},
};

bool is_onnx(const ModelFile& file) {
  const std::string_view folder = folder_of(file.path);
  return (folder.empty() || folder == "onnx/") && file.path.ends_with(".onnx");
}

std::string_view stem_of(std::string_view path) {
  std::string_view name = path.substr(folder_of(path).size());
  name.remove_suffix(std::string_view(".onnx").size());
  return name;
}

// model.onnx, model_int8.onnx, …; or the only .onnx file there is, whatever its name.
std::vector<const ModelFile*> entries_of(const ModelManifest& manifest) {
  std::vector<const ModelFile*> all;
  for (const ModelFile& file : manifest.files) {
    if (is_onnx(file)) all.push_back(&file);
  }
  if (all.size() == 1) return all;
  std::erase_if(all, [](const ModelFile* file) {
    const std::string_view stem = stem_of(file->path);
    return stem != "model" && !stem.starts_with("model_");
  });
  return all;
}

std::optional<std::string_view> precision_by_name(std::string_view path) {
  const std::string_view stem = stem_of(path);
  for (const auto& [ending, precision] : kEndings) {
    if (stem.ends_with(ending)) return precision;
  }
  return std::nullopt;
}

// Models that hear or read with one graph and write with another, as optimum exports them:
// encoder_model.onnx beside decoder_model_merged.onnx, or beside decoder_model.onnx with, where it
// is there, decoder_with_past_model.onnx; each ending ("_quantized") is a variant of its own.
constexpr std::string_view kEncoderStem = "encoder_model";

using Graphs = std::map<std::string, std::string>;

std::vector<Graphs> encoder_decoders_of(const ModelManifest& manifest) {
  std::vector<Graphs> all;
  for (const ModelFile& file : manifest.files) {
    const std::string_view stem = stem_of(file.path);
    if (!is_onnx(file) || !stem.starts_with(kEncoderStem)) continue;
    const std::string_view ending = stem.substr(kEncoderStem.size());
    const auto path_of = [&](std::string_view name) {
      return fmt::format("{}{}{}.onnx", folder_of(file.path), name, ending);
    };
    Graphs graphs{{"encoder", file.path}, {"decoder", path_of("decoder_model_merged")}};
    if (manifest.find(graphs["decoder"]) == nullptr) {
      graphs["decoder"] = path_of("decoder_model");
      if (const std::string later = path_of("decoder_with_past_model"); manifest.find(later))
        graphs["decoder_with_past"] = later;
    }
    if (manifest.find(graphs["decoder"]) != nullptr) all.push_back(std::move(graphs));
  }
  return all;
}

// Files that hold weights of `entry` by the names that exporters give them: model.onnx_data,
// model.onnx.data, model.onnx_data_1.
bool is_external_data(std::string_view path, std::string_view entry) {
  return path.starts_with(entry) && (path.substr(entry.size()).starts_with("_data") ||
                                     path.substr(entry.size()).starts_with(".data"));
}

Status add_externals(const ModelManifest& manifest, const OnnxWeights& weights, Variant& variant) {
  for (const std::string& name : weights.externals) {
    const std::string path = std::string(folder_of(variant.entry)) + name;
    const ModelFile* file = manifest.find(path);
    if (file == nullptr) {
      return fail(Errc::not_found, "The model has no {}, which holds weights of {}.", path,
                  variant.entry);
    }
    variant.files.push_back(*file);
  }
  return {};
}

Result<Variant> read_variant(const ModelManifest& manifest, const ModelFile& entry,
                             const Fetcher& fetcher) {
  Variant variant;
  variant.entry = entry.path;
  variant.files.push_back(entry);
  if (const auto precision = precision_by_name(entry.path)) {
    variant.precision = *precision;
    for (const ModelFile& file : manifest.files) {
      if (is_external_data(file.path, entry.path)) variant.files.push_back(file);
    }
    return variant;
  }
  ACCEL_TRY(const std::filesystem::path local, fetcher(entry.path));
  auto weights = inspect_onnx(local);
  if (!weights) {
    weights.error().message = fmt::format("{}: {}", entry.path, weights.error().message);
    return fail(std::move(weights).error());
  }
  variant.precision = weights->precision;
  ACCEL_CHECK(add_externals(manifest, *weights, variant));
  return variant;
}

Result<Variant> read_encoder_decoder(const ModelManifest& manifest, const Graphs& graphs,
                                     const Fetcher& fetcher) {
  ACCEL_TRY(Variant variant, read_variant(manifest, *manifest.find(graphs.at("encoder")), fetcher));
  for (const auto& [name, path] : graphs) {
    if (path == variant.entry) continue;
    ACCEL_TRY(const Variant part, read_variant(manifest, *manifest.find(path), fetcher));
    variant.files.insert(variant.files.end(), part.files.begin(), part.files.end());
  }
  std::sort(variant.files.begin() + 1, variant.files.end(),
            [](const ModelFile& a, const ModelFile& b) { return a.path < b.path; });
  variant.graphs = graphs;
  return variant;
}

// A folder with one ONNX file and no config.json is a model all the same, if its inputs have names
// that one family alone gives them.
Result<bool> read_bare_graph(ModelManifest& manifest, const Fetcher& fetcher) {
  const auto entries = entries_of(manifest);
  if (entries.size() != 1) return false;
  ACCEL_TRY(const std::filesystem::path local, fetcher(entries.front()->path));
  const auto weights = inspect_onnx(local);
  if (!weights) return false;  // What is missing is told first.
  const TaskAndFamily task = infer_task_of_graph(weights->inputs);
  if (task.task.empty()) return false;
  manifest.task = task.task;
  manifest.family = task.family;
  ACCEL_TRY(Variant variant, read_variant(manifest, *entries.front(), fetcher));
  manifest.variants.push_back(std::move(variant));
  return true;
}

Status fail_without_variants(const ModelManifest& manifest) {
  for (const ModelFile& file : manifest.files) {
    for (const std::string_view ending : {".safetensors", ".bin", ".pt", ".h5"}) {
      if (!file.path.ends_with(ending)) continue;
      const bool ctranslate = file.path == "model.bin";  // Hugging Face says pytorch_model.bin.
      return fail(Errc::unsupported,
                  "The model has its weights only in {}, which no engine here reads; {}.",
                  file.path,
                  ctranslate ? "tools/export_whisper_onnx.py makes a folder that is read of a "
                               "Whisper in this form, CTranslate2's"
                             : "add onnx/model.onnx (tools/export_bert_onnx.py makes it of BERT's "
                               "safetensors)");
    }
  }
  return fail(Errc::not_found, "The model has no onnx/model.onnx, which holds the weights.");
}

Status check_text_files(const ModelManifest& manifest) {
  if (manifest.task != "text-embedding" || manifest.find("tokenizer.json") != nullptr) return {};
  return fail(Errc::not_found,
              "The model has no tokenizer.json, which says how text becomes tokens{}.",
              manifest.find("vocab.txt") != nullptr
                  ? "; vocab.txt alone is not enough (save it with the tokenizers library)"
                  : "");
}

}  // namespace

Status read_hugging_face(ModelManifest& manifest, const Fetcher& fetcher) {
  // A GGUF file needs no other; beside ONNX files it is another form of the same model.
  if (has_gguf(manifest) && entries_of(manifest).empty())
    return read_gguf_folder(manifest, fetcher);
  manifest.source = "huggingface";
  if (manifest.find("config.json") == nullptr) {
    ACCEL_TRY(const bool known, read_bare_graph(manifest, fetcher));
    if (known) return {};
  }
  ACCEL_TRY(const nlohmann::json config,
            read_json_file(manifest.files, fetcher, "config.json", "what family the model is of"));
  nlohmann::json modules;
  if (manifest.find("modules.json") != nullptr) {
    ACCEL_TRY(modules, read_json_file(manifest.files, fetcher, "modules.json", "what it is for"));
  }
  ACCEL_TRY(const TaskAndFamily task, infer_task(config, modules));
  manifest.task = task.task;
  manifest.family = task.family;
  ACCEL_CHECK(check_text_files(manifest));
  for (const ModelFile* entry : entries_of(manifest)) {
    ACCEL_TRY(Variant variant, read_variant(manifest, *entry, fetcher));
    manifest.variants.push_back(std::move(variant));
  }
  for (const Graphs& graphs : encoder_decoders_of(manifest)) {
    ACCEL_TRY(Variant variant, read_encoder_decoder(manifest, graphs, fetcher));
    manifest.variants.push_back(std::move(variant));
  }
  return manifest.variants.empty() ? fail_without_variants(manifest) : Status();
}

}  // namespace accel::models
