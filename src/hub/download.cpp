// SPDX-License-Identifier: Apache-2.0
#include "accel/hub/download.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/this_coro.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "accel/core/async/event.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/core/file.hpp"
#include "accel/crypto/sha256.hpp"
#include "accel/net/header_values.hpp"
#include "accel/net/url.hpp"
#include "etag.hpp"
#include "refusal.hpp"

namespace accel::hub {
namespace {

constexpr std::size_t kReadBytes = 1U << 20U;
constexpr std::uint64_t kMaxUnknownBytes = 64U << 20U;  // Of a file whose size nobody says.

// A file on its way: what is here, and the digest of it.
struct Arrival {
  const HubFile* file = nullptr;
  std::filesystem::path path;
  std::filesystem::path part;
  UniqueFd fd;
  crypto::Sha256 hash;
  std::uint64_t have = 0;
  bool complete = false;  // It was here, whole, before.
};

// Opens the partial file and hashes what an earlier download left of it.
Result<std::uint64_t> take_up(Arrival& arrival, std::stop_token stop) {
  struct stat info{};
  const std::uint64_t size = *arrival.file->bytes;
  if (::stat(arrival.path.c_str(), &info) == 0 &&
      static_cast<std::uint64_t>(info.st_size) == size) {
    arrival.complete = true;  // It got its name when it had been checked.
    return size;
  }
  ACCEL_CHECK(make_directories(arrival.path.parent_path()));
  ACCEL_TRY(arrival.fd, open_file(arrival.part, O_RDWR | O_CREAT | O_NOFOLLOW));
  if (::fstat(arrival.fd.get(), &info) != 0) {
    return fail_errno(Errc::io, errno, "Cannot stat " + arrival.part.string() + ".");
  }
  const auto left = static_cast<std::uint64_t>(info.st_size);
  if (left > size) {
    if (::ftruncate(arrival.fd.get(), 0) != 0) {
      return fail_errno(Errc::io, errno, "Cannot cut " + arrival.part.string() + ".");
    }
    return 0;
  }
  Bytes buffer;
  for (std::uint64_t at = 0; at < left; at += buffer.size()) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "The download was stopped.");
    buffer.resize(std::min<std::uint64_t>(kReadBytes, left - at));
    ACCEL_CHECK(pread_all(arrival.fd.get(), buffer, at));
    arrival.hash.update(buffer);
  }
  arrival.have = left;
  return left;
}

Status put_piece(Arrival& arrival, ByteView piece) {
  ACCEL_CHECK(pwrite_all(arrival.fd.get(), piece, arrival.have));
  arrival.hash.update(piece);
  arrival.have += piece.size();
  return {};
}

// A file whose digest is another than the hub's own word is thrown away whole.
Status finish(Arrival& arrival) {
  const std::string digest = to_hex(arrival.hash.finish());
  if (!arrival.file->sha256.empty() && digest != arrival.file->sha256) {
    ::unlink(arrival.part.c_str());
    return fail(Errc::corrupt,
                "The hub says that {} has the SHA-256 {}, but the bytes that it sent have {}.",
                arrival.file->path, arrival.file->sha256, digest);
  }
  if (::rename(arrival.part.c_str(), arrival.path.c_str()) != 0) {
    return fail_errno(errc_from_errno(errno), errno,
                      "Cannot give a download its name " + arrival.path.string() + ".");
  }
  return {};
}

// Messages complete the sentence "GET URL failed: …".
Status check_head(const HubFile& file, net::ByteRange asked, int status,
                  const net::Headers& headers) {
  const auto lie = [&](std::uint64_t size) {
    return fail(Errc::corrupt, "the hub says that {} has {} bytes, but the file there has {}",
                file.path, *file.bytes, size);
  };
  if (status == 206) {
    const auto range = net::parse_content_range(headers.get_or("Content-Range", ""));
    if (range && range->size_bytes && *range->size_bytes != *file.bytes) {
      return lie(*range->size_bytes);
    }
    if (range && range->range == asked) return {};
    return fail(Errc::protocol, "asked for {} bytes at {}, it sends others", asked.length,
                asked.first);
  }
  const auto length = headers.get("Content-Length");
  const bool whole = asked.length == *file.bytes;
  if (length && *length != std::to_string(*file.bytes)) {
    return fail(Errc::corrupt, "the hub says that {} has {} bytes, but the file there has {}",
                file.path, *file.bytes, length->substr(0, 20));
  }
  if (whole) return {};
  return fail(Errc::unsupported, "it ignores Range, so that {} can't be fetched in parts",
              file.path);
}

