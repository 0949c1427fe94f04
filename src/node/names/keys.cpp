// SPDX-License-Identifier: Apache-2.0
#include "names/keys.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "accel/core/file.hpp"
#include "accel/ipld/ipns_record.hpp"
#include "accel/libp2p/key_file.hpp"

namespace accel::node {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".key";

bool is_key_character(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9') || character == '.' || character == '_' ||
         character == '-';
}

Result<FileLock> lock_folder(const Home& home) {
  ACCEL_CHECK(make_directories(home.keys()));
  return FileLock::acquire(home.keys() / ".lock", FileLock::Mode::exclusive, /*wait=*/true);
}

bool is_there(const fs::path& file) { return ::access(file.c_str(), F_OK) == 0; }

tl::unexpected<Error> no_such_key(const std::string& text) {
  return fail(Errc::not_found,
              "There is no key \"{}\" here; `ipfs-accelerate key list` shows them.",
              text.substr(0, kMaxKeyNameBytes));
}

}  // namespace

Status check_key_name(const std::string& name) {
  const bool fits = !name.empty() && name.size() <= kMaxKeyNameBytes && name.front() != '.' &&
                    name.front() != '-' && std::ranges::all_of(name, is_key_character);
  if (!fits) {
    return fail(Errc::invalid_argument,
                "\"{}\" can't name a key: 1 to {} letters, digits, '.', '_' or '-'.",
                name.substr(0, kMaxKeyNameBytes), kMaxKeyNameBytes);
  }
  if (name == kSelfKey) {
    return fail(Errc::invalid_argument,
                "\"self\" is the node's own key, which stays as it is; choose another name.");
  }
  return {};
}

fs::path Keys::file_of(const std::string& name) const {
  if (name == kSelfKey) return home_.swarm_key();
  return home_.keys() / (name + std::string(kEnding));
}

Result<std::vector<std::string>> Keys::file_names() const {
  std::vector<std::string> names;
  if (!is_there(home_.keys())) return names;
  std::error_code ec;
  for (fs::directory_iterator at(home_.keys(), ec), end; !ec && at != end; at.increment(ec)) {
    std::string file = at->path().filename().string();
    if (!file.ends_with(kEnding)) continue;
    file.resize(file.size() - kEnding.size());
    if (check_key_name(file)) names.push_back(std::move(file));
  }
  if (ec) return fail_errno(Errc::io, ec.value(), "The keys of the home can't be listed.");
  std::ranges::sort(names);
  return names;
}

Result<std::vector<NamedKey>> Keys::list() const {
  ACCEL_TRY(const auto self, libp2p::load_or_make_key(home_.swarm_key(), system_random()));
  std::vector<NamedKey> keys{{std::string(kSelfKey), ipld::ipns_name_of(self)}};
  ACCEL_TRY(const auto names, file_names());
  for (const std::string& name : names) {
    auto key = libp2p::load_key(file_of(name));
    if (!key && key.error().code == Errc::not_found) continue;  // Just removed.
    if (!key) return fail(std::move(key).error());
    keys.push_back({name, ipld::ipns_name_of(*key)});
  }
  return keys;
}

Result<crypto::Ed25519Key> Keys::find(const std::string& text) const {
  if (text == kSelfKey) return libp2p::load_or_make_key(home_.swarm_key(), system_random());
  if (check_key_name(text) && is_there(file_of(text))) return libp2p::load_key(file_of(text));
  const auto id = ipld::IpnsName::parse(text);
  if (!id) return no_such_key(text);
  ACCEL_TRY(const std::string name, name_of(*id));
  return name == kSelfKey ? find(name) : libp2p::load_key(file_of(name));
}

Result<std::string> Keys::name_of(const ipld::IpnsName& id) const {
  ACCEL_TRY(const auto keys, list());
  const auto found = std::ranges::find(keys, id, &NamedKey::id);
  if (found == keys.end()) return no_such_key(id.to_string());
  return found->name;
}

Result<NamedKey> Keys::generate(const std::string& name, Random& random) {
  return add(name, crypto::Ed25519Key::generate(random));
}

Result<NamedKey> Keys::add(const std::string& name, const crypto::Ed25519Key& key) {
  ACCEL_CHECK(check_key_name(name));
  ACCEL_TRY(const FileLock lock, lock_folder(home_));
  ACCEL_TRY(const auto keys, list());
  NamedKey added{name, ipld::ipns_name_of(key)};
  for (const NamedKey& present : keys) {
    if (present.name == name) {
      return fail(Errc::already_exists, "There is a key \"{}\" already; it signs for {}.", name,
                  present.id.to_string());
    }
    if (present.id == added.id) {
      return fail(Errc::already_exists, "This key is here already; its name is \"{}\".",
                  present.name);
    }
  }
  if (keys.size() >= kMaxKeys) {
    return fail(Errc::resource_exhausted, "{} keys are kept here; no more fit.", keys.size());
  }
  ACCEL_CHECK(libp2p::save_key(file_of(name), key));
  return added;
}

Status Keys::rename(const std::string& from, const std::string& to, bool replace) {
  ACCEL_CHECK(check_key_name(from));
  ACCEL_CHECK(check_key_name(to));
  ACCEL_TRY(const FileLock lock, lock_folder(home_));
  if (!is_there(file_of(from))) return no_such_key(from);
  if (from == to) return {};
  if (is_there(file_of(to)) && !replace) {
    return fail(Errc::already_exists,
                "There is a key \"{}\" already; --force would delete it for good.", to);
  }
  if (std::rename(file_of(from).c_str(), file_of(to).c_str()) != 0) {
    return fail_errno(Errc::io, errno, "The key can't be renamed.");
  }
  return sync_directory(home_.keys());
}

Result<NamedKey> Keys::remove(const std::string& name) {
  ACCEL_CHECK(check_key_name(name));
  ACCEL_TRY(const FileLock lock, lock_folder(home_));
  auto key = libp2p::load_key(file_of(name));
  if (!key && key.error().code == Errc::not_found) return no_such_key(name);
  if (!key) return fail(std::move(key).error());
  if (::unlink(file_of(name).c_str()) != 0) {
    return fail_errno(Errc::io, errno, "The key can't be removed.");
  }
  ACCEL_CHECK(sync_directory(home_.keys()));
  return NamedKey{name, ipld::ipns_name_of(*key)};
}

}  // namespace accel::node
