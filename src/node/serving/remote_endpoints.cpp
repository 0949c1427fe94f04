// SPDX-License-Identifier: Apache-2.0
#include "serving/remote_endpoints.hpp"

#include <algorithm>

#include "accel/core/file.hpp"
#include "accel/core/random.hpp"

namespace accel::node {
namespace {

using endpoints::Endpoint;

constexpr std::uint64_t kMaxListBytes = 4U << 20U;

std::filesystem::path list_file(Services& services) {
  return services.home().root / "endpoints.json";
}

endpoints::MultiplexerOptions options_of(const Config& config) {
  endpoints::MultiplexerOptions options;
  if (config.get<std::string>("endpoints.prefer") == "cost")
    options.preference = endpoints::Preference::cost;
  options.hedge = config.get<bool>("endpoints.hedge");
  options.attempts = static_cast<std::size_t>(config.get<std::int64_t>("endpoints.attempts"));
  options.total_timeout = config.get<std::chrono::milliseconds>("endpoints.timeout");
  options.ca_file = config.get<std::string>("endpoints.ca_file");
  return options;
}

}  // namespace

Status RemoteEndpoints::load(Services& services) {
  if (list_ && services.is_daemon()) return {};  // Its home is its own.
  const auto text = read_text_file(list_file(services), kMaxListBytes);
  if (!text && text.error().code != Errc::not_found) return fail(text.error());
  if (!text) {
    list_.emplace();
    return {};
  }
  ACCEL_TRY(list_, endpoints::parse_endpoints(*text));
  return {};
}

Status RemoteEndpoints::save(Services& services, std::vector<Endpoint> changed) {
  ACCEL_CHECK(
      write_file_atomic(list_file(services), as_bytes(endpoints::print_endpoints(changed))));
  list_ = std::move(changed);
  if (multiplexer_) multiplexer_->set(*list_);
  return {};
}

Result<std::vector<Endpoint>> RemoteEndpoints::list(Services& services) {
  const std::scoped_lock lock(mutex_);
  ACCEL_CHECK(load(services));
  return *list_;
}

Status RemoteEndpoints::add(Services& services, Endpoint endpoint, bool replace) {
  const std::scoped_lock lock(mutex_);
  ACCEL_TRY(const FileLock held,  // Other processes change the list too.
            FileLock::acquire(services.home().root / ".endpoints.lock", FileLock::Mode::exclusive,
                              /*wait=*/true));
  ACCEL_CHECK(load(services));
  std::vector<Endpoint> changed = *list_;
  const auto known = std::ranges::find(changed, endpoint.name, &Endpoint::name);
  if (known != changed.end() && !replace) {
    return fail(Errc::already_exists,
                "There is an endpoint {} already, at {}; --replace takes its place.", known->name,
                known->url.to_string());
  }
  if (known != changed.end()) {
    *known = std::move(endpoint);
  } else if (changed.size() == endpoints::kMaxEndpoints) {
    return fail(Errc::resource_exhausted, "A home has {} endpoints at most.",
                endpoints::kMaxEndpoints);
  } else {
    changed.push_back(std::move(endpoint));
  }
  return save(services, std::move(changed));
}

Status RemoteEndpoints::remove(Services& services, const std::string& name) {
  const std::scoped_lock lock(mutex_);
  ACCEL_TRY(const FileLock held,  // Other processes change the list too.
            FileLock::acquire(services.home().root / ".endpoints.lock", FileLock::Mode::exclusive,
                              /*wait=*/true));
  ACCEL_CHECK(load(services));
  std::vector<Endpoint> changed = *list_;
  if (std::erase_if(changed, [&](const Endpoint& one) { return one.name == name; }) == 0)
    return fail(Errc::not_found, "There is no endpoint \"{}\".", name);
  return save(services, std::move(changed));
}

Result<endpoints::Multiplexer*> RemoteEndpoints::multiplexer(Services& services) {
  const std::scoped_lock lock(mutex_);
  ACCEL_CHECK(load(services));
  if (!multiplexer_) {
    io_ = std::make_unique<IoThread>(1, "endpoints");
    multiplexer_ = std::make_unique<endpoints::Multiplexer>(
        io_->executor(),
        endpoints::Multiplexer::Seams{services.clock(), system_random(), services.metrics()},
        options_of(services.config()));
    multiplexer_->set(*list_);
  }
  return multiplexer_.get();
}

}  // namespace accel::node