// S3 compares, by If-Match; not all that speak its protocol do.
Status check_version(const HubFile& file, const net::Headers& headers) {
  const std::string etag = bare_etag(headers.get_or("ETag", ""));
  if (etag.empty() || file.etag.empty() || etag == file.etag) return {};
  return fail(Errc::corrupt, "{} was changed after it had been listed; pull again", file.path);
}

bool may_pass(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::timeout;
}

struct DownloadServices {
  net::HttpClient& client;
  OffloadPool& pool;
  const Clock& clock;
};

class Download {
 public:
  Download(TaskGroup& group, DownloadServices services, HubListing listing, DownloadOptions options)
      : group_(group),
        client_(services.client),
        pool_(services.pool),
        clock_(services.clock),
        listing_(std::move(listing)),
        options_(std::move(options)) {
    for (const HubFile& file : listing_.files) report_.bytes_total += file.bytes.value_or(0);
    report_.files = listing_.files.size();
  }

  Task<void> worker();
  // A task that was cancelled ends by exception and leaves no error: what counts is what is here.
  Result<DownloadReport> result() const {
    if (error_) return fail(*error_);
    if (finished_ < listing_.files.size()) return fail(stopped());
    return report_;
  }

 private:
  // A piece on its way. Owners: fetch(), and the task that brings it, which may outlive fetch()
  // when that is cancelled.
  struct Piece {
    Bytes bytes;
    std::uint64_t at = 0;
    Status came = fail(Errc::cancelled, "The download was stopped.");
    Event done;
  };
  // A parameter of the task, not a local: a cancelled group drops tasks before their first step.
  struct SetAtEnd {
    Event event;
    ~SetAtEnd() { event.set(); }
  };

  Error stopped() const {
    return {Errc::cancelled,
            fmt::format("The download of {} was stopped; what came is kept for the next one.",
                        listing_.source),
            {}};
  }
  bool over() const { return error_ || options_.stop.stop_requested(); }
  Task<void> bring(const HubFile& file, std::shared_ptr<Piece> piece,
                   std::unique_ptr<SetAtEnd> end);
  Task<void> fetch_pieces(Arrival& arrival);
  Task<void> take(Arrival& arrival, const Piece& piece);
  Task<void> fetch(const HubFile& file);
  Task<void> fetch_unknown(const HubFile& file);
  Task<void> fetch_piece(const HubFile& file, std::uint64_t at, Bytes& piece);
  Task<void> ask(const HubFile& file, std::uint64_t at, Bytes& piece);
  Task<void> keep_rate(std::uint64_t bytes);
  void count(std::uint64_t bytes);
  void authorize(net::HttpCall& call, const net::Url& url, const HubFile& file) const;
  Error refusal(const net::HttpReply& reply, const HubFile& file) const;

  TaskGroup& group_;
  net::HttpClient& client_;
  OffloadPool& pool_;
  const Clock& clock_;
  HubListing listing_;
  DownloadOptions options_;
  std::size_t next_ = 0;
  std::size_t finished_ = 0;  // Files that are here, whole and checked.
  std::uint64_t done_ = 0;
  SteadyTime free_at_{};
  DownloadReport report_;
  std::optional<Error> error_;
};

Task<void> Download::worker() {
  while (!over() && next_ < listing_.files.size()) {
    const HubFile& file = listing_.files[next_++];
    auto fetching = fetch(file);
    const Status fetched = co_await std::move(fetching);
    if (!fetched && !error_) error_ = fetched.error();
    if (fetched) ++finished_;
  }
  co_return Status{};
}

