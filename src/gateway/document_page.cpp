// SPDX-License-Identifier: Apache-2.0
#include "document_page.hpp"

#include <fmt/format.h>

#include "accel/core/markup.hpp"
#include "accel/ipld/codec.hpp"
#include "accel/ipld/dag_json.hpp"
#include "page_style.hpp"

namespace accel::gateway {
namespace {

Result<std::string> readable(const ipld::Cid& cid, ByteView block) {
  ACCEL_TRY(const ipld::Value value,
            ipld::decode_value(cid.codec(), block, ipld::Strictness::historical));
  return ipld::encode_dag_json(value);
}

}  // namespace

std::string document_page(const GatewayRequest& request, const ipld::Cid& cid, ByteView block) {
  const auto text = readable(cid, block);
  const std::string shown = text ? *text : text.error().message;
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>{1}"
      "</head>\n<body><main><h1>{0}</h1>\n<p>CID <code translate=\"no\">{2}</code>, codec {3}, "
      "{4}. "
      "<a href=\"?format=raw\">Block</a> <a href=\"?format={3}\">{3}</a></p>\n"
      "<pre>{5}</pre></main></body></html>\n",
      escape_markup(request.content_path), kPageStyle, cid, ipld::codec_name(cid.codec()),
      human_bytes(block.size()), escape_markup(shown));
}

}  // namespace accel::gateway
