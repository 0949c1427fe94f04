// SPDX-License-Identifier: Apache-2.0
#pragma once
// The shell of Kademlia: streams and timers around RoutingTable, Query and the stores. kad.cpp has
// the table's upkeep, kad_client.cpp the operations, kad_server.cpp what others ask. Private to
// libp2p.

#include <deque>
#include <map>
#include <memory>
#include <set>

#include "accel/core/async/task_group.hpp"
#include "accel/libp2p/kad.hpp"
#include "address_filter.hpp"
#include "kad/provider_store.hpp"
#include "kad/query.hpp"
#include "kad/request_budget.hpp"
#include "kad/requester.hpp"
#include "kad/routing_table.hpp"
#include "kad/value_store.hpp"
#include "signal.hpp"

namespace accel::libp2p {

class Kad::Impl : public std::enable_shared_from_this<Kad::Impl> {
 public:
  Impl(Executor executor, Host& host, const Clock& clock, Metrics& metrics, KadOptions options);

  // kad.cpp
  void attach();
  KadStat stat() const;
  Task<void> shutdown();

  // kad_client.cpp
  using Self = std::shared_ptr<Impl>;
  Task<KadPeer> find_peer(Self self, PeerId peer);
  Task<std::size_t> find_providers(Self self, Bytes key, std::size_t count, OnProvider on_provider);
  Task<KadReport> provide(Self self, Bytes key);
  Task<KadReport> put_value(Self self, Bytes key, Bytes value);
  Task<std::optional<Bytes>> get_value(Self self, Bytes key);
  Task<void> refresh(Self self);

 private:
  struct Counters {
    Counter& asked;
    Counter& unanswered;
    Counter& served;
    Counter& bad_messages;
    Counter& refused;
    Counter& delayed;
  };
  static Counters counters(Metrics& metrics, KadNetwork network);

  // kad.cpp
  Task<void> look_after(Self self);
  void greet(const PeerId& peer, const std::vector<std::string>& protocols);
  void greet_connected();
  void line_up(const PeerId& peer);
  Task<void> check(Self self);
  Task<void> doubt(Self self, PeerId suspect, KadPeer newcomer);
  void has_answered(KadPeer peer);
  void has_failed(const PeerId& peer, const Error& error);
  void act_on(const kad::Offered& offered, const KadPeer& newcomer);
  bool is_of_network(const PeerId& peer) const;
  std::string group_of(const PeerId& peer) const;
  kad::Message question(kad::MessageType type, Bytes key) const;
  std::vector<Multiaddr> own_addresses() const;

  // kad_client.cpp
  // Owners: the operation and the requests that it has under way; these may outlive it.
  struct Walk;
  using WalkPtr = std::shared_ptr<Walk>;
  struct Round;
  using RoundPtr = std::shared_ptr<Round>;
  WalkPtr begin_walk(kad::MessageType type, const Bytes& key);
  Task<void> walk(WalkPtr walk);
  Task<void> walk_in_time(WalkPtr walk);
  Task<void> ask_one(Self self, WalkPtr walk, KadPeer peer);
  std::vector<KadPeer> useful_of(const std::vector<KadPeer>& told, const PeerId& from) const;
  Task<KadReport> closest(WalkPtr walk, std::vector<KadPeer>& into);
  Task<std::size_t> send_to_all(Self self, std::vector<KadPeer> peers, kad::Message message);
  Task<void> send_one(Self self, RoundPtr round, KadPeer peer, kad::Message message);
  Bytes random_key_in_bucket(std::size_t bits) const;

  // kad_server.cpp
  struct Guest;  // A stream towards us.
  Status admit(const Guest& guest);
  void end_longest(const Guest& newcomer, bool of_origin);
  Task<void> serve(Self self, std::unique_ptr<Stream> stream);
  Result<std::optional<kad::Message>> answer(const PeerId& from, kad::Message request);
  Result<std::optional<kad::Message>> answer_find_node(const PeerId& from, kad::Message request);
  Result<std::optional<kad::Message>> answer_get_providers(const PeerId& from,
                                                           kad::Message request);
  Result<std::optional<kad::Message>> take_provider(const PeerId& from, kad::Message request);
  Result<std::optional<kad::Message>> take_value(const PeerId& from, kad::Message request);
  Result<std::optional<kad::Message>> answer_get_value(const PeerId& from, kad::Message request);
  std::vector<Multiaddr> told_to(const PeerId& from, const std::vector<Multiaddr>& addresses) const;
  std::vector<KadPeer> closer_to(const Bytes& key, const PeerId& from) const;

  Executor executor_;
  Host& host_;
  const Clock& clock_;
  KadOptions options_;
  std::string protocol_;
  AddressRules rules_;
  Counters count_;
  kad::RoutingTable table_;
  kad::ProviderStore providers_;
  kad::ValueStore values_;
  kad::Requester requester_;
  kad::RequestBudget requests_;  // Towards us.
  std::vector<Guest*> guests_;   // Each puts itself in and out.
  std::set<PeerId> odd_;         // Failed once, and are asked again.
  std::size_t checks_ = 0;
  std::deque<PeerId> waiting_;                   // To be checked.
  std::set<PeerId> newcomers_;                   // These, and those that are being checked.
  std::map<std::size_t, SteadyTime> looked_up_;  // When a bucket was refreshed.
  Signal wake_;                                  // The upkeep has something to do.
  bool refresh_soon_ = false;
  bool over_ = false;
  TaskGroup tasks_;
};

}  // namespace accel::libp2p
