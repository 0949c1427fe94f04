// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kubo's RPC (/api/v0) over the node's methods, so that its clients and scripts work here. Only on
// request (server.kubo_rpc); POST alone; over TCP each call carries a key. Used by ApiServer, which
// has checked Host, Origin and that the caller is known. Threads: handle() on the server's
// executor; it never blocks.

#include <filesystem>
#include <memory>
#include <stop_token>

#include "accel/core/async/offload.hpp"
#include "accel/core/async/task.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/net/http_server.hpp"
#include "accel/node/node.hpp"
#include "access.hpp"
#include "protocols/kubo_rpc.hpp"
#include "protocols/upload.hpp"

namespace accel::server {

class KuboRpcServer {
 public:
  static constexpr std::size_t kStreams = 16;  // Contents at a time; each holds a thread.
  static constexpr std::size_t kCalls = 8;
  static constexpr std::size_t kMaxQueued = 64;  // Of each; more are refused.

  // Uploads lie below `uploads` while they come.
  KuboRpcServer(node::Node& node, Executor executor, std::filesystem::path uploads);
  ~KuboRpcServer();

  static bool serves(std::string_view path) { return path.starts_with(kubo::kPrefix); }
  Task<net::HttpResponse> handle(net::HttpRequest request, std::stop_token stop, Visitor visitor);
  // Before the body of an upload is read. Errors: as Visitor::needs().
  static Status check_upload(const net::HttpRequest& head, const Visitor& visitor);
  // Bodies of uploads, up to `max_bytes`; this outlives the listener that gets them.
  net::StreamedBodies streamed_bodies(std::uint64_t max_bytes);
  // What Kubo refuses besides foreign Origins: a Referer of another page, and browsers that hide
  // both. Errors: permission_denied.
  static Status check_browser(const net::HttpRequest& head);

 private:
  struct Call {
    const kubo::Command* command = nullptr;
    kubo::Query query;
    node::Caller caller;
    std::stop_token stop;
  };
  Task<net::HttpResponse> dispatch(Call call, net::HttpRequest request);
  Task<net::HttpResponse> stream(Call call, MethodRequest method);
  Result<std::shared_ptr<Upload>> open_upload(const net::HttpRequest& head);
  Task<net::HttpResponse> upload(Call call, net::HttpRequest request);
  Task<std::string> run(Call call, MethodRequest method);
  Result<std::string> call_node(const Call& call, MethodRequest method, std::stop_token stop);

  node::Node& node_;
  std::filesystem::path uploads_;
  OffloadPool disk_{2, OffloadPool::kMaxQueuedJobs, "uploads"};
  OffloadPool streams_{kStreams, kMaxQueued, "rpc streams"};
  OffloadPool calls_{kCalls, kMaxQueued, "rpc"};
  Executor executor_;
  TaskGroup jobs_;  // Uses the pools.
};

}  // namespace accel::server
