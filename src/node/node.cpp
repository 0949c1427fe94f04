// SPDX-License-Identifier: Apache-2.0
#include "accel/node/node.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "accel/core/file.hpp"
#include "accel/core/log.hpp"
#include "accel/node/home.hpp"
#include "accel/security/gate.hpp"
#include "access/caller_check.hpp"
#include "context.hpp"
#include "serving/family_run.hpp"
#include "serving/loaded_tensors.hpp"
#include "serving/serving.hpp"
#include "serving/warm_up.hpp"

namespace accel::node {
namespace {

struct Method {
  MethodInfo info;
  Handler handler;
};

constexpr std::array kMethods{
    Method{{"content.add", "Add a file or folder", Access::token}, content_add},
    Method{{"content.get", "Write a stored file or folder to disk", Access::token}, content_get},
    Method{{"content.cat", "Read a stored file", Access::token}, content_cat},
    Method{{"content.tar", "Give a stored file or folder as a TAR archive", Access::token},
           content_tar},
    Method{{"content.ls", "List a stored folder", Access::token}, content_ls},
    Method{{"content.pull", "Fetch a root from several sources, verified", Access::token},
           content_pull},
    Method{{"content.tensors", "Tell or write single tensors of a weights file", Access::token},
           content_tensors},
    Method{{"content.adopt", "Take in what other programs keep here, by reference", Access::token},
           content_adopt},
    Method{{"dag.import", "Store the blocks of archives (CAR)", Access::token}, dag_import},
    Method{{"dag.export", "Write what roots reach as an archive (CAR)", Access::token}, dag_export},
    Method{{"dag.stat", "Count the blocks that roots reach", Access::token}, dag_stat},
    Method{{"dag.get", "Show a node, or what a path in it leads to", Access::token}, dag_get},
    Method{{"dag.put", "Store a node in a codec", Access::token}, dag_put},
    Method{{"dag.diff", "Say what differs below two roots", Access::token}, dag_diff},
    Method{{"bitswap.stat", "What went to and came from peers", Access::token}, bitswap_stat},
    Method{{"network.analytics", "What was measured of peers and transfers", Access::token},
           network_analytics},
    Method{{"network.prefetch", "What peers want that is not here, and what of it is fetched",
            Access::token},
           network_prefetch},
    Method{{"network.topology", "The links of this node, as text and pictures", Access::token},
           network_topology},
    Method{{"replicate.add", "Bring copies of a root to other nodes", Access::token},
           replicate_add},
    Method{
        {"replicate.list", "List the copies that are wanted, and kept for others", Access::token},
        replicate_list},
    Method{{"replicate.remove", "Want no more copies of a root", Access::token}, replicate_remove},
    Method{{"node.id", "Who this node is to its peers", Access::token}, node_id},
    Method{{"swarm.connect", "Connect to a peer", Access::token}, swarm_connect},
    Method{{"swarm.disconnect", "Let go of a peer", Access::token}, swarm_disconnect},
    Method{{"swarm.peers", "List the connections to peers", Access::token}, swarm_peers},
    Method{{"swarm.make_key", "A new key for a private swarm", Access::token}, swarm_make_key},
    Method{{"swarm.perf", "Measure how fast bytes go to a peer and back", Access::token},
           swarm_perf},
    Method{{"swarm.ping", "Measure the way to a peer and back", Access::token}, swarm_ping},
    Method{{"block.get", "Read one block", Access::token}, block_get},
    Method{{"block.put", "Store one block", Access::token}, block_put},
    Method{{"block.stat", "Say how large a block is", Access::token}, block_stat},
    Method{{"pin.add", "Keep a root", Access::token}, pin_add},
    Method{{"pin.rm", "Let go of a root", Access::token}, pin_rm},
    Method{{"pin.ls", "List the kept roots", Access::token}, pin_ls},
    Method{{"pin.update", "Move a pin to another root", Access::token}, pin_update},
    Method{{"pin.verify", "Check that pins are whole", Access::token}, pin_verify},
    Method{{"store.gc", "Free what nothing keeps", Access::token}, store_gc},
    Method{{"store.du", "Say where the bytes are", Access::token}, store_du},
    Method{{"store.stat", "Say what sharing saves", Access::token}, store_stat},
    Method{{"store.repair", "Fetch again what is damaged or missing", Access::token}, store_repair},
    Method{{"store.verify", "Hash what is stored and compare", Access::token}, store_verify},
    Method{{"routing.put", "Keep a signed record of an IPNS name", Access::token}, routing_put},
    Method{{"routing.get", "Give the record that is kept of an IPNS name", Access::token},
           routing_get},
    Method{{"routing.findprovs", "Ask routers and the DHT who provides a CID", Access::token},
           routing_findprovs},
    Method{{"routing.findpeer", "Ask the DHT where a peer is", Access::token}, routing_findpeer},
    Method{{"routing.provide", "Tell the DHT that this node has a root", Access::token},
           routing_provide},
    Method{{"routing.dht", "What this node knows of the DHT", Access::token}, routing_dht},
    Method{{"name.resolve", "Say where an IPNS name or a domain leads", Access::token},
           name_resolve},
    Method{{"name.publish", "Say under a key's name what it leads to", Access::token},
           name_publish},
    Method{{"name.published", "List what is said under the own names", Access::token},
           name_published},
    Method{{"key.gen", "Make a key that signs a name", Access::token}, key_gen},
    Method{{"key.list", "List the keys", Access::token}, key_list},
    Method{{"key.rename", "Give a key another name", Access::token}, key_rename},
    Method{{"key.rm", "Delete keys for good", Access::token}, key_rm},
    Method{{"key.export", "Write a private key to a file", Access::token}, key_export},
    Method{{"key.import", "Take in a private key from a file", Access::token}, key_import},
    Method{{"models.families", "What can be run, and what it was tested with", Access::token},
           models_families},
    Method{{"models.list", "List named models", Access::token}, models_list},
    Method{{"models.publish", "Publish a model under a name of its own", Access::token},
           models_publish},
    Method{{"models.show", "Describe one model", Access::token}, models_show},
    Method{{"hardware.detect", "Probe the eight platforms", Access::token}, hardware_detect},
    Method{{"hardware.profile", "Measure the CPU briefly", Access::token}, hardware_profile},
    Method{{"history.query", "Read-only SQL over the records", Access::token}, history_query},
    Method{{"history.report", "The latest runs", Access::token}, history_report},
    Method{{"node.doctor", "Check the home", Access::token}, node_doctor},
    Method{{"api_keys.create", "Make an API key", Access::token}, api_keys_create},
    Method{{"api_keys.list", "List the API keys", Access::token}, api_keys_list},
    Method{{"api_keys.revoke", "Let an API key in no more", Access::token}, api_keys_revoke},
};

struct ServingMethod {
  MethodInfo info;
  ServingHandler handler;
};

constexpr std::array kServingMethods{
    ServingMethod{{"models.load", "Load a model before it is asked for", Access::token},
                  models_load},
    ServingMethod{{"endpoints.add", "Name a server that requests may go to", Access::token},
                  endpoints_add},
    ServingMethod{{"endpoints.list", "List those servers", Access::token}, endpoints_list},
    ServingMethod{{"endpoints.rm", "Forget one", Access::token}, endpoints_rm},
    ServingMethod{{"endpoints.test", "Ask one for its models", Access::token}, endpoints_test},
    ServingMethod{{"endpoints.stats", "What was measured of each", Access::token}, endpoints_stats},
    ServingMethod{{"models.loaded", "List what is in memory", Access::token}, models_loaded},
    ServingMethod{{"models.stats", "Say what model.infer did", Access::token}, models_stats},
    ServingMethod{{"models.unload", "Let go of a model in memory", Access::token}, models_unload},
    ServingMethod{{"model.signature", "Tell a model's input and output tensors", Access::token},
                  model_signature},
    ServingMethod{{"model.infer", "Run a model on tensors as they are", Access::token},
                  model_infer},
    ServingMethod{{"node.status", "What this node is and holds", Access::open}, node_status},
    ServingMethod{{"run", "Run a model on what measured best", Access::token}, run_model},
    ServingMethod{{"text.generate", "Write a text, piece by piece", Access::token}, text_generate},
};

constexpr auto kInfos = [] {
  std::array<MethodInfo, kMethods.size() + kServingMethods.size()> infos;
  for (std::size_t i = 0; i < kMethods.size(); ++i) infos[i] = kMethods[i].info;
  for (std::size_t i = 0; i < kServingMethods.size(); ++i)
    infos[kMethods.size() + i] = kServingMethods[i].info;
  return infos;
}();

// A home belongs to one daemon at a time; the kernel lets go of the lock when the process dies.
Result<FileLock> lock_home(const Home& home) {
  auto lock = FileLock::acquire(home.daemon_lock(), FileLock::Mode::exclusive, /*wait=*/false);
  if (lock || lock.error().code != Errc::unavailable) return lock;
  return fail(
      Error{Errc::unavailable,
            fmt::format("Another daemon runs on the home {}. Stop it first, or use another --home.",
                        home.root.string()),
            lock.error().message});
}

}  // namespace

class Node::Impl {
 public:
  Impl(Home home, const Config& config, std::optional<FileLock> lock,
       std::vector<std::string> swarm)
      : lock_(std::move(lock)),
        services_(std::move(home), config, lock_.has_value(), std::move(swarm)) {}

