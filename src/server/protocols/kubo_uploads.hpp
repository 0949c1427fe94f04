// SPDX-License-Identifier: Apache-2.0
#pragma once
// What becomes of the files of an upload: add, block/put, dag/put, dag/import. Blocks; used by
// KuboRpcServer on a pool.

#include <functional>

#include "protocols/kubo_rpc.hpp"
#include "protocols/upload.hpp"

namespace accel::server::kubo {

using NodeCall =
    std::function<Result<nlohmann::json>(std::string_view method, const nlohmann::json& params)>;

// The answer's body. Errors: invalid_argument (no file came, the body ended too soon), those of the
// node's methods.
Result<std::string> take_upload(const Command& command, const Query& query, Upload& upload,
                                const NodeCall& call);

}  // namespace accel::server::kubo
