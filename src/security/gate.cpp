// SPDX-License-Identifier: Apache-2.0
#include "accel/security/gate.hpp"

#include <algorithm>
#include <utility>

#include "accel/core/log.hpp"

namespace accel::security {
namespace {

constexpr Duration kLookEvery = std::chrono::seconds(1);

tl::unexpected<Error> no_such_key(std::string_view name) {
  return fail(Errc::not_found,
              "There is no API key \"{}\" here; `ipfs-accelerate api-keys "
              "list` shows them.",
              name.substr(0, kMaxLabelBytes));
}

}  // namespace

Gate::Gate(std::filesystem::path home, const Clock& clock, bool keeps_uses, Duration save_every)
    : file_(std::move(home)), clock_(clock), keeps_uses_(keeps_uses), save_every_(save_every) {
  kept_ = file_.load_uses();
}

Gate::~Gate() {
  saver_.reset();
  if (keeps_uses_) save();
}

void Gate::set_token(std::string_view token) {
  const std::scoped_lock lock(mutex_);
  token_ = crypto::sha256(as_bytes(token));
  has_token_ = !token.empty();
}

std::shared_ptr<const Gate::Entries> Gate::current() {
  const SteadyTime now = clock_.now();
  {
    const std::scoped_lock lock(mutex_);
    if (now < next_look_) return entries_;
    next_look_ = now + kLookEvery;
  }
  look();
  const std::scoped_lock lock(mutex_);
  return entries_;
}

void Gate::look() {
  const std::scoped_lock alone(look_mutex_);
  const KeyFile::Stamp stamp = file_.stamp();
  if (stamp == stamp_) return;
  stamp_ = stamp;
  const auto keys = file_.load();
  if (!keys) {
    log::error("security", "No API key is let in, for the file of keys can't be used.",
               {log::field("cause", keys.error().to_string())});
  }
  take(keys ? *keys : std::vector<ApiKey>());
}

void Gate::take(const std::vector<ApiKey>& keys) {
  auto entries = std::make_shared<Entries>();
  const std::scoped_lock lock(mutex_);
  for (const ApiKey& key : keys) {
    auto& use = uses_[key.id];
    if (!use) {
      use = std::make_shared<KeyUse>(clock_);
      const auto kept = kept_.find(key.id);
      if (kept != kept_.end()) use->restore(kept->second);
    }
    entries->emplace(key.id, std::make_shared<const KeyEntry>(KeyEntry{key, use}));
  }
  // While the file can't be used, what its keys have used is not forgotten.
  if (!keys.empty())
    std::erase_if(uses_, [&](const auto& use) { return !entries->contains(use.first); });
  entries_ = std::move(entries);
  keep_saving();
}

Result<Principal> Gate::authenticate(std::string_view credential) {
  const crypto::Sha256Digest digest = crypto::sha256(as_bytes(credential));
  const auto id = id_of_key(credential);
  if (!id) {
    const std::scoped_lock lock(mutex_);
    if (has_token_ && equal_digests(digest, token_)) return Principal::token;
    return fail(Errc::unauthenticated,
                "The bearer token is neither an API key "
                "of this node nor the one in the file "
                "api.token of its home.");
  }
  const auto entries = current();
  const auto found = entries->find(*id);
  if (found == entries->end() || !equal_digests(digest, found->second->key.hash)) {
    return fail(Errc::unauthenticated,
                "The API key is none of this node's; it may have been revoked.");
  }
  const ApiKey& key = found->second->key;
  if (key.expires && *key.expires <= clock_.wall_now()) {
    return fail(Errc::unauthenticated, "The API key {} ended at {}; ask for another one.", key.id,
                to_rfc3339(*key.expires));
  }
  return Principal{key.id, key.role, found->second};
}

Result<NewKey> Gate::create(ApiKey wanted, Random& random) {
  ACCEL_TRY(NewKey made, make_api_key(std::move(wanted), clock_.wall_now(), random));
  const auto add = [&](std::vector<ApiKey>& keys) -> Status {
    if (keys.size() >= kMaxApiKeys) {
      return fail(Errc::resource_exhausted, "{} API keys are kept here; revoke some first.",
                  keys.size());
    }
    keys.push_back(made.key);
    return {};
  };
  ACCEL_CHECK(file_.update(add));
  look();
  return made;
}

Result<ApiKey> Gate::revoke(std::string_view id_or_label) {
  ApiKey revoked;
  const auto remove = [&](std::vector<ApiKey>& keys) -> Status {
    const auto named = [&](const ApiKey& key) {
      return key.id == id_or_label || (!key.label.empty() && key.label == id_or_label);
    };
    const auto count = std::ranges::count_if(keys, named);
    if (count == 0) return no_such_key(id_or_label);
    if (count > 1) {
      return fail(Errc::already_exists, "{} keys have the label \"{}\"; name one by its id.", count,
                  id_or_label);
    }
    const auto found = std::ranges::find_if(keys, named);
    revoked = *found;
    keys.erase(found);
    return {};
  };
  ACCEL_CHECK(file_.update(remove));
  look();
  return revoked;
}

Result<std::vector<Gate::Row>> Gate::list() {
  ACCEL_TRY(const std::vector<ApiKey> keys, file_.load());
  look();
  std::vector<Row> rows;
  const std::scoped_lock lock(mutex_);
  for (const ApiKey& key : keys) {
    Row& row = rows.emplace_back(Row{key, std::nullopt});
    const auto use = uses_.find(key.id);
    if (use == uses_.end()) continue;
    const WallTime last = use->second->kept().last;
    if (last != WallTime{}) row.last_used = last;
  }
  return rows;
}

// Under mutex_. A node without keys has no such thread.
void Gate::keep_saving() {
  if (keeps_uses_ && !saver_ && !uses_.empty())
    saver_ = std::make_unique<Ticker>(save_every_, [this] { save(); });
}

// On the saver's thread, and after it has ended.
void Gate::save() {
  KeptUses uses;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, use] : uses_) {
      KeptUse kept = use->kept();
      if (kept.last != WallTime{}) uses.emplace(id, std::move(kept));
    }
  }
  std::string text = write_uses(uses);
  if (uses.empty() || text == saved_) return;
  const Status saved = file_.save_uses(uses);
  if (saved) saved_ = std::move(text);
  if (!saved) {
    log::warn("security", "When API keys were used can't be written.",
              {log::field("cause", saved.error().to_string())});
  }
}

}  // namespace accel::security
