// SPDX-License-Identifier: Apache-2.0
#pragma once
// A folder or file as a TAR archive while it is sent. Names and links that would lead out of it are
// refused; so is what is not UnixFS.

#include <set>

#include "piece_source.hpp"

namespace accel::gateway {

struct TarRules {
  std::uint64_t piece_bytes = 0;
  // Private content too, and bytes alone, no places of files.
  bool for_owner = false;
};

class TarSource final : public PieceSource {
 public:
  // Reads the first block, so that what can't be served is known before the answer begins.
  // Errors: not_found, corrupt, permission_denied (a name leads out of the folder), unsupported.
  static Result<std::unique_ptr<TarSource>> open(const blockstore::Store& store,
                                                 const ipld::Cid& root, std::string name,
                                                 TarRules rules);
  Result<Pieces> next() override;

 private:
  struct Child {
    std::string name;
    ipld::Cid cid;
  };
  struct Pending {
    std::string path;
    ipld::Cid cid;
    std::size_t depth = 0;
  };
  static constexpr std::size_t kMaxPending = 1U << 18U;
  static constexpr std::size_t kMaxDepth = 256;  // Folders in each other.

  TarSource(const blockstore::Store& store, TarRules rules) : store_(store), rules_(rules) {}
  Status check_shown(const ipld::Cid& cid) const;
  Result<std::vector<Child>> sharded_children(const ipld::Cid& cid) const;
  Status add(const Pending& entry);
  Status add_file(const Pending& entry, std::uint64_t size);
  Status add_link(const Pending& entry, const std::string& target);
  Status add_folder(const Pending& entry, ByteView block);
  Status read_more();
  bool is_behind_link(const std::string& path) const;

  const blockstore::Store& store_;
  TarRules rules_;
  std::vector<Pending> stack_;
  std::set<std::string> links_;  // Paths that links were given.
  Pieces pieces_;
  ipld::Cid reading_;          // The file whose bytes are being read,
  net::ByteRange left_{0, 0};  // and what of it is left.
  bool ended_ = false;
};

}  // namespace accel::gateway
