// SPDX-License-Identifier: Apache-2.0
// Boost.Asio, compiled once for everybody (target accel_asio).
#include <boost/asio/impl/src.hpp>