Task<void> Download::fetch(const HubFile& file) {
  if (!file.bytes) {
    auto fetching = fetch_unknown(file);
    co_return co_await std::move(fetching);
  }
  Arrival arrival;
  arrival.file = &file;
  arrival.path = options_.folder / file.path;
  arrival.part = arrival.path.string() + ".part";
  auto opening_job = [&](std::stop_token) { return take_up(arrival, options_.stop); };
  auto opening = pool_.run(opening_job);
  const Result<std::uint64_t> resumed = co_await std::move(opening);
  if (!resumed) co_return fail(resumed.error());
  report_.bytes_resumed += *resumed;
  count(*resumed);
  if (arrival.complete) co_return Status{};
  auto bringing = fetch_pieces(arrival);
  const Status came = co_await std::move(bringing);
  if (!came) co_return came;
  if (arrival.have < *file.bytes) co_return fail(stopped());
  auto finishing_job = [&](std::stop_token) { return finish(arrival); };
  auto finishing = pool_.run(finishing_job);
  const Status finished = co_await std::move(finishing);
  if (finished && !arrival.file->sha256.empty()) report_.bytes_verified += arrival.have;
  co_return finished;
}

// Several pieces are asked for at once and written in order.
Task<void> Download::fetch_pieces(Arrival& arrival) {
  const HubFile& file = *arrival.file;
  std::deque<std::shared_ptr<Piece>> flying;
  std::uint64_t next = arrival.have;
  Status failed;
  while (true) {
    while (failed && !over() && next < *file.bytes && flying.size() < options_.pieces_at_once) {
      flying.push_back(std::make_shared<Piece>());
      flying.back()->at = next;
      flying.back()->bytes.resize(std::min(options_.piece_bytes, *file.bytes - next));
      next += flying.back()->bytes.size();
      auto end = std::make_unique<SetAtEnd>(flying.back()->done);
      group_.spawn(bring(file, flying.back(), std::move(end)));
    }
    if (flying.empty()) co_return failed;
    const std::shared_ptr<Piece> first = flying.front();
    flying.pop_front();
    std::function<void()> on_cancel = [] {};  // The piece is cancelled too, and says so.
    auto waiting = first->done.wait(std::move(on_cancel));
    co_await std::move(waiting);
    if (failed && !first->came) failed = first->came;
    if (!failed) continue;  // What is still flying is waited for, and dropped.
    auto taking = take(arrival, *first);
    failed = co_await std::move(taking);
  }
}

Task<void> Download::bring(const HubFile& file, std::shared_ptr<Piece> piece,
                           std::unique_ptr<SetAtEnd>) {
  auto asking = fetch_piece(file, piece->at, piece->bytes);
  piece->came = co_await std::move(asking);
  co_return Status{};
}

Task<void> Download::take(Arrival& arrival, const Piece& piece) {
  auto job = [&](std::stop_token) { return put_piece(arrival, piece.bytes); };
  auto writing = pool_.run(job);
  const Status written = co_await std::move(writing);
  if (!written) co_return written;
  report_.bytes_fetched += piece.bytes.size();
  count(piece.bytes.size());
  auto pacing = keep_rate(piece.bytes.size());
  co_return co_await std::move(pacing);
}

Task<void> Download::fetch_unknown(const HubFile& file) {
  ACCEL_CO_TRY(net::Url url, net::parse_url(file.url));
  net::HttpCall http;
  http.max_body_bytes = kMaxUnknownBytes;
  http.stop = options_.stop;
  authorize(http, url, file);
  auto asking = client_.request(std::move(url), std::move(http));
  const auto reply = co_await std::move(asking);
  if (!reply) co_return fail(reply.error());
  if (!reply->ok()) co_return fail(refusal(*reply, file));
  auto job = [&](std::stop_token) -> Status {
    const std::filesystem::path path = options_.folder / file.path;
    ACCEL_CHECK(make_directories(path.parent_path()));
    return write_file_atomic(path, as_bytes(reply->body));
  };
  auto writing = pool_.run(job);
  const Status written = co_await std::move(writing);
  report_.bytes_fetched += reply->body.size();
  report_.bytes_total += reply->body.size();
  count(reply->body.size());
  co_return written;
}

