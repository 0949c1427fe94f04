// SPDX-License-Identifier: Apache-2.0
// What differs below two roots: entries of folders by name, values of dag-cbor and dag-json by key.
#include <map>
#include <set>

#include "accel/ipld/codec.hpp"
#include "accel/ipld/dag_json.hpp"
#include "content/dag_target.hpp"
#include "context.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxDepth = 200;       // What lies deeper is one change.
constexpr std::size_t kMaxChanges = 10'000;  // Two DAGs may differ in 2^60 paths.

bool has_values(ipld::Codec codec) {
  return codec == ipld::Codec::dag_cbor || codec == ipld::Codec::dag_json;
}

json json_of(const ipld::Value* value) {
  if (value == nullptr) return nullptr;
  if (const ipld::Cid* link = value->as_link()) return link->to_string();
  const auto text = ipld::encode_dag_json(*value);
  return text ? json::parse(*text, nullptr, false) : json("(no text)");
}

class Diff {
 public:
  Diff(const blockstore::Store& store, std::stop_token stop) : store_(store), stop_(stop) {}

  Status compare(const ipld::Cid& before, const ipld::Cid& after, const std::string& path) {
    if (before == after) return {};
    if (stop_.stop_requested()) return fail(Errc::cancelled, "The comparison was stopped.");
    if (++depth_ > kMaxDepth) return leave(change(path, before.to_string(), after.to_string()));
    const auto old_entries = store_.list(before);
    const auto new_entries = store_.list(after);
    if (old_entries && new_entries) {
      return leave(compare_folders(*old_entries, *new_entries, path));
    }
    if (before.codec() == after.codec() && has_values(before.codec())) {
      const auto old_value = value_at(store_, {before, before, {}});
      const auto new_value = value_at(store_, {after, after, {}});
      if (old_value && new_value) return leave(compare_values(*old_value, *new_value, path));
    }
    return leave(change(path, before.to_string(), after.to_string()));
  }

  json take() { return std::move(changes_); }

 private:
  using Entries = std::vector<blockstore::DirEntry>;

  Status leave(Status status) {
    --depth_;
    return status;
  }

  Status compare_folders(const Entries& before, const Entries& after, const std::string& path) {
    std::map<std::string, std::pair<const ipld::Cid*, const ipld::Cid*>> names;
    for (const auto& entry : before) names[entry.name].first = &entry.cid;
    for (const auto& entry : after) names[entry.name].second = &entry.cid;
    for (const auto& [name, cids] : names) {
      const std::string below = path.empty() ? name : path + "/" + name;
      const auto& [was, is] = cids;
      if (was != nullptr && is != nullptr) {
        ACCEL_CHECK(compare(*was, *is, below));
      } else {
        ACCEL_CHECK(change(below, was != nullptr ? json(was->to_string()) : json(nullptr),
                           is != nullptr ? json(is->to_string()) : json(nullptr)));
      }
    }
    return {};
  }

  Status compare_values(const ipld::Value& before, const ipld::Value& after,
                        const std::string& path) {
    if (before == after) return {};
    if (before.as_link() != nullptr && after.as_link() != nullptr) {
      return compare(*before.as_link(), *after.as_link(), path);
    }
    const bool inner = before.kind() == after.kind() &&
                       (before.as_map() != nullptr || before.as_list() != nullptr);
    if (!inner) return change(path, json_of(&before), json_of(&after));
    for (const std::string& key : keys_of(before, after)) {
      const ipld::Value* const was = child(before, key);
      const ipld::Value* const is = child(after, key);
      const std::string below = path.empty() ? key : path + "/" + key;
      ACCEL_CHECK(was != nullptr && is != nullptr ? compare_values(*was, *is, below)
                                                  : change(below, json_of(was), json_of(is)));
    }
    return {};
  }

  static std::vector<std::string> keys_of(const ipld::Value& before, const ipld::Value& after) {
    std::vector<std::string> keys;
    if (before.as_list() != nullptr) {
      const std::size_t count = std::max(before.as_list()->size(), after.as_list()->size());
      for (std::size_t i = 0; i < count; ++i) keys.push_back(std::to_string(i));
      return keys;
    }
    std::set<std::string> sorted;
    for (const ipld::Value* value : {&before, &after}) {
      for (const ipld::MapEntry& entry : *value->as_map()) sorted.insert(entry.key);
    }
    return {sorted.begin(), sorted.end()};
  }

  static const ipld::Value* child(const ipld::Value& value, const std::string& key) {
    const auto found = ipld::resolve_step(value, key);
    return found ? *found : nullptr;
  }

  Status change(const std::string& path, json before, json after) {
    if (changes_.size() >= kMaxChanges) {
      return fail(Errc::resource_exhausted, "The two DAGs differ in more than {} places.",
                  kMaxChanges);
    }
    const char* const type = before.is_null() ? "add" : after.is_null() ? "remove" : "change";
    changes_.push_back({{"type", type},
                        {"path", path},
                        {"before", std::move(before)},
                        {"after", std::move(after)}});
    return {};
  }

  const blockstore::Store& store_;
  std::stop_token stop_;
  std::size_t depth_ = 0;
  json changes_ = json::array();
};

}  // namespace

Result<json> dag_diff(Context& context) {
  const std::string before = context.params.required_text("before");
  const std::string after = context.params.required_text("after");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const DagTarget from, resolve_dag_target(*store, before));
  ACCEL_TRY(const DagTarget to, resolve_dag_target(*store, after));
  for (const DagTarget* target : {&from, &to}) {
    ACCEL_TRY(const std::uint64_t bytes, store->size_of(target->cid));  // Or it is not here.
    static_cast<void>(bytes);
  }
  Diff diff(*store, context.stop);
  ACCEL_CHECK(diff.compare(from.cid, to.cid, {}));
  return json{
      {"before", from.cid.to_string()}, {"after", to.cid.to_string()}, {"changes", diff.take()}};
}

}  // namespace accel::node
