// SPDX-License-Identifier: Apache-2.0
#include "names/names.hpp"

#include <algorithm>

namespace accel::node {
namespace {

bool is_name_character(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9') || character == '.' || character == '_' ||
         character == '-' || character == ':';
}

Result<ipld::Cid> named_root(const blockstore::Store& store, const std::string& text) {
  ACCEL_CHECK(check_name(text));
  ACCEL_TRY(const std::optional<std::string> value, store.kv_get(kNameSpace, text));
  if (value) return ipld::Cid::parse(*value);
  return fail(Errc::not_found,
              "Nothing here is named \"{}\", and it is no CID. `ipfs-accelerate models list` shows "
              "the names.",
              text);
}

}  // namespace

std::string_view without_ipfs_prefix(std::string_view text) {
  for (const std::string_view prefix : {"/ipfs/", "ipfs://", "ipfs:/"}) {
    if (text.starts_with(prefix)) return text.substr(prefix.size());
  }
  return text;
}

Status check_name(std::string_view name) {
  const bool fits = !name.empty() && name.size() <= kMaxNameBytes && name.front() != '-' &&
                    std::all_of(name.begin(), name.end(), is_name_character);
  if (!fits) {
    return fail(Errc::invalid_argument,
                "\"{}\" is neither a CID nor a name: names have 1 to {} letters, digits, '.', '_', "
                "'-' or ':'.",
                name.substr(0, kMaxNameBytes), kMaxNameBytes);
  }
  return {};
}

Status give_name(blockstore::Store& store, const std::string& name, const ipld::Cid& cid) {
  ACCEL_CHECK(check_name(name));
  if (ipld::Cid::parse(name))
    return fail(Errc::invalid_argument, "\"{}\" is a CID; a name must not be one.", name);
  ACCEL_TRY(const std::optional<std::string> taken, store.kv_get(kNameSpace, name));
  if (taken && *taken == cid.to_string()) return {};
  if (taken) {
    return fail(Errc::already_exists,
                "The name \"{}\" stands for {}, so it can't stand for {}. Choose another name.",
                name, *taken, cid);
  }
  return store.kv_put_new(kNameSpace, name, cid.to_string());
}

Result<Target> resolve_target(const blockstore::Store& store, std::string_view text) {
  text = without_ipfs_prefix(text);
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string first(text.substr(0, slash));
  Result<ipld::Cid> root = ipld::Cid::parse(first);
  const bool is_name = !root;
  if (is_name) root = named_root(store, first);
  if (!root) return fail(std::move(root).error());
  Target target{*root, *root, is_name ? first : std::string()};
  const std::string_view path = slash < text.size() ? text.substr(slash + 1) : std::string_view();
  if (!path.empty()) {
    ACCEL_TRY(target.cid, store.resolve(*root, path));
  }
  return target;
}

Result<std::string> name_of(const blockstore::Store& store, const ipld::Cid& root) {
  ACCEL_TRY(const auto names, store.kv_list(kNameSpace));
  for (const auto& [name, cid] : names) {
    if (cid == root.to_string()) return name;
  }
  return std::string();
}

}  // namespace accel::node
