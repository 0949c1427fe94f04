// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/codec.hpp"

#include <algorithm>

#include "accel/ipld/dag_cbor.hpp"
#include "accel/ipld/dag_json.hpp"
#include "views.hpp"

namespace accel::ipld {
namespace {

tl::unexpected<Error> unknown_codec(Codec codec) {
  return fail(Errc::unsupported,
              "The codec {} is not read here; raw, dag-pb, dag-cbor, dag-json and libp2p-key are.",
              codec_name(codec));
}

Status check_size(std::size_t size) {
  if (size <= kMaxBlockBytes) return {};
  return fail(Errc::resource_exhausted, "A block of {} bytes is too large; the limit is {}.", size,
              kMaxBlockBytes);
}

bool is_canonical(const PbNode& node, ByteView block) {
  return std::ranges::is_sorted(node.links, {}, &PbLink::name) &&
         std::ranges::equal(encode_pb(node), block);
}

Value value_of_link(PbLink link) {
  Value::Map entries;
  entries.push_back({"Hash", Value::link(std::move(link.cid))});
  if (link.has_name) entries.push_back({"Name", Value::text(std::move(link.name))});
  if (link.has_tsize) {
    entries.push_back({"Tsize", Value::integer(Integer::of_unsigned(link.tsize))});
  }
  return Value::map(std::move(entries));
}

tl::unexpected<Error> not_pb(std::string_view why) {
  return fail(Errc::invalid_argument, "The value has not the form of dag-pb: {}.", why);
}

// The entries of the map are among `names`, none of them twice.
bool has_only(const Value::Map& map, std::initializer_list<std::string_view> names) {
  return std::ranges::all_of(map, [&](const MapEntry& entry) {
    return std::ranges::find(names, entry.key) != names.end() &&
           std::ranges::count(map, entry.key, &MapEntry::key) == 1;
  });
}

Result<PbLink> link_of_value(const Value& value) {
  const Value::Map* const map = value.as_map();
  if (map == nullptr || map->size() > 3 || !has_only(*map, {"Hash", "Name", "Tsize"})) {
    return not_pb("a link is a map of Hash, Name and Tsize");
  }
  const Value* const hash = value.find("Hash");
  const Value* const name = value.find("Name");
  const Value* const tsize = value.find("Tsize");
  if (hash == nullptr || hash->as_link() == nullptr) return not_pb("a link's Hash is not a link");
  PbLink link{.cid = *hash->as_link(), .has_name = name != nullptr, .has_tsize = tsize != nullptr};
  if (name != nullptr) {
    if (name->as_text() == nullptr) return not_pb("a link's Name is not text");
    link.name = *name->as_text();
  }
  if (tsize != nullptr) {
    const auto size = tsize->as_integer() != nullptr ? tsize->as_integer()->as_uint64()
                                                     : std::optional<std::uint64_t>{};
    if (!size) return not_pb("a link's Tsize is not a size");
    link.tsize = *size;
  }
  return link;
}

Result<Bytes> encode_pb_value(const Value& value) {
  ACCEL_TRY(const PbNode node, pb_of_value(value));
  Bytes block = encode_pb(node);
  ACCEL_CHECK(check_size(block.size()));
  return block;
}

Result<std::vector<Cid>> links_of_block(Codec codec, ByteView block) {
  switch (codec) {
    case Codec::raw:
    case Codec::libp2p_key:
      ACCEL_CHECK(check_size(block.size()));
      return std::vector<Cid>{};
    case Codec::dag_pb: {
      ACCEL_TRY(detail::PbView view, detail::view_pb(block));
      std::vector<Cid> links;
      links.reserve(view.links.size());
      for (PbLink& link : view.links) links.push_back(std::move(link.cid));
      return links;
    }
    default: {
      ACCEL_TRY(const Value value, decode_value(codec, block, Strictness::historical));
      return links_of(value);
    }
  }
}

// nullptr unless `segment` is the decimal index of an item.
const Value* item_at(const Value::List& list, std::string_view segment) {
  const auto index = Integer::parse(segment);
  if (!index || index->negative || segment.front() == '-') return nullptr;
  return index->bits < list.size() ? &list[index->bits] : nullptr;
}

const Value* named_pb_link(const Value& value, std::string_view name) {
  const Value* const links = value.find("Links");
  if (links == nullptr || links->as_list() == nullptr) return nullptr;
  for (const Value& link : *links->as_list()) {
    const Value* const its_name = link.find("Name");
    if (its_name == nullptr || its_name->as_text() == nullptr) continue;
    if (*its_name->as_text() == name) return link.find("Hash");
  }
  return nullptr;
}

}  // namespace

bool is_known_codec(Codec codec) {
  switch (codec) {
    case Codec::raw:
    case Codec::dag_pb:
    case Codec::dag_cbor:
    case Codec::dag_json:
    case Codec::libp2p_key:
      return true;
    case Codec::car:
      break;
  }
  return false;
}

Result<Value> decode_value(Codec codec, ByteView block, Strictness strictness) {
  switch (codec) {
    case Codec::raw:
    case Codec::libp2p_key:
      ACCEL_CHECK(check_size(block.size()));
      return Value::bytes(to_bytes(block));
    case Codec::dag_pb: {
      ACCEL_TRY(PbNode node, decode_pb(block));
      if (strictness == Strictness::canonical && !is_canonical(node, block)) {
        return fail(Errc::corrupt,
                    "Not canonical dag-pb: links sorted by name come before data, and every varint "
                    "is as short as it can be.");
      }
      return value_of_pb(std::move(node));
    }
    case Codec::dag_cbor:
      return decode_dag_cbor(block, strictness);
    case Codec::dag_json:
      return decode_dag_json(as_text(block), strictness);
    case Codec::car:
      break;
  }
  return unknown_codec(codec);
}

Result<Bytes> encode_value(Codec codec, const Value& value) {
  switch (codec) {
    case Codec::raw:
    case Codec::libp2p_key:
      if (value.as_bytes() == nullptr) {
        return fail(Errc::invalid_argument, "A {} block holds bytes, not {}.", codec_name(codec),
                    value_kind_name(value.kind()));
      }
      ACCEL_CHECK(check_size(value.as_bytes()->size()));
      return *value.as_bytes();
    case Codec::dag_pb:
      return encode_pb_value(value);
    case Codec::dag_cbor:
      return encode_dag_cbor(value);
    case Codec::dag_json: {
      ACCEL_TRY(const std::string text, encode_dag_json(value));
      return to_bytes(std::string_view(text));
    }
    case Codec::car:
      break;
  }
  return unknown_codec(codec);
}

Result<std::vector<Cid>> links_of(const Cid& cid, ByteView block) {
  auto links = links_of_block(cid.codec(), block);
  if (links) return links;
  Error error = std::move(links).error();
  error.message = fmt::format("The links of the block {} cannot be read. {}", cid, error.message);
  return fail(std::move(error));
}

Value value_of_pb(PbNode node) {
  Value::Map entries;
  if (node.data) entries.push_back({"Data", Value::bytes(*std::move(node.data))});
  Value::List links;
  links.reserve(node.links.size());
  for (PbLink& link : node.links) links.push_back(value_of_link(std::move(link)));
  entries.push_back({"Links", Value::list(std::move(links))});
  return Value::map(std::move(entries));
}

Result<PbNode> pb_of_value(const Value& value) {
  const Value::Map* const map = value.as_map();
  if (map == nullptr || map->size() > 2 || !has_only(*map, {"Data", "Links"})) {
    return not_pb("a node is a map of Data and Links");
  }
  PbNode node;
  if (const Value* const data = value.find("Data")) {
    if (data->as_bytes() == nullptr) return not_pb("Data is not bytes");
    node.data = *data->as_bytes();
  }
  const Value* const links = value.find("Links");
  if (links == nullptr || links->as_list() == nullptr) return not_pb("Links is not a list");
  for (const Value& link : *links->as_list()) {
    ACCEL_TRY(PbLink read, link_of_value(link));
    node.links.push_back(std::move(read));
  }
  if (node.links.size() > kMaxLinks) return not_pb("it has too many links");
  if (!std::ranges::is_sorted(node.links, {}, &PbLink::name)) {
    return not_pb("its links are not sorted by name");
  }
  return node;
}

Result<const Value*> resolve_step(const Value& value, std::string_view segment) {
  const Value* next = value.find(segment);
  if (const Value::List* const list = value.as_list()) next = item_at(*list, segment);
  if (next != nullptr) return next;
  return fail(Errc::not_found, "There is no \"{}\" in a {}.", segment,
              value_kind_name(value.kind()));
}

Result<const Value*> resolve_step(Codec codec, const Value& value, std::string_view segment) {
  if (codec == Codec::dag_pb) {
    if (const Value* const link = named_pb_link(value, segment)) return link;
  }
  return resolve_step(value, segment);
}

}  // namespace accel::ipld
