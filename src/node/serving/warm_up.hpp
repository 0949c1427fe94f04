// SPDX-License-Identifier: Apache-2.0
#pragma once
// Loads the models of models.warm_up, one after the other, while a daemon already answers. Owned by
// Node; a thread of its own. What fails is logged: the first request that needs it says it again.

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "accel/core/async/io.hpp"
#include "accel/core/result.hpp"

namespace accel::node {

class WarmUp {
 public:
  using Load = std::function<Status(const std::string& model, std::stop_token stop)>;
  // What `load` refers to must outlive it.
  WarmUp(std::vector<std::string> models, Load load);
  ~WarmUp();  // Stops and waits.
  WarmUp(const WarmUp&) = delete;
  WarmUp& operator=(const WarmUp&) = delete;

 private:
  void run();

  std::vector<std::string> models_;
  Load load_;
  std::stop_source stop_;
  IoThread thread_{1, "warm-up"};  // Uses all of the above: declared last.
};

}  // namespace accel::node
