// SPDX-License-Identifier: Apache-2.0
// dashboard: the way to the page that a daemon serves.
#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/json.hpp"
#include "accel/net/http_client.hpp"
#include "api_lines.hpp"
#include "command.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

// Where the daemon's API listens on TCP; empty when it does not.
Result<std::string> api_of(Session& session) {
  ACCEL_TRY(net::Url url, net::unix_url(session.home().api_socket().string(), "/version"));
  IoThread io(1, "client");
  net::HttpClient client(io.executor(), {});
  net::HttpCall call;
  call.stop = session.stop();
  auto request = client.request(std::move(url), std::move(call));
  ACCEL_TRY(const net::HttpReply reply,
            sync_wait(io.executor(), std::move(request), session.stop()));
  if (!reply.ok()) return fail(net::reply_error(reply));
  ACCEL_TRY(const json facts, parse_bounded_json(reply.body, "The daemon's answer"));
  const auto api = facts.find("api");
  return api != facts.end() && api->is_string() ? api->get<std::string>() : std::string();
}

// The token stands behind the '#', which browsers keep to themselves: no server, log or Referer
// sees it. The page takes it out of the address at once.
Status show_link(Session& session) {
  if (!session.flags().api.empty()) {
    return fail(Errc::unsupported,
                "The link holds the token of a home on this machine, and --api names a node "
                "elsewhere: open {} and sign in with your key.",
                page_url(session.flags().api));
  }
  const std::string home = session.home().root.string();
  if (!session.has_daemon()) {
    return fail(Errc::unavailable,
                "No daemon runs on {}; start one with `ipfs-accelerate daemon --api "
                "127.0.0.1:5080`.",
                home);
  }
  ACCEL_TRY(const std::string api, api_of(session));
  if (api.empty()) {
    return fail(Errc::unavailable,
                "The daemon of {} has no API on TCP, where the page would be; start it with --api "
                "127.0.0.1:5080, or set listen.api.",
                home);
  }
  ACCEL_TRY(const std::string token, session.home().token());
  const std::string page = page_url(api);
  const std::string link = page + "#token=" + token;
  if (session.flags().json) return print_json(json{{"page", page}, {"link", link}});
  ACCEL_CHECK(print_line(link));
  print_note("open it in a browser on this machine; whoever has this link can use the node");
  return {};
}

}  // namespace

void add_dashboard_command(CLI::App& app, Selection& selection) {
  CLI::App* command = add_command(
      app, "dashboard", "Print a link to the page of the running daemon that signs a browser in",
      "  ipfs-accelerate dashboard\n"
      "  ipfs-accelerate --home /var/lib/ipfs-accelerate dashboard --json");
  on_chosen(command, selection, &show_link);
}

}  // namespace accel::cli
