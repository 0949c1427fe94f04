// SPDX-License-Identifier: Apache-2.0
#include "answers.hpp"

#include "accel/net/url.hpp"
#include "car_source.hpp"
#include "content_type.hpp"
#include "path_text.hpp"
#include "piece_source.hpp"
#include "redirects_file.hpp"
#include "tar_source.hpp"

namespace accel::gateway {
namespace {

bool is_head(const net::HttpRequest& http) { return http.method == "HEAD"; }

bool has_body(const net::HttpResponse& response) {
  return response.status != 304 && response.status != 416;
}

double total_of(const std::vector<net::ByteRange>& ranges) {
  double total = 0;
  for (const net::ByteRange& range : ranges) total += static_cast<double>(range.length);
  return total;
}

// Ranges with their heads, as multipart/byteranges.
std::vector<FileSource::Part> multipart(const Representation& what,
                                        const std::vector<net::ByteRange>& ranges) {
  std::vector<FileSource::Part> parts;
  for (const net::ByteRange& range : ranges) {
    parts.emplace_back(part_head(what, range));
    parts.emplace_back(range);
  }
  parts.emplace_back(part_end());
  return parts;
}

// With the slash that folders end in, so that relative links in their pages hold.
std::string folder_location(const net::HttpRequest& http, const Route& route) {
  std::string location;
  if (route.mount == Mount::path) {
    location = fmt::format("/{}/{}", namespace_name(route.space), encode_segment(route.root));
  }
  location += encode_path(route.path) + "/";
  return http.query.empty() ? location : location + "?" + http.query;
}

}  // namespace

// What a rule of _redirects leads to.
struct Answers::Rescued {
  RedirectMatch match;
  std::optional<FoundFile> file = {};  // Without it: a redirect.
  Roots roots = {};
  std::string name = {};
};

Task<net::HttpResponse> Answers::content(const net::HttpRequest& http,
                                         const GatewayRequest& request) {
  switch (request.format) {
    case Format::raw:
      co_return co_await block(http, request);
    case Format::car:
      co_return co_await car(http, request);
    case Format::tar:
      co_return co_await tar(http, request);
    default:
      co_return co_await unixfs(http, request);
  }
}

// The look at the index runs here, on the I/O thread: two reads of a mapped LMDB tree, an open and
// an fstat take microseconds, a hop to the pool and back more than that. Whatever reads or hashes
// bytes goes to the pool.
Task<net::HttpResponse> Answers::block(const net::HttpRequest& http,
                                       const GatewayRequest& request) {
  blockstore::ResolvedPath end{request.root, {}, {}, {request.root}};
  const auto path = request.full_path();
  if (!path.empty()) {
    const auto resolve = [this, &request, &path](std::stop_token) {
      return resolve_shown(context_.store, request.root, path);
    };
    auto resolved = co_await context_.pool.run(resolve);
    if (!resolved) co_return fail(Error(resolved.error()));
    end = std::move(*resolved);
  }
  if (!end.remainder.empty()) {
    co_return refusal_response(501, "A path that ends inside of a document is no block.");
  }
  const Source source{request, end.roots};
  ACCEL_CO_TRY(auto placed, place_block(context_.store, end.cid));
  // Reading brings it into memory, where ReadyBlocks finds it until the store is written to.
  const bool may_keep = keeps_blocks_ && !is_head(http) && placed &&
                        placed->length <= blockstore::kMaxCachedBlockBytes;
  if (!placed || (may_keep && asked_before_.note(end.cid))) {
    const auto read = [this, cid = end.cid](std::stop_token) {
      return read_block(context_.store, cid);
    };
    auto block = co_await context_.pool.run(read);
    if (!block) co_return fail(Error(block.error()));
    placed = std::move(*block);
  }
  const Representation what = block_representation(request, end.cid, placed->length);
  co_return bytes(http, source, what, std::move(*placed));
}

Task<net::HttpResponse> Answers::car(const net::HttpRequest& http, const GatewayRequest& request) {
  blockstore::DagSelection selection{request.root,      request.full_path(),    request.car.scope,
                                     request.car.bytes, request.car.duplicates, true};
  const auto open = [this, &selection](std::stop_token) {
    return blockstore::DagCursor::open(context_.store, std::move(selection));
  };
  auto cursor = co_await context_.pool.run(open);
  if (!cursor) co_return fail(Error(cursor.error()));
  const Roots roots = cursor->end().roots;
  net::HttpResponse response =
      stream_response(http, Source{request, roots}, car_representation(request, cursor->end().cid));
  if (!has_body(response)) co_return response;
  auto source = std::make_unique<CarSource>(context_.store, std::move(*cursor),
                                            context_.limits.stream_piece_bytes);
  response.body = stream_of(context_.pool, std::move(source), {});
  co_return response;
}

Task<net::HttpResponse> Answers::tar(const net::HttpRequest& http, const GatewayRequest& request) {
  Roots roots;
  ipld::Cid end;
  const auto open = [this, &request, &roots,
                     &end](std::stop_token) -> Result<std::unique_ptr<TarSource>> {
    ACCEL_TRY(auto at, resolve_shown(context_.store, request.root, request.full_path()));
    if (!at.remainder.empty()) return fail(Errc::unsupported, "{} is not UnixFS.", at.cid);
    roots = std::move(at.roots);
    end = at.cid;
    const auto& path = request.route.path;
    std::string name = path.empty() ? at.cid.to_string() : path.back();
    const TarRules rules{.piece_bytes = context_.limits.stream_piece_bytes};
    return TarSource::open(context_.store, at.cid, std::move(name), rules);
  };
  auto source = co_await context_.pool.run(open);
  if (!source) co_return fail(Error(source.error()));
  net::HttpResponse response =
      stream_response(http, Source{request, roots}, tar_representation(request, end));
  if (!has_body(response)) co_return response;
  response.body = stream_of(context_.pool, std::move(*source), {});
  co_return response;
}

Task<net::HttpResponse> Answers::unixfs(const net::HttpRequest& http,
                                        const GatewayRequest& request) {
  Roots roots;
  const auto find = [this, &request, &roots](std::stop_token) -> Result<Found> {
    ACCEL_TRY(auto end, resolve_shown(context_.store, request.root, request.full_path()));
    roots = end.roots;
    return look_up(context_.store, end, {request, context_.limits.max_listed_entries});
  };
  Result<Found> what = co_await context_.pool.run(find);
  if (!what) co_return fail(std::move(what).error());
  co_return found(http, Source{request, roots}, std::move(*what));
}

net::HttpResponse Answers::found(const net::HttpRequest& http, const Source& source, Found what) {
  if (const auto* refused = std::get_if<Refused>(&what)) {
    return refusal_response(refused->status, refused->sentence);
  }
  if (const auto* link = std::get_if<FoundLink>(&what)) return link_response(http, source, *link);
  if (auto* listed = std::get_if<FoundFolder>(&what)) {
    return folder(http, source, std::move(*listed));
  }
  if (auto* document = std::get_if<FoundDocument>(&what)) {
    if (document->page) return page_response(http, source, *document);
    const Representation how = document_representation(source.request, document->block);
    return bytes(http, source, how, std::move(document->block));
  }
  auto& one = std::get<FoundFile>(what);
  const Representation how = file_representation(source.request, one);
  return file(http, source, how, std::move(one));
}

net::HttpResponse Answers::folder(const net::HttpRequest& http, const Source& source,
                                  FoundFolder folder) {
  const GatewayRequest& request = source.request;
  if (!request.route.trailing_slash && request.format != Format::json) {
    return redirect_response(301, folder_location(http, request.route));
  }
  if (!folder.index) return folder_response(http, source, folder);
  const Representation what = index_representation(folder);
  return file(http, source, what, std::move(*folder.index));
}

net::HttpResponse Answers::file(const net::HttpRequest& http, const Source& source,
                                const Representation& what, FoundFile file) {
  Outline plan = outline(http, source, what, context_.limits.max_ranges);
  if (plan.ranges.empty()) return std::move(plan.response);
  context_.file_bytes.add(is_head(http) ? 0.0 : total_of(plan.ranges));
  if (file.place && !plan.is_multipart) {
    const net::ByteRange range = plan.ranges.front();
    plan.response.body = std::vector<net::FileSlice>{
        {file.place->fd, file.place->offset + range.first, range.length}};
    return std::move(plan.response);
  }
  std::vector<FileSource::Part> parts;
  if (plan.is_multipart) {
    parts = multipart(what, plan.ranges);
  } else {
    parts.emplace_back(plan.ranges.front());
  }
  auto body = std::make_unique<FileSource>(context_.store,
                                           FileSource::File{file.cid, std::move(file.place)},
                                           std::move(parts), context_.limits.stream_piece_bytes);
  const std::uint64_t length = body->length();
  plan.response.body = stream_of(context_.pool, std::move(body), length);
  return std::move(plan.response);
}

// A block that lies in memory is cut here; one with a place is sent as a file is.
net::HttpResponse Answers::bytes(const net::HttpRequest& http, const Source& source,
                                 const Representation& what, FoundBlock block) {
  if (auto* slice = std::get_if<net::FileSlice>(&block.bytes)) {
    Outline plan = outline(http, source, what, context_.limits.max_ranges);
    if (plan.ranges.empty()) return std::move(plan.response);
    context_.block_bytes.add(is_head(http) ? 0.0 : total_of(plan.ranges));
    if (!plan.is_multipart) {
      const net::ByteRange range = plan.ranges.front();
      plan.response.body =
          std::vector<net::FileSlice>{{slice->fd, slice->offset + range.first, range.length}};
      return std::move(plan.response);
    }
    auto body = std::make_unique<FileSource>(
        context_.store, FileSource::File{block.cid, std::move(*slice)},
        multipart(what, plan.ranges), context_.limits.stream_piece_bytes);
    const std::uint64_t length = body->length();
    plan.response.body = stream_of(context_.pool, std::move(body), length);
    return std::move(plan.response);
  }
  Outline plan = outline(http, source, what, context_.limits.max_ranges);
  const std::string& all = std::get<std::string>(block.bytes);
  std::string text;
  for (const net::ByteRange& range : plan.ranges) {
    if (plan.is_multipart) text += part_head(what, range);
    text += all.substr(range.first, range.length);
  }
  if (plan.is_multipart) text += part_end();
  context_.block_bytes.add(is_head(http) ? 0.0 : total_of(plan.ranges));
  if (!plan.ranges.empty()) plan.response.body = std::move(text);
  return std::move(plan.response);
}

Result<Answers::Rescued> Answers::consult_redirects(const GatewayRequest& request) const {
  const auto below = [&request](std::vector<std::string> names) {
    names.insert(names.begin(), request.prefix.begin(), request.prefix.end());
    return names;
  };
  const blockstore::Store& store = context_.store;
  ACCEL_TRY(const auto rules_file, look_up_file(store, request.root, below({"_redirects"})));
  if (!rules_file) return fail(not_here(request.content_path));
  if (rules_file->length > kMaxRedirectsBytes) {
    return fail(Errc::invalid_argument, "redirects file size cannot exceed {} bytes",
                kMaxRedirectsBytes);
  }
  ACCEL_TRY(const std::string text, read_text(store, rules_file->cid, {0, rules_file->length}));
  ACCEL_TRY(const auto rules, parse_redirects(text));
  auto match = match_redirects(rules, request.route.path);
  if (!match) return fail(not_here(request.content_path));
  Rescued rescued{std::move(*match)};
  if (rescued.match.status >= 300 && rescued.match.status < 400) return rescued;
  const std::string_view to = rescued.match.to;
  ACCEL_TRY(auto names, net::split_path(to.substr(0, to.find_first_of("?#"))));
  if (!names.empty()) rescued.name = names.back();
  ACCEL_TRY(const auto end, resolve_shown(store, request.root, below(names)));
  rescued.roots = end.roots;
  ACCEL_TRY(rescued.file, look_up_file(store, end.cid, {}));
  if (!rescued.file) return fail(not_here(request.content_path));
  if (content_type_by_name(rescued.name).empty()) {
    const std::uint64_t most = std::min<std::uint64_t>(rescued.file->length, kSniffBytes);
    ACCEL_TRY(rescued.file->head, read_text(store, rescued.file->cid, {0, most}));
  }
  return rescued;
}

Task<net::HttpResponse> Answers::rescue(const net::HttpRequest& http,
                                        const GatewayRequest& request) {
  const auto consult = [this, &request](std::stop_token) { return consult_redirects(request); };
  auto rescued = co_await context_.pool.run(consult);
  if (!rescued && rescued.error().code == Errc::invalid_argument) {
    co_return refusal_response(
        500, fmt::format("could not parse _redirects: {}", rescued.error().message));
  }
  if (!rescued) co_return fail(Error(rescued.error()));
  if (!rescued->file) {
    co_return redirect_response(rescued->match.status, rescued->match.to);
  }
  const FoundFile& page = *rescued->file;
  Representation what{fmt::format("\"{}\"", page.cid),
                      std::string(content_type_of(rescued->name, page.head)), "", page.length,
                      rescued->match.status};
  const Source source{request, rescued->roots};
  co_return file(http, source, what, *rescued->file);
}

}  // namespace accel::gateway
