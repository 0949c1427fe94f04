// SPDX-License-Identifier: Apache-2.0
// key.*: the keys that sign names. A private key leaves this process by a file of mode 0600 alone,
// never in an answer.
#include <fcntl.h>

#include <algorithm>

#include "accel/core/file.hpp"
#include "accel/ipld/ipns_record.hpp"
#include "accel/ipld/peer_id.hpp"
#include "accel/libp2p/key_file.hpp"
#include "accel/libp2p/key_pem.hpp"
#include "context.hpp"
#include "names/keys.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxKeyFileBytes = 8192;
constexpr std::string_view kProtobuf = "libp2p-protobuf-cleartext";
constexpr std::string_view kPem = "pem-pkcs8-cleartext";

json json_of(const NamedKey& key) {
  const auto peer = ipld::PeerId::from_bytes(key.id.hash().bytes());
  return {{"name", key.name},
          {"id", key.id.to_string()},
          {"peer", peer ? peer->to_string() : std::string()}};
}

Status check_format(const std::string& format) {
  if (format == kProtobuf || format == kPem) return {};
  return fail(Errc::invalid_argument, "A key's format is {} or {}, not \"{}\".", kProtobuf, kPem,
              format.substr(0, kMaxKeyNameBytes));
}

// Never over a file that is there: it may be a key.
Status write_new_file(const std::string& path, ByteView bytes) {
  ACCEL_TRY(const UniqueFd file, open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  ACCEL_CHECK(pwrite_all(file.get(), bytes, 0));
  return sync_file(file.get());
}

}  // namespace

Result<json> key_gen(Context& context) {
  const std::string name = context.params.required_text("name");
  ACCEL_CHECK(context.params.finish());
  Keys keys(context.services.home());
  ACCEL_TRY(const NamedKey made, keys.generate(name, system_random()));
  return json_of(made);
}

Result<json> key_list(Context& context) {
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const auto keys, Keys(context.services.home()).list());
  json rows = json::array();
  for (const NamedKey& key : keys) rows.push_back(json_of(key));
  return json{{"keys", std::move(rows)}};
}

Result<json> key_rename(Context& context) {
  const std::string from = context.params.required_text("from");
  const std::string to = context.params.required_text("to");
  const bool force = context.params.flag("force");
  ACCEL_CHECK(context.params.finish());
  Keys keys(context.services.home());
  ACCEL_TRY(const auto before, keys.list());
  const bool replaced =
      std::ranges::find(before, to, &NamedKey::name) != before.end() && from != to;
  ACCEL_CHECK(keys.rename(from, to, force));
  ACCEL_TRY(const crypto::Ed25519Key key, keys.find(to));
  json result = json_of({to, ipld::ipns_name_of(key)});
  result["was"] = from;
  result["replaced"] = replaced;
  return result;
}

Result<json> key_rm(Context& context) {
  const auto names = context.params.texts("names");
  ACCEL_CHECK(context.params.finish());
  if (names.empty()) return fail(Errc::invalid_argument, "Name the keys to remove in \"names\".");
  Keys keys(context.services.home());
  json rows = json::array();
  for (const std::string& name : names) {
    ACCEL_TRY(const NamedKey removed, keys.remove(name));
    rows.push_back(json_of(removed));
  }
  return json{{"keys", std::move(rows)}};
}

Result<json> key_export(Context& context) {
  const std::string name = context.params.required_text("name");
  const std::string output = context.params.required_text("output");
  const std::string format = context.params.text("format", std::string(kProtobuf));
  ACCEL_CHECK(context.params.finish());
  ACCEL_CHECK(check_format(format));
  ACCEL_TRY(const crypto::Ed25519Key key, Keys(context.services.home()).find(name));
  Bytes bytes =
      format == kPem ? to_bytes(libp2p::write_pem_key(key)) : libp2p::encode_private_key(key);
  const Status written = write_new_file(output, bytes);
  crypto::wipe(bytes);
  ACCEL_CHECK(written);
  json result = json_of({name, ipld::ipns_name_of(key)});
  result["path"] = output;
  result["format"] = format;
  return result;
}

Result<json> key_import(Context& context) {
  const std::string name = context.params.required_text("name");
  const std::string path = context.params.required_text("path");
  const std::string format = context.params.text("format", std::string(kProtobuf));
  ACCEL_CHECK(context.params.finish());
  ACCEL_CHECK(check_format(format));
  ACCEL_TRY(Bytes bytes, read_file(path, kMaxKeyFileBytes));
  auto key =
      format == kPem ? libp2p::read_pem_key(as_text(bytes)) : libp2p::decode_private_key(bytes);
  crypto::wipe(bytes);
  if (!key) {
    key.error().message = fmt::format("{}: {} (--format says how it is written: {}, {})", path,
                                      key.error().message, kProtobuf, kPem);
    return fail(std::move(key).error());
  }
  Keys keys(context.services.home());
  ACCEL_TRY(const NamedKey added, keys.add(name, *key));
  return json_of(added);
}

}  // namespace accel::node
