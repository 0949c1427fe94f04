// SPDX-License-Identifier: Apache-2.0
#include "serving/warm_up.hpp"

#include <boost/asio/post.hpp>

#include "accel/core/clock.hpp"
#include "accel/core/log.hpp"

namespace accel::node {

WarmUp::WarmUp(std::vector<std::string> models, Load load)
    : models_(std::move(models)), load_(std::move(load)) {
  asio::post(thread_.executor(), [this] { run(); });
}

WarmUp::~WarmUp() {
  stop_.request_stop();
  thread_.stop();
}

void WarmUp::run() {
  for (const std::string& model : models_) {
    if (stop_.stop_requested()) return;
    const SteadyTime before = system_clock().now();
    const Status loaded = load_(model, stop_.get_token());
    if (loaded) {
      log::info(
          "node", "a model is loaded before it is asked for",
          {log::field("model", model), log::field("ms", to_ms(system_clock().now() - before))});
    } else if (loaded.error().code != Errc::cancelled) {
      log::warn("node", "a model of models.warm_up is not loaded",
                {log::field("model", model), log::field("cause", loaded.error().to_string())});
    }
  }
}

}  // namespace accel::node
