// SPDX-License-Identifier: Apache-2.0
// Uploads of the Kubo RPC: however the bytes are cut, the same parts come, and no name of one leads
// out of its folder.
#include <cstdlib>

#include "accel/core/bytes.hpp"
#include "protocols/multipart.hpp"
#include "protocols/upload.hpp"

namespace {

using namespace accel;

struct Seen {
  std::string text;
  bool ok = false;
};

Seen read(std::string_view body, std::size_t piece) {
  Seen seen;
  server::MultipartReader reader(
      "xyz",
      {[&](const server::PartHead& head) {
         const auto path = server::upload_path(head.filename);
         if (path && (("/" + *path + "/").find("/../") != std::string::npos)) std::abort();
         seen.text += "<" + head.filename + "|" + head.content_type + ">";
         return Status{};
       },
       [&](std::string_view data) {
         seen.text += data;
         return Status{};
       },
       [&] {
         seen.text += "</>";
         return Status{};
       }},
      {.head_bytes = 256, .parts = 8});
  Status status;
  while (!body.empty() && status) {
    status = reader.feed(body.substr(0, piece));
    body.remove_prefix(std::min(piece, body.size()));
  }
  seen.ok = status && reader.finish();
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0];
  const std::string_view body = as_text(ByteView(data + 1, size - 1));
  const Seen whole = read(body, body.size() + 1);
  const Seen cut = read(body, piece);
  if (whole.ok && cut.ok && whole.text != cut.text) std::abort();
  (void)server::MultipartReader::boundary_of(body);
  return 0;
}
