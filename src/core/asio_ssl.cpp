// SPDX-License-Identifier: Apache-2.0
// Boost.Asio's TLS part, compiled once for whoever links accel_asio_ssl.
#include <boost/asio/ssl/impl/src.hpp>
