// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who a credential belongs to: the home's token, or one of its API keys. One
// per node; used by server for each request, and by node's methods that make
// and revoke keys. Thread-safe; a request costs one SHA-256 and a look into a
// table in memory, and once a second a stat of the keys' file, so that what
// another process changes counts within that time. A file that can't be used
// lets no key in. No request waits for a write.

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/async/ticker.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/random.hpp"
#include "accel/security/key_file.hpp"
#include "accel/security/principal.hpp"

namespace accel::security {

class Gate {
 public:
  // keeps_uses: of a daemon, which alone writes when keys were used: on a
  // thread of its own that often, once there are keys.
  Gate(std::filesystem::path home, const Clock& clock, bool keeps_uses,
       Duration save_every = std::chrono::minutes(1));
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // What home/api.token holds; without it no token is let in.
  void set_token(std::string_view token);
  // Errors: unauthenticated (none of the keys, or one that has ended). The
  // message never repeats what was presented.
  Result<Principal> authenticate(std::string_view credential);

  // These block (files). Errors: as KeyFile's, and make_api_key()'s; create():
  // resource_exhausted (kMaxApiKeys); revoke(): not_found, already_exists
  // (several keys have that label).
  Result<NewKey> create(ApiKey wanted, Random& random);
  Result<ApiKey> revoke(std::string_view id_or_label);
  struct Row {
    ApiKey key;
    std::optional<WallTime> last_used;
  };
  Result<std::vector<Row>> list();

 private:
  using Entries = std::map<std::string, std::shared_ptr<const KeyEntry>, std::less<>>;

  std::shared_ptr<const Entries> current();
  void look();
  void take(const std::vector<ApiKey>& keys);
  void save();
  void keep_saving();

  KeyFile file_;
  const Clock& clock_;
  bool keeps_uses_;
  Duration save_every_;
  std::mutex mutex_;  // Of what follows; never held over a look at the disk.
  std::shared_ptr<const Entries> entries_ = std::make_shared<const Entries>();
  std::map<std::string, std::shared_ptr<KeyUse>, std::less<>> uses_;
  KeptUses kept_;  // Of an earlier run, until its key is met.
  crypto::Sha256Digest token_{};
  bool has_token_ = false;
  SteadyTime next_look_{};
  std::mutex look_mutex_;          // One look at the file at a time.
  KeyFile::Stamp stamp_;           // Of what is in entries_.
  std::string saved_;              // What save() wrote last: nothing new is not written.
  std::unique_ptr<Ticker> saver_;  // Uses all of these: the first to go.
};

}  // namespace accel::security
