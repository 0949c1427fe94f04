// SPDX-License-Identifier: Apache-2.0
#pragma once
// What OpenSSL reads and writes as its network: the buffers that a call was given, without a copy
// of its own between them. Private to libp2p.

#include <openssl/bio.h>

#include "accel/core/raw_buffer.hpp"

namespace accel::libp2p {

// A new BIO without buffers; null when there is no memory. Owned by who gets it.
BIO* new_wire_bio();

// Gives a BIO its buffers for as long as this lives. Without `in` there is nothing to read yet.
class WireOfBio {
 public:
  WireOfBio(BIO* bio, RawBuffer* in, RawBuffer& out);
  ~WireOfBio();
  WireOfBio(const WireOfBio&) = delete;
  WireOfBio& operator=(const WireOfBio&) = delete;

  RawBuffer* in;
  RawBuffer& out;

 private:
  BIO* bio_;
};

}  // namespace accel::libp2p
