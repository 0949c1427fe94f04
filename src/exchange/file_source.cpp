// SPDX-License-Identifier: Apache-2.0
// A plain file host (a web server, an object store, a model hub) as a source of the blocks that are
// slices of its files, by Range requests. The inner nodes of a DAG are in no file: they come from a
// gateway, or are here already.
// Spec: RFC 9110 section 14 (Range, Content-Range, 206, 416) and 8.8.3 (ETag).
#include <map>
#include <utility>

#include "accel/ipld/file_layout.hpp"
#include "accel/net/access.hpp"
#include "accel/net/header_values.hpp"
#include "block_request.hpp"

namespace accel::exchange {
namespace {

// What is known of one file of the host. There are as many as files are asked for.
struct HostFile {
  std::string refusal;  // Why nothing more of it is asked for here; empty while all is well.
  std::string tag;      // The version that the first answer named; empty when it named none.
  // Where a redirect led. Asked directly, until it refuses: addresses with signatures expire.
  std::optional<net::Url> moved_to;
};

// What the head of an answer says. Messages complete the sentence "GET URL failed: …".
class AnswerCheck {
 public:
  AnswerCheck(const FilePlace& place, HostFile& file) : place_(place), file_(file) {}

  Status operator()(int status, const net::Headers& headers) {
    tag_ = headers.get_or("ETag", headers.get_or("Last-Modified", {}));
    return status == 206 ? check_part(headers.get_or("Content-Range", {})) : check_whole(headers);
  }
  const std::string& tag() const { return tag_; }

 private:
  bool is_whole() const {
    return place_.length == 0 || (place_.offset == 0 && place_.length == place_.file_bytes);
  }
  Status check_part(std::string_view value) const {
    const auto range = net::parse_content_range(value);
    const net::ByteRange asked{place_.offset, place_.length};
    if (!range || range->range != asked) {
      return fail(Errc::protocol, "asked for {} bytes at {}, it says that it sends \"{}\"",
                  asked.length, asked.first, value.substr(0, 100));
    }
    return range->size_bytes ? check_size(*range->size_bytes) : Status{};
  }
  Status check_whole(const net::Headers& headers) const {
    const auto text = headers.get_or("Content-Length", {});
    std::uint64_t size = 0;
    const bool known = !text.empty() && parse_size(text, size);
    if (known && place_.length > 0) ACCEL_CHECK(check_size(size));
    if (is_whole()) return {};
    return fail(Errc::unsupported, "it ignores Range and would send the whole file for each part");
  }
  Status check_size(std::uint64_t size) const {
    if (size == place_.file_bytes) return {};
    file_.refusal = fmt::format("the file there has {} bytes, the one that is wanted {}", size,
                                place_.file_bytes);
    return fail(Errc::not_found, "{}", file_.refusal);
  }
  static bool parse_size(std::string_view text, std::uint64_t& size) {
    if (text.size() > 18 || text.find_first_not_of("0123456789") != text.npos) return false;
    for (const char digit : text) size = size * 10 + static_cast<std::uint64_t>(digit - '0');
    return true;
  }

  const FilePlace& place_;
  HostFile& file_;
  std::string tag_;
};

class FileSource final : public Source {
 public:
  FileSource(net::HttpClient& client, std::string name, net::Url base)
      : client_(client), name_(std::move(name)), base_(std::move(base)) {}

  const std::string& name() const override { return name_; }
  SourceKind kind() const override { return SourceKind::file_host; }
  Task<SourceBlock> get(BlockCall call) override;

 private:
  net::Url url_of(const std::string& path) const;
  bool is_foreign(const net::Url& url) const { return url.origin() != base_.origin(); }
  Task<Body> ask(const BlockCall& call, Bytes buffer, AnswerCheck& check, HostFile& file);
  Task<Body> ask_at(net::Url url, const BlockCall& call, Bytes buffer, AnswerCheck& check);
  Error refused(const Body& body, const FilePlace& place, HostFile& file) const;

