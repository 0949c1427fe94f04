// SPDX-License-Identifier: Apache-2.0
#pragma once
// A daemon signs its names anew before their records expire, and puts them where they are kept.
// The sequence stays, only the end moves, so that nobody takes a renewal for a change. Owned by
// Services; a thread of its own.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>

#include "accel/core/async/io.hpp"
#include "accel/core/metrics.hpp"
#include "names/keys.hpp"
#include "names/publications.hpp"

namespace accel::node {

struct PublisherPlan {
  Duration interval = std::chrono::hours(4);  // As Kubo.
  // Puts a record wherever names of this node go; blocks. How many places took it.
  std::function<std::size_t(const ipld::IpnsName&, const Bytes&, std::stop_token)> put;
};

class Publisher {
 public:
  // What it takes must outlive it.
  Publisher(const Home& home, blockstore::Store& store, Metrics& metrics, const Clock& clock,
            PublisherPlan plan);
  ~Publisher();  // Stops and waits.
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // A publication was made or changed: looks at what is due.
  void look_again();

 private:
  void run();
  // Renews what is due; how long until the next one is.
  Duration renew_due();
  void renew(const ipld::IpnsName& name, const Publication& publication);

  const Home& home_;
  blockstore::Store& store_;
  Metrics& metrics_;
  const Clock& clock_;
  PublisherPlan plan_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool look_ = false;  // Under mutex_.
  std::stop_source stop_;
  IoThread thread_{1, "publish"};  // Uses all of the above: declared last.
};

}  // namespace accel::node
