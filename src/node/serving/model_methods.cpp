// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "accel/inference/gguf_reader.hpp"
#include "accel/models/text_generator.hpp"
#include "content/provenance.hpp"
#include "context.hpp"
#include "names/names.hpp"
#include "serving/model_store.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

std::uint64_t bytes_of(const models::ModelManifest& manifest) {
  std::uint64_t bytes = 0;
  for (const models::ModelFile& file : manifest.files) bytes += file.bytes;
  return bytes;
}

// Of a language model, as its file has it; none where it has none, or can't be read.
std::optional<std::string> chat_template_of(const StoredModel& model) {
  const auto variant = models::generation_variant(model.manifest);
  if (!variant) return std::nullopt;
  const auto path = models::fetch_variant(**variant, model.fetcher);
  if (!path) return std::nullopt;
  const auto header = inference::read_gguf_file(*path);
  if (!header) return std::nullopt;
  const auto found = header->texts.find("tokenizer.chat_template");
  return found == header->texts.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

// Names whose root is no model (any folder can have a name) are listed with the reason.
Result<json> models_list(Context& context) {
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const auto names, store->kv_list(kNameSpace));
  json list = json::array();
  for (const auto& [name, cid] : names) {
    json row{{"name", name}, {"cid", cid}};
    if (const auto model = open_model(*store, name)) {
      row["task"] = model->manifest.task;
      row["family"] = model->manifest.family;
      row["bytes"] = bytes_of(model->manifest);
      if (!model->manifest.variants.empty())
        row["format"] = model->manifest.variants.front().format;
    } else {
      row["task"] = "-";
      row["reason"] = model.error().message;
    }
    list.push_back(std::move(row));
  }
  return json{{"models", std::move(list)}};
}

Result<json> models_show(Context& context) {
  const std::string text = context.params.required_text("model");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const StoredModel model, open_model(*store, text));
  json variants = json::array();
  for (const models::Variant& variant : model.manifest.variants) {
    ACCEL_TRY(const std::string hash, weights_hash(*store, variant, model.fetcher, context.stop));
    variants.push_back({{"precision", variant.precision},
                        {"format", variant.format},
                        {"engine", variant.engine},
                        {"file", variant.entry},
                        {"bytes", variant.bytes()},
                        {"weights_sha256", hash}});
  }
  json files = json::array();
  for (const models::ModelFile& file : model.manifest.files) {
    files.push_back({{"path", file.path}, {"cid", file.cid.to_string()}, {"bytes", file.bytes}});
  }
  json shown{{"name", model.name},
             {"from", provenance_of(*store, model.root).value_or(json())},
             {"cid", model.root.to_string()},
             {"task", model.manifest.task},
             {"family", model.manifest.family},
             {"source", model.manifest.source},
             {"variants", std::move(variants)},
             {"files", std::move(files)}};
  if (const auto chat = chat_template_of(model)) {
    shown["chat_template"] = *chat;
    shown["template_knows_tools"] = models::template_knows_tools(*chat);
  }
  return shown;
}

}  // namespace accel::node