  net::HttpClient& client_;
  std::string name_;
  net::Url base_;
  std::map<std::string, HostFile> files_;  // By path; entries stay where they are.
};

net::Url FileSource::url_of(const std::string& path) const {
  net::Url url = base_;
  if (path.empty()) return url;
  if (!url.path.ends_with('/')) url.path += '/';
  url.path += net::percent_encode(path, /*keep_slashes=*/true);
  return url;
}

Task<Body> FileSource::ask_at(net::Url url, const BlockCall& call, Bytes buffer,
                              AnswerCheck& check) {
  BodyCall body_call;
  // A place where the network sent us must not turn out to be this machine the next time.
  body_call.http.network_only = is_foreign(url) && !net::is_loopback_host(base_.host);
  body_call.url = std::move(url);
  body_call.http.stop = call.stop;
  body_call.http.on_head = [&check](int status, const net::Headers& headers) {
    return check(status, headers);
  };
  body_call.exact_bytes = call.place->length;
  if (call.place->length > 0) {
    body_call.http.headers.add("Range", fmt::format("bytes={}-{}", call.place->offset,
                                                    call.place->offset + call.place->length - 1));
  }
  body_call.buffer = std::move(buffer);
  body_call.on_bytes = call.on_bytes;
  return get_body(client_, std::move(body_call));
}

Task<Body> FileSource::ask(const BlockCall& call, Bytes buffer, AnswerCheck& check,
                           HostFile& file) {
  if (file.moved_to) {
    auto asking = ask_at(*file.moved_to, call, std::move(buffer), check);
    Result<Body> body = co_await std::move(asking);
    const bool usable = body && (body->reply.ok() || body->reply.status >= 500);
    if (usable || call.stop.stop_requested()) co_return body;
    file.moved_to.reset();
    buffer = {};
  }
  const net::Url url = url_of(call.place->path);
  auto asking = ask_at(url, call, std::move(buffer), check);
  Result<Body> body = co_await std::move(asking);
  if (body && body->reply.ok() && body->reply.url != url) file.moved_to = body->reply.url;
  co_return body;
}

Error FileSource::refused(const Body& body, const FilePlace& place, HostFile& file) const {
  Error error = refusal(body.reply);
  if (body.reply.status == 416) {
    file.refusal = fmt::format("the file there is shorter than {} bytes", place.file_bytes);
    error.code = Errc::not_found;
    error.message = file.refusal;
  }
  if (error.code == Errc::not_found && file.refusal.empty()) file.refusal = error.message;
  return error;
}

Task<SourceBlock> FileSource::get(BlockCall call) {
  HostFile& file = files_[call.place->path];
  if (!file.refusal.empty()) co_return fail(Errc::not_found, "{}", file.refusal);
  AnswerCheck check(*call.place, file);
  auto asking = ask(call, std::move(call.buffer), check, file);
  Result<Body> body = co_await std::move(asking);
  if (!body) co_return fail(std::move(body).error());
  if (!body->reply.ok()) co_return fail(refused(*body, *call.place, file));
  if (body->bytes.size() > body->reply.body_bytes) {
    co_return fail(Errc::protocol, "It sent {} of {} bytes of {}.", body->reply.body_bytes,
                   call.place->length, body->reply.url.to_string());
  }
  SourceBlock block;
  if (file.tag.empty()) file.tag = check.tag();
  if (file.tag != check.tag()) {
    block.suspicion = fmt::format("its file changed meanwhile ({}, now {})", file.tag, check.tag());
  }
  block.bytes = std::move(body->bytes);
  if (call.place->length > 0 && call.cid.codec() == ipld::Codec::dag_pb) {
    block.bytes = ipld::leaf_block(ipld::unixfs_v0_2015(), block.bytes);
    block.rebuilt = true;
  }
  co_return block;
}

}  // namespace

Result<std::unique_ptr<Source>> make_file_source(net::HttpClient& client, const std::string& url) {
  ACCEL_TRY(net::Url base, net::parse_url(url));
  return std::make_unique<FileSource>(client, url, std::move(base));
}

}  // namespace accel::exchange
