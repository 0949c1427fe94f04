// SPDX-License-Identifier: Apache-2.0
#pragma once
// Places that several keys share: none gets so many that another one finds
// none. A client may have as many as there are for each client, and one share
// is always left for one that has not come yet: of 96 places a lone key has 48,
// of two 32 each. Pure policy behind a mutex; used by server, whose requests
// let go of their places on any thread.

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace accel::security {

class Shares {
 public:
  explicit Shares(std::size_t places) : places_(places) {}

  // A place until it is destroyed; the shares outlive it.
  class Place {
   public:
    Place(Shares& shares, std::string client) : shares_(&shares), client_(std::move(client)) {}
    ~Place() { shares_->give_back(client_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    Shares* shares_;
    std::string client_;
  };
  // Null when the client has its share.
  std::unique_ptr<Place> take(const std::string& client);

 private:
  void give_back(const std::string& client);

  std::size_t places_;
  std::mutex mutex_;
  std::map<std::string, std::size_t> taken_;
};

}  // namespace accel::security
