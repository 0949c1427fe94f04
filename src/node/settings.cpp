// SPDX-License-Identifier: Apache-2.0
#include "accel/node/settings.hpp"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "accel/core/file.hpp"
#include "accel/core/log.hpp"
#include "accel/crypto/sha256.hpp"
#include "accel/hub/hugging_face.hpp"
#include "accel/hub/ollama.hpp"
#include "accel/inference/llama.hpp"
#include "audit.hpp"
#include "serving/keep_alive.hpp"
#include "setting_checks.hpp"

namespace accel::node {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kProjectFileBytes = 1U << 20U;
constexpr const char* kProjectFileName = "ipfs_accelerate.json";

ConfigKey key(std::string name, ConfigValue value, std::string doc) {
  return ConfigKey{
      .name = std::move(name), .default_value = std::move(value), .doc = std::move(doc)};
}

ConfigKey choice(std::string name, std::string value, std::string doc,
                 std::vector<std::string> choices) {
  ConfigKey made = key(std::move(name), std::move(value), std::move(doc));
  made.choices = std::move(choices);
  return made;
}

ConfigKey checked(ConfigKey made, Status (*check)(const ConfigValue&)) {
  made.check = check;
  return made;
}

ConfigKey at_least(ConfigKey made, double minimum) {
  made.minimum = minimum;
  return made;
}

// A number of bytes, 0 or more.
ConfigKey bytes(std::string name, std::int64_t value, std::string doc) {
  ConfigKey made = at_least(key(std::move(name), value, std::move(doc)), 0);
  made.is_bytes = true;
  return made;
}

void add_endpoint_keys(ConfigRegistry& registry) {
  registry.add(choice("endpoints.policy", "local",
                      "What may leave this machine for endpoints: local (nothing: endpoints on "
                      "this machine alone), prefer-local (requests for models that are not here), "
                      "any (also for models that have no place here)",
                      {"local", "prefer-local", "any"}));
  registry.add(choice("endpoints.prefer", "latency",
                      "Among endpoints that serve a model: the quicker one, or the cheaper",
                      {"latency", "cost"}));
  registry.add(key("endpoints.hedge", false,
                   "Ask a second endpoint when the first is later than 95 of 100 times before"));
  ConfigKey attempts = at_least(
      key("endpoints.attempts", std::int64_t{3}, "How often a request is tried, all endpoints"), 1);
  attempts.maximum = 10;
  registry.add(std::move(attempts));
  registry.add(at_least(key("endpoints.timeout", milliseconds(std::chrono::minutes(10)),
                            "How long an endpoint's answer may take, all attempts together"),
                        100));
  registry.add(key("endpoints.ca_file", std::string(),
                   "Certificates (PEM) that are trusted beside the system's"));
}

void add_content_keys(ConfigRegistry& registry) {
  registry.add(checked(
      key("ipfs.gateway", ConfigList{}, "Gateways that `pull` asks when no --from is given"),
      check_urls));
  registry.add(
      checked(key("routing.delegated", ConfigList{},
                  "Delegated routers that `pull` asks for gateways when no source is given"),
              check_urls));
  registry.add(checked(key("routing.publishers", ConfigList{},
                           "Delegated routers that published names go to; empty: those of "
                           "routing.delegated"),
                       check_urls));
  registry.add(at_least(key("names.republish_interval", milliseconds(std::chrono::hours(4)),
                            "How often a daemon signs its published names anew; 0: never"),
                        0));
  registry.add(at_least(key("ipfs.timeout", milliseconds(10'000),
                            "How long a source may send nothing before another is asked"),
                        100));
  registry.add(bytes("ipfs.max_download_rate", 0,
                     "Bytes a second that all pulls may take together, what is needed now before "
                     "what is not; 0: no limit"));
  registry.add(bytes("swarm.max_upload_rate", 0,
                     "Bytes a second that bitswap sends to all peers together; 0: no limit"));
  registry.add(at_least(
      key("performance.parallel_requests", std::int64_t{32}, "Requests in flight to one source"),
      1));
  registry.add(bytes("performance.cache_size", std::int64_t{16} << 20U,
                     "Bytes of memory for small blocks above the disk; 0: none"));
  registry.add(bytes("store.max_bytes", 0,
                     "Most that the store may hold: what no pin keeps goes first, longest unused "
                     "first; 0: no limit"));
  registry.add(at_least(key("store.scrub_interval", milliseconds(std::chrono::hours(24 * 7)),
                            "How often a daemon hashes all that it stores; 0: never"),
                        0));
  registry.add(at_least(bytes("store.scrub_rate", std::int64_t{32} << 20U,
                              "Bytes per second that this reads at most"),
                        1));
}

void add_listen_keys(ConfigRegistry& registry) {
  registry.add(checked(key("listen.api", std::string(),
                           "Where `daemon` serves the API on TCP; empty: only the home's socket"),
                       check_endpoint));
  registry.add(
      key("api.tls_certificate", std::string(),
          "PEM file: listen.api and listen.grpc speak TLS alone, with this certificate and "
          "its chain; empty: no TLS"));
  registry.add(key("api.tls_key", std::string(), "PEM file with its private key"));
  registry.add(key("api.client_ca", std::string(),
                   "PEM file of who vouches for clients: without a certificate of theirs none is "
                   "let in, and a key is needed besides; empty: clients need none"));
  registry.add(checked(key("api.hosts", ConfigList{},
                           "Names and addresses, without port, that the API answers to besides "
                           "those of this machine itself"),
                       check_hosts));
  registry.add(checked(key("listen.grpc", std::string(),
                           "Where `daemon` serves the API once more, for clients of gRPC; empty: "
                           "on listen.api alone"),
                       check_endpoint));
  registry.add(key("server.kubo_rpc", false,
                   "Serve Kubo's RPC (/api/v0) on listen.api and the home's socket, with a key"));
  registry.add(at_least(bytes("server.kubo_rpc_upload", std::int64_t{64} << 30U,
                              "Bytes that one upload over it may have"),
                        1));
  registry.add(at_least(key("server.max_request_time", milliseconds(0),
                            "How long a request that runs a model may take, its waits included; it "
                            "can ask for less; 0: no limit"),
                        0));
  registry.add(checked(
      key("listen.gateway", std::string(), "Where `daemon` serves public content; empty: nowhere"),
      check_endpoint));
  registry.add(
      checked(key("listen.swarm", ConfigList{},
                  "Where `daemon` meets peers, as /ip4/127.0.0.1/tcp/4001, with /ws behind it for "
                  "WebSocket; empty: it has none"),
              check_addresses));
  registry.add(checked(key("swarm.allow", ConfigList{}, "The only peers to speak with; empty: all"),
                       check_peers));
  registry.add(
      checked(key("swarm.deny", ConfigList{}, "Peers that are never spoken with"), check_peers));
  registry.add(key("swarm.bootstrap", ConfigList{},
                   "Addresses of peers, /…/p2p/ID, by which a daemon meets the others"));
  registry.add(
      key("swarm.peering", ConfigList{}, "Addresses of peers that a daemon stays connected to"));
  registry.add(at_least(key("swarm.max_connections", std::int64_t{256},
                            "Connections to peers at a time, of both directions"),
                        1));
  registry.add(key("swarm.perf", false, "Whether peers may measure the way to this node"));
  registry.add(
      key("swarm.psk", std::string(),
          "File with the key of a private swarm, as Kubo's swarm.key; empty: open to all"));
  registry.add(
      checked(key("listen.gateway_tls", std::string(),
                  "The same with TLS and HTTP/2, as IPFS nodes ask for it; empty: nowhere"),
              check_endpoint));
  registry.add(key("gateway.tls_certificate", std::string(),
                   "PEM file of listen.gateway_tls; empty: one made for this home, for localhost"));
  registry.add(key("gateway.tls_key", std::string(), "PEM file with its private key"));
}

void add_routing_keys(ConfigRegistry& registry) {
  registry.add(choice("discovery.mdns", "lan",
                      "Look for peers of the network by multicast DNS when listen.swarm is on one; "
                      "loopback: of this machine as well",
                      {"off", "lan", "loopback"}));
  registry.add(choice("routing.dht", "lan",
                      "The DHT of a daemon with a swarm: lan serves and asks private addresses, "
                      "auto also asks the public one",
                      {"off", "lan", "auto"}));
  registry.add(key("routing.loopback_addresses", false,
                   "Addresses of this machine itself count in the DHT of the LAN; they do when "
                   "listen.swarm has no others"));
  registry.add(at_least(key("routing.provide_interval", milliseconds(std::chrono::hours(22)),
                            "How often the DHT is told of each pinned root, private ones never; "
                            "0: never"),
                        0));
}

void add_replication_keys(ConfigRegistry& registry) {
  registry.add(checked(key("replication.accept", ConfigList{},
                           "Peers for whom a daemon keeps copies; any: all of them; empty: nobody"),
                       check_peers_or_any));
  registry.add(bytes("replication.max_bytes", std::int64_t{10} << 30U,
                     "Most that copies for others may take, all together"));
  registry.add(at_least(key("replication.lease", milliseconds(std::chrono::hours(24)),
                            "How long a copy is asked for, and kept at most, unless asked again"),
                        1000));
  registry.add(at_least(key("replication.check_interval", milliseconds(60'000),
                            "How often a daemon checks the copies that it wants at others"),
                        1000));
}

void add_prefetch_keys(ConfigRegistry& registry) {
  registry.add(checked(key("prefetch.for", ConfigList{},
                           "Peers for whose wants a daemon fetches beforehand what it lacks; any: "
                           "all of them; empty: nobody"),
                       check_peers_or_any));
  registry.add(bytes("prefetch.max_bytes", std::int64_t{1} << 30U,
                     "Most that what was fetched beforehand may take, all together"));
  registry.add(at_least(key("prefetch.min_peers", std::int64_t{2},
                            "How many of these peers must have wanted it within the last hour"),
                        1));
  registry.add(at_least(
      key("prefetch.interval", milliseconds(60'000), "How often a daemon looks at what is wanted"),
      100));
}

void add_gateway_keys(ConfigRegistry& registry) {
  registry.add(
      checked(key("gateway.hosts", ConfigList{"localhost=subdomain"},
                  "Names the gateway is known by: NAME=subdomain gives each root an origin of "
                  "its own, NAME=path does not"),
              check_known_hosts));
  registry.add(checked(key("gateway.dnslink", ConfigList{},
                           "Sites by their domain, DOMAIN:/ipfs/CID or DOMAIN:/ipns/NAME"),
                       check_dnslinks));
  registry.add(choice("gateway.routing", "read",
                      "Answer who has what at /routing/v1: read; write also keeps IPNS records "
                      "that anybody signs",
                      {"off", "read", "write"}));
  registry.add(checked(key("gateway.announce", ConfigList{},
                           "URLs under which others reach this gateway; empty: its listeners' own"),
                       check_urls));
  registry.add(key("gateway.libp2p", false,
                   "Serve blocks and CARs to peers of the swarm over /http/1.1 streams, too"));
  registry.add(key("gateway.dns_lookup", false,
                   "Ask DNS for the DNSLinks of domains that gateway.dnslink does not name"));
  registry.add(at_least(
      key("gateway.max_requests_per_client", std::int64_t{128},
          "Gateway requests at a time from one address, loopback not counted; 0: no limit"),
      0));
}

void add_memory_keys(ConfigRegistry& registry) {
  registry.add(bytes("models.memory_budget", 0,
                     "Bytes of memory that a daemon's models may take together; 0: three quarters "
                     "of what it may use"));
  registry.add(checked(key("models.keep_alive", std::string("5m"),
                           "How long a model stays in memory after its last use; 0: not at all, "
                           "-1: as long as the daemon lives"),
                       check_keep_alive));
  registry.add(key("models.pinned", ConfigList{},
                   "Models that stay in memory once they are loaded, by name or CID"));
  registry.add(key("models.warm_up", ConfigList{},
                   "Models that a daemon loads when it starts, by name or CID"));
  registry.add(at_least(key("models.max_wait", milliseconds(5000),
                            "How long a request waits for room in memory; then 429"),
                        0));
  registry.add(
      bytes("models.output_cache", std::int64_t{32} << 20U,
            "Bytes that a daemon may take to keep outputs of runs by their inputs, so that "
            "the same is not computed twice for an API key, or the owner; 0: none"));
  registry.add(at_least(key("models.instances", std::int64_t{1},
                            "Times that a model may be loaded, when all before are busy and there "
                            "is room"),
                        1));
}

void add_text_keys(ConfigRegistry& registry) {
  registry.add(at_least(key("text.context", std::int64_t{8192},
                            "Tokens of all texts that a model writes at a time, prompts included"),
                        2));
  ConfigKey most = key("text.draft_max", std::int64_t{8},
                       "Tokens that are guessed at a time, where text.draft_model guesses");
  most.maximum = static_cast<double>(inference::kMostDrafts);
  registry.add(at_least(std::move(most), 1));
  registry.add(key("text.draft_model", std::string(),
                   "Who guesses the next tokens of a text, for the model to check several at once: "
                   "a smaller model of the same vocabulary, prompt-lookup (the text so far), or "
                   "nobody"));
  registry.add(choice("text.kv_cache", "f16",
                      "How a text's context is kept: q8_0 and q4_0 take 53 % and 28 % of the "
                      "memory (scales included), and are less exact",
                      {"f16", "q8_0", "q4_0"}));
  registry.add(at_least(
      key("text.parallel", std::int64_t{4}, "Texts that a daemon's model writes at a time"), 1));
  registry.add(
      key("text.prefix_cache", true,
          "Texts stay in a model's context, for prompts of the same API key, or of the owner, that "
          "begin alike"));
  registry.add(at_least(
      key("text.queue", std::int64_t{64}, "Texts that may wait for a daemon's model; then 429"),
      0));
  registry.add(
      key("text.spinning", false,
          "Threads of llama.cpp wait busily: quicker on idle CPUs, harmful on shared ones"));
}

void add_s3_keys(ConfigRegistry& registry) {
  registry.add(key("models.s3_access_key_id", std::string(),
                   "The key that `pull s3:…` signs with, and its secret below; without both "
                   "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY count; without those nothing is "
                   "signed"));
  registry.add(checked(key("models.s3_endpoint", std::string(),
                           "Where `pull s3:…` finds buckets, as parts of the path; without it "
                           "AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL count; empty: Amazon"),
                       check_url_or_none));
  registry.add(key("models.s3_region", std::string(),
                   "The region of the buckets; without it AWS_REGION and AWS_DEFAULT_REGION count, "
                   "then us-east-1"));
  registry.add(key("models.s3_secret_access_key", std::string(),
                   "The secret of models.s3_access_key_id. Lists never show it"));
  registry.add(key("models.s3_session_token", std::string(),
                   "The token of keys that were lent; without models.s3_access_key_id "
                   "AWS_SESSION_TOKEN counts. Lists never show it"));
}

void add_hardware_keys(ConfigRegistry& registry) {
  registry.add(key("hardware.prefer_cuda", false, "Consider only CUDA devices when there is one"));
  for (const char* platform : {"openvino", "rocm", "mps", "qualcomm"}) {
    registry.add(key(fmt::format("hardware.allow_{}", platform), true,
                     fmt::format("Consider {} devices and engines", platform)));
  }
  registry.add(choice("hardware.precision", "auto",
                      "Precision of a run that names none; auto: the model's own",
                      {"auto", "f32", "bf16", "f16", "int8dyn"}));
  registry.add(at_least(
      key("cpu.num_threads", std::int64_t{0}, "Threads of a run that names none; 0: measured"), 0));
  registry.add(at_least(
      key("selection.budget", milliseconds(4500), "Time that measuring candidates may take"), 100));
  registry.add(
      at_least(key("selection.max_error", 0.0,
                   "Largest difference of vectors that auto may accept; 0: keep the precision"),
               0));
  add_memory_keys(registry);
  registry.add(at_least(
      key("batching.max_rows", std::int64_t{32}, "Rows that a daemon runs together; 1: no batches"),
      1));
  registry.add(at_least(key("batching.max_tokens", std::int64_t{8192},
                            "Tokens that a daemon runs together, padding included"),
                        1));
  registry.add(at_least(key("batching.max_delay", milliseconds(2),
                            "That a request may wait for others, while as many as before are due"),
                        0));
  registry.add(at_least(
      key("batching.queue", std::int64_t{1024}, "Rows that may wait for a model; then 429"), 2));
  add_text_keys(registry);
  registry.add(key("models.pull_absent", true,
                   "Whether a model that is named by its CID and not here is pulled to be run"));
  registry.add(checked(key("models.hf_endpoint", std::string(hub::kHuggingFaceEndpoint),
                           "The hub that `pull hf:…` asks; without it HF_ENDPOINT counts"),
                       check_url));
  registry.add(key("models.hf_token", std::string(),
                   "The hub's access token; without it HF_TOKEN counts. Lists never show it"));
  registry.add(checked(key("models.ollama_registry", std::string(hub::kOllamaRegistry),
                           "The registry that `pull ollama:…` asks"),
                       check_url));
  add_s3_keys(registry);
}

void add_log_keys(ConfigRegistry& registry) {
  registry.add(choice("logging.level", "warn", "Least level that is written",
                      {"trace", "debug", "info", "warn", "error", "off"}));
  registry.add(choice("logging.format", "text", "One line per event, for people or for machines",
                      {"text", "json"}));
  registry.add(key("logging.file", std::string(), "Where logs go; empty: standard error"));
}

void add_telemetry_keys(ConfigRegistry& registry) {
  registry.add(
      checked(key("telemetry.otlp_endpoint", std::string(),
                  "Where a daemon sends traces (OTLP over HTTP with JSON; /v1/traces is added); "
                  "without it OTEL_EXPORTER_OTLP_ENDPOINT counts; empty: nowhere"),
              check_url_or_none));
  ConfigKey ratio = at_least(
      key("telemetry.sample_ratio", 1.0,
          "Share of the traces that begin here to be recorded; others go by their sender's word"),
      0);
  ratio.maximum = 1;
  registry.add(std::move(ratio));
}

// Names that users of this field know and that nothing here reads yet: refused, never ignored.
void add_unsupported_keys(ConfigRegistry& registry) {
  const std::pair<const char*, const char*> unsupported[] = {
      {"ipfs.fallback_gateways", "all gateways of ipfs.gateway are asked at once"},
      {"ipfs.local_node", "this is a node itself: listen.swarm"},
      {"ipfs.api_key", "gateways with keys come later"},
      {"ipfs.retry_count", "a failed leaf goes to another source until none is left"},
      {"hardware.max_memory", "memory is given to models: models.memory_budget"},
      {"hardware.mixed_precision", "name the precision instead: hardware.precision"},
      {"models.kept_sessions", "what is loaded is weighed, not counted: models.memory_budget"},
      {"models.max_length", "the model's own limit is used"},
  };
  for (const auto& [name, reason] : unsupported) {
    ConfigKey refused = key(name, std::string(), "Not supported yet");
    refused.unsupported = reason;
    registry.add(std::move(refused));
  }
}

ConfigRegistry make_registry() {
  ConfigRegistry registry;
  add_content_keys(registry);
  add_endpoint_keys(registry);
  add_listen_keys(registry);
  add_routing_keys(registry);
  add_gateway_keys(registry);
  add_replication_keys(registry);
  add_prefetch_keys(registry);
  add_hardware_keys(registry);
  add_log_keys(registry);
  add_telemetry_keys(registry);
  add_unsupported_keys(registry);
  registry.reserve_environment("IPFS_ACCELERATE_HOME");
  registry.reserve_environment("IPFS_ACCELERATE_API_KEY");
  return registry;
}

std::filesystem::path trust_file(const Home& home) { return home.root / "trusted_projects.json"; }

nlohmann::json read_trusted(const Home& home) {
  const auto text = read_text_file(trust_file(home), kProjectFileBytes);
  nlohmann::json trusted =
      text ? nlohmann::json::parse(*text, nullptr, false) : nlohmann::json::object();
  return trusted.is_object() ? trusted : nlohmann::json::object();
}

Result<std::string> hash_of(const std::filesystem::path& file) {
  ACCEL_TRY(const Bytes bytes, read_file(file, kProjectFileBytes));
  return to_hex(crypto::sha256(bytes));
}

// The project file of the working folder if it may count.
std::filesystem::path trusted_project_file(const Home& home) {
  std::error_code ignored;
  const std::filesystem::path file = std::filesystem::current_path(ignored) / kProjectFileName;
  if (ignored || ::access(file.c_str(), R_OK) != 0) return {};
  const auto hash = hash_of(file);
  const nlohmann::json trusted = read_trusted(home);
  const auto found = trusted.find(file.string());
  if (hash && found != trusted.end() && found->is_string() && found->get<std::string>() == *hash)
    return file;
  log::warn("node", "a project file is not trusted and does not count; see `config trust`",
            {log::field("file", file.string())});
  return {};
}

}  // namespace

const ConfigRegistry& settings_registry() {
  static const ConfigRegistry registry = make_registry();
  return registry;
}

Result<Config> load_settings(const SettingsRequest& request) {
  ConfigSources sources;
  sources.command_line = request.command_line;
  sources.environment = process_environment();
  sources.home_file = request.home.config_file();
  sources.project_file =
      request.project_file.empty() ? trusted_project_file(request.home) : request.project_file;
  if (!request.project_file.empty() && ::access(request.project_file.c_str(), F_OK) != 0) {
    return fail(Errc::not_found, "There is no configuration file {}.",
                request.project_file.string());
  }
  return Config::load(settings_registry(), sources);
}

namespace {

void note(const Home& home, std::string_view method, nlohmann::json params, const Status& done) {
  const Result<nlohmann::json> outcome = done ? Result<nlohmann::json>(nlohmann::json::object())
                                              : Result<nlohmann::json>(fail(Error(done.error())));
  Audit(home, system_clock()).note(Caller::process, method, params, outcome);
}

Status set_checked(const Home& home, std::string_view key, const std::string& value) {
  const ConfigKey* known = settings_registry().find(key);
  if (known != nullptr) ACCEL_CHECK(check_before_setting(*known, value));
  return set_config_value(settings_registry(), home.config_file(), key, value);
}

Status trust(const Home& home, const std::filesystem::path& file) {
  ACCEL_TRY(const std::string hash, hash_of(file));
  ConfigSources sources;
  sources.project_file = file;
  ACCEL_TRY(const Config checked, Config::load(settings_registry(), sources));
  nlohmann::json trusted = read_trusted(home);
  trusted[file.string()] = hash;
  return write_file_atomic(trust_file(home), as_bytes(trusted.dump(2) + "\n"));
}

}  // namespace

Status set_setting(const Home& home, std::string_view key, const std::string& value) {
  const Status done = set_checked(home, key, value);
  note(home, "config.set", {{"key", key}}, done);
  return done;
}

Status unset_setting(const Home& home, std::string_view key) {
  const Status done = unset_config_value(home.config_file(), key);
  note(home, "config.unset", {{"key", key}}, done);
  return done;
}

Status trust_project_file(const Home& home, const std::filesystem::path& file) {
  const Status done = trust(home, file);
  note(home, "config.trust", {{"file", file.string()}}, done);
  return done;
}

}  // namespace accel::node