Task<void> Download::fetch_piece(const HubFile& file, std::uint64_t at, Bytes& piece) {
  Duration pause = options_.first_pause;
  for (int left = options_.tries; true; --left) {
    auto asking = ask(file, at, piece);
    Status came = co_await std::move(asking);
    if (came || left <= 1 || over() || !may_pass(came.error())) {
      if (!came) came.error().message = without_queries(std::move(came.error().message));
      co_return came;
    }
    auto waiting = delay(pause);
    const Status waited = co_await std::move(waiting);
    if (!waited) co_return waited;
    pause *= 2;
  }
}

Task<void> Download::ask(const HubFile& file, std::uint64_t at, Bytes& piece) {
  ACCEL_CO_TRY(net::Url url, net::parse_url(file.url));
  const net::ByteRange range{at, piece.size()};
  net::HttpCall http;
  if (range.length < *file.bytes) {
    http.headers.add("Range", fmt::format("bytes={}-{}", at, at + piece.size() - 1));
  }
  http.stop = options_.stop;
  http.on_head = [&file, range, is_s3 = options_.s3.has_value()](
                     int status, const net::Headers& headers) -> Status {
    if (is_s3) ACCEL_CHECK(check_version(file, headers));
    return check_head(file, range, status, headers);
  };
  authorize(http, url, file);
  auto asking = client_.get_into(std::move(url), std::move(http), piece);
  const auto reply = co_await std::move(asking);
  if (!reply) co_return fail(reply.error());
  if (!reply->ok()) {
    Error error = refusal(*reply, file);
    if (reply->status == 429 || reply->status >= 500) error.code = Errc::unavailable;
    co_return fail(std::move(error));
  }
  if (reply->body_bytes == piece.size()) co_return Status{};
  co_return fail(Errc::corrupt, "The hub says that {} has {} bytes, but sent {} of {} at {}.",
                 file.path, *file.bytes, reply->body_bytes, piece.size(), at);
}

// exchange::RateBudget does this for leaves; that module is above this one, and pieces come one by
// one here, so a moment from which the line is free again is enough.
Task<void> Download::keep_rate(std::uint64_t bytes) {
  if (options_.max_bytes_per_second == 0) co_return Status{};
  const double seconds =
      static_cast<double>(bytes) / static_cast<double>(options_.max_bytes_per_second);
  const SteadyTime now = clock_.now();
  free_at_ = std::max(free_at_, now) +
             std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  auto waiting = delay(free_at_ - now);
  co_return co_await std::move(waiting);
}

void Download::authorize(net::HttpCall& call, const net::Url& url, const HubFile& file) const {
  if (!options_.token.empty()) call.headers.add("Authorization", "Bearer " + options_.token);
  if (!options_.s3) return;
  if (!file.etag.empty()) call.headers.add("If-Match", "\"" + file.etag + "\"");
  prepare_s3_call(call, url, *options_.s3, clock_.wall_now());
}

Error Download::refusal(const net::HttpReply& reply, const HubFile& file) const {
  if (options_.s3) return s3_refusal_of(reply, file.path, *options_.s3);
  return refusal_of(reply, file.path, !options_.token.empty());
}

void Download::count(std::uint64_t bytes) {
  done_ += bytes;
  if (options_.on_progress) options_.on_progress({done_, report_.bytes_total});
}

}  // namespace

Task<DownloadReport> Session::download(HubListing listing, DownloadOptions options) {
  // The workers refer to this frame: a cancellation must not end it before they have ended.
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  const Executor executor = co_await asio::this_coro::executor;
  const std::size_t workers = std::max<std::size_t>(options.files_at_once, 1);
  TaskGroup group(executor, "download");
  Download work(group, {client_, pool_, clock_}, std::move(listing), std::move(options));
  for (std::size_t i = 0; i < workers; ++i) group.spawn(work.worker());
  auto joining = group.join();
  const Status joined = co_await std::move(joining);
  co_await asio::this_coro::throw_if_cancelled(throwing);
  Result<DownloadReport> result = work.result();
  if (result && !joined) co_return fail(joined.error());
  co_return result;
}

}  // namespace accel::hub
