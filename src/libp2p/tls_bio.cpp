// SPDX-License-Identifier: Apache-2.0
#include "tls_bio.hpp"

#include <algorithm>
#include <cstring>

namespace accel::libp2p {
namespace {

WireOfBio* wire_of(BIO* bio) { return static_cast<WireOfBio*>(BIO_get_data(bio)); }

int read_wire(BIO* bio, char* data, std::size_t size, std::size_t* done) {
  BIO_clear_retry_flags(bio);
  *done = 0;
  const WireOfBio* const wire = wire_of(bio);
  if (wire == nullptr || wire->in == nullptr || wire->in->empty()) {
    BIO_set_retry_read(bio);
    return 0;
  }
  *done = std::min(size, wire->in->size());
  std::memcpy(data, wire->in->data(), *done);
  wire->in->consume(*done);
  return 1;
}

int write_wire(BIO* bio, const char* data, std::size_t size, std::size_t* done) {
  BIO_clear_retry_flags(bio);
  *done = 0;
  WireOfBio* const wire = wire_of(bio);
  if (wire == nullptr) return 0;
  if (size > 0) std::memcpy(wire->out.extend(size), data, size);
  *done = size;
  return 1;
}

long control_wire(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* make_method() {
  BIO_METHOD* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "buffers");
  if (method == nullptr) return nullptr;
  BIO_meth_set_read_ex(method, read_wire);
  BIO_meth_set_write_ex(method, write_wire);
  BIO_meth_set_ctrl(method, control_wire);
  return method;
}

}  // namespace

BIO* new_wire_bio() {
  static BIO_METHOD* const method = make_method();  // As long as the process.
  BIO* const bio = method != nullptr ? BIO_new(method) : nullptr;
  if (bio != nullptr) BIO_set_init(bio, 1);
  return bio;
}

WireOfBio::WireOfBio(BIO* bio, RawBuffer* in_, RawBuffer& out_) : in(in_), out(out_), bio_(bio) {
  BIO_set_data(bio, this);
}

WireOfBio::~WireOfBio() { BIO_set_data(bio_, nullptr); }

}  // namespace accel::libp2p