  Services& services() { return services_; }
  Serving& serving() { return serving_; }
  Result<nlohmann::json> run(std::size_t index, Context& context, const nlohmann::json& params);
  void warm_up();

 private:
  std::optional<FileLock> lock_;  // Held until everything below has come to rest.
  Services services_;
  Serving serving_{services_};  // Its leases are of the store.
  std::unique_ptr<WarmUp> warm_up_;
};

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::open(const NodeOptions& options, const Config& config) {
  ACCEL_TRY(Home home, Home::open(options.home));
  std::optional<FileLock> lock;
  if (options.is_daemon) {
    ACCEL_TRY(lock, lock_home(home));
  }
  auto impl = std::make_unique<Impl>(std::move(home), config, std::move(lock), options.swarm);
  if (impl->services().has_swarm()) {
    if (const auto host = impl->services().host(); !host) return fail(host.error());
  }
  impl->services().start_background();
  impl->warm_up();
  return std::unique_ptr<Node>(new Node(std::move(impl)));  // tidy: raw-new: private constructor
}

Result<nlohmann::json> Node::call(std::string_view method, const nlohmann::json& params,
                                  const EventSink& on_event, std::stop_token stop,
                                  const Caller& caller) {
  const MethodInfo* found = find_method(method);
  if (found == nullptr) return fail(Errc::not_found, "No method \"{}\".", method);
  const Status allowed = check_caller(caller, method, params);
  if (!allowed) {
    impl_->services().audit().note_refusal(caller, method, allowed.error());
    return fail(Error(allowed.error()));
  }
  CountedEvents events(on_event, caller);
  Params reader(method, params);
  Context context{impl_->services(), reader, events.sink(), std::move(stop), caller};
  log::debug("node", "call", {log::field("method", method)});
  const auto index = static_cast<std::size_t>(found - kInfos.data());
  Result<nlohmann::json> result = impl_->run(index, context, params);
  impl_->services().audit().note(caller, method, params, result);
  if (caller.key) {
    if (result) keep_own_models(caller, method, *result);
    caller.spend(tokens_of(method, result, events.count()));
  }
  return result;
}

Result<nlohmann::json> Node::Impl::run(std::size_t index, Context& context,
                                       const nlohmann::json& params) {
  const std::string_view method = kInfos.at(index).name;
  try {
    if (index < kMethods.size()) return kMethods.at(index).handler(context);
    ServingContext call{context, serving_, params};
    return kServingMethods.at(index - kMethods.size()).handler(call);
  } catch (const std::exception& exception) {
    // JSON and the standard library throw on our own bugs and on exhausted memory; a call must not
    // end the process.
    return fail(Error{Errc::internal,
                      fmt::format("{} failed unexpectedly; please report it.", method),
                      exception.what()});
  }
}

void Node::Impl::warm_up() {
  const auto models = services_.config().get<ConfigList>("models.warm_up");
  if (!services_.is_daemon() || models.empty()) return;
  const auto load = [this](const std::string& model, std::stop_token stop) -> Status {
    const nlohmann::json params{{"model", model}};
    Params reader("models.load", params);
    const EventSink nobody;
    const Caller self(Caller::process);
    Context context{services_, reader, nobody, std::move(stop), self};
    const auto index = static_cast<std::size_t>(find_method("models.load") - kInfos.data());
    ACCEL_TRY(const nlohmann::json loaded, run(index, context, params));
    return {};
  };
  warm_up_ = std::make_unique<WarmUp>(models, load);
}

bool Node::expects_brief(std::string_view method, const nlohmann::json& params) const {
  return method == "model.infer" && infers_briefly(impl_->serving(), params);
}

std::span<const MethodInfo> Node::methods() { return kInfos; }

const MethodInfo* Node::find_method(std::string_view name) {
  const auto* const found = std::ranges::find(kInfos, name, &MethodInfo::name);
  return found == kInfos.end() ? nullptr : found;
}

std::string Node::metrics_text() const {
  impl_->services().refresh_metrics();
  return impl_->services().metrics().prometheus_text();
}

void Node::announce_gateways(const std::vector<std::string>& urls) {
  impl_->services().announce_gateways(urls);
}

Result<gateway::Gateway*> Node::gateway() { return impl_->services().gateway(); }

security::Gate& Node::gate() { return impl_->services().gate(); }

const std::filesystem::path& Node::home() const { return impl_->services().home().root; }

}  // namespace accel::node
