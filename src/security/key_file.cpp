// SPDX-License-Identifier: Apache-2.0
#include "accel/security/key_file.hpp"

#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "accel/core/file.hpp"
#include "accel/core/json.hpp"
#include "accel/core/log.hpp"
#include "accel/core/private_file.hpp"

namespace accel::security {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxFileBytes = 8U << 20U;  // 1000 keys with all that they can have.
constexpr PrivateFileRules kRules{
    .max_bytes = kMaxFileBytes, .owner_only = true, .of_own_home = true};
constexpr std::size_t kMaxSlots = 1000;
constexpr std::size_t kMaxDepth = 8;

tl::unexpected<Error> no_uses() {
  return fail(Errc::corrupt, "api_keys.used.json is not what a daemon writes; it is left out.");
}

Result<KeptUse> use_of(const json& object) {
  if (!object.is_object()) return no_uses();
  const json last = object.value("last", json());
  const json day = object.value("day", json::array());
  if (!last.is_string() || !day.is_array() || day.size() > kMaxSlots) return no_uses();
  KeptUse use;
  const auto time = parse_time(last.get_ref<const std::string&>());
  if (!time) return no_uses();
  use.last = *time;
  for (const json& slot : day) {
    const bool good = slot.is_array() && slot.size() == 2 && slot[0].is_number_integer() &&
                      slot[1].is_number_unsigned();
    if (!good) return no_uses();
    use.day.push_back({slot[0].get<std::int64_t>(), slot[1].get<std::uint64_t>()});
  }
  return use;
}

}  // namespace

Result<KeptUses> read_uses(std::string_view text) {
  const auto parsed = parse_bounded_json(text, "It", {.depth = kMaxDepth});
  if (!parsed || !parsed->is_object() || parsed->size() > kMaxApiKeys) return no_uses();
  KeptUses uses;
  for (const auto& [id, object] : parsed->items()) {
    ACCEL_TRY(uses[id], use_of(object));
  }
  return uses;
}

std::string write_uses(const KeptUses& uses) {
  json document = json::object();
  for (const auto& [id, use] : uses) {
    json day = json::array();
    for (const RollingWindow::Slot& slot : use.day)
      day.push_back(json::array({slot.number, slot.count}));
    document[id] = {{"last", to_rfc3339(use.last)}, {"day", std::move(day)}};
  }
  return document.dump() + "\n";
}

KeyFile::Stamp KeyFile::stamp() const {
  struct stat info{};
  if (::lstat(file().c_str(), &info) != 0) return {};
  return {info.st_ino, static_cast<std::uint64_t>(info.st_size),
          std::int64_t{info.st_ctim.tv_sec} * 1'000'000'000 + info.st_ctim.tv_nsec, info.st_mode};
}

Result<std::vector<ApiKey>> KeyFile::load() const {
  const auto text = read_private_file(file(), kRules);
  if (!text && text.error().code == Errc::not_found) return std::vector<ApiKey>();
  if (!text) return fail(Error(text.error()));
  return read_api_keys(as_text(*text));
}

Status KeyFile::update(const std::function<Status(std::vector<ApiKey>&)>& change) const {
  ACCEL_TRY(const FileLock lock,
            FileLock::acquire(home_ / ".api_keys.lock", FileLock::Mode::exclusive, /*wait=*/true));
  ACCEL_TRY(std::vector<ApiKey> keys, load());
  ACCEL_CHECK(change(keys));
  return write_file_atomic(file(), as_bytes(write_api_keys(keys)));
}

KeptUses KeyFile::load_uses() const {
  const auto text = read_private_file(used_file(), kRules);
  if (!text) return {};  // Mostly: not there yet.
  auto uses = read_uses(as_text(*text));
  if (uses) return *std::move(uses);
  log::warn("security", uses.error().message);
  return {};
}

Status KeyFile::save_uses(const KeptUses& uses) const {
  return write_file_atomic(used_file(), as_bytes(write_uses(uses)));
}

}  // namespace accel::security
