// SPDX-License-Identifier: Apache-2.0
#pragma once
// The schema's steps, embedded from migrations/NNNN_name.{up,down}.sql at build time.

#include <string_view>
#include <vector>

namespace accel::db::detail {

struct Migration {
  int version;
  std::string_view name;
  std::string_view up;
  std::string_view down;
};

// In ascending order of version, from 1, without gaps. The table is generated.
const std::vector<Migration>& migrations();

}  // namespace accel::db::detail
