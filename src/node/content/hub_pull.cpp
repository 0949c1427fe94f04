// SPDX-License-Identifier: Apache-2.0
#include "content/hub_pull.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "accel/core/async/sync_wait.hpp"
#include "accel/core/file.hpp"
#include "accel/crypto/sha256.hpp"
#include "accel/hub/download.hpp"
#include "content/hub_access.hpp"
#include "content/provenance.hpp"
#include "content/pulling.hpp"
#include "names/names.hpp"
#include "recorder.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::string_view kHuggingFace = "hf:";
constexpr std::string_view kOllama = "ollama:";
constexpr std::string_view kS3 = "s3:";
constexpr std::size_t kFolderDigits = 32;

struct Found {
  hub::HubListing listing;
  HubAccess access;
};

class HubPull {
 public:
  HubPull(Context& context, blockstore::Store& store, HubRequest request)
      : context_(context),
        store_(store),
        request_(std::move(request)),
        session_(context.services.client(), context.services.pool(), context.services.clock()),
        started_(context.services.clock().now()) {}

  Result<json> run() {
    if (!request_.name.empty()) ACCEL_CHECK(check_name(request_.name));
    ACCEL_TRY(Found found, list());
    const std::string origin = origin_of(found.listing);
    if (const auto root = root_of_origin(store_, origin)) return result(found, *root, {});
    const std::filesystem::path folder = folder_of(found.listing, origin);
    ACCEL_CHECK(make_directories(folder.parent_path()));
    ACCEL_TRY(const FileLock lock, FileLock::acquire(folder.string() + ".lock",
                                                     FileLock::Mode::exclusive, /*wait=*/false));
    ACCEL_TRY(const hub::DownloadReport report, download(found, folder));
    ACCEL_TRY(const blockstore::AddedRoot added,
              take_in(folder, found.listing, found.access.is_private()));
    ACCEL_CHECK(record_provenance(context_, store_, added.cid, origin, provenance(found)));
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
    std::filesystem::remove(folder.string() + ".lock", ignored);
    return result(found, added.cid, report);
  }

 private:
  template <class T>
  Result<T> wait(Task<T> task) {
    return sync_wait(context_.services.io().executor(), std::move(task), context_.stop);
  }

  Result<Found> list() {
    const std::string_view target(request_.target);
    if (target.starts_with(kOllama)) return list_ollama(target.substr(kOllama.size()));
    if (target.starts_with(kS3)) return list_s3(target.substr(kS3.size()));
    return list_hugging_face(target.substr(kHuggingFace.size()));
  }

  Result<Found> list_ollama(std::string_view target) {
    ACCEL_TRY(const auto ref, hub::parse_ollama_ref(target));
    Found found{{}, ollama_access(context_.services.config())};
    ACCEL_TRY(found.listing, wait(session_.list_ollama(found.access.endpoint, ref, context_.stop)));
    ACCEL_CHECK(hub::filter_files(found.listing, request_.include, request_.exclude));
    return found;
  }

  Result<Found> list_s3(std::string_view target) {
    ACCEL_TRY(const auto ref, hub::parse_s3_ref(target));
    Found found;
    ACCEL_TRY(found.access, s3_access(context_.services.config()));
    ACCEL_TRY(found.listing, wait(session_.list_s3(*found.access.s3, ref, context_.stop)));
    ACCEL_CHECK(hub::filter_files(found.listing, request_.include, request_.exclude));
    found.access.endpoint = hub::s3_bucket_url(*found.access.s3, ref.bucket);
    return found;
  }

  Result<Found> list_hugging_face(std::string_view target) {
    ACCEL_TRY(const auto ref, hub::parse_hugging_face_ref(target));
    Found found;
    ACCEL_TRY(found.access, hugging_face_access(context_.services.config()));
    const HubAccess& access = found.access;
    ACCEL_TRY(found.listing,
              wait(session_.list_hugging_face(access.endpoint, ref, access.token, context_.stop)));
    ACCEL_CHECK(hub::filter_files(found.listing, request_.include, request_.exclude));
    ACCEL_TRY(found.listing, wait(session_.complete_hugging_face(std::move(found.listing),
                                                                 access.token, context_.stop)));
    return found;
  }

  // The version and, of a part of it, which part.
  static std::string origin_of(const hub::HubListing& listing) {
    std::string text = listing.source + "@" + listing.commit;
    for (const hub::HubFile& file : listing.files) text += "\n" + file.path;
    return text;
  }

  std::filesystem::path folder_of(const hub::HubListing&, const std::string& origin) const {
    const std::string digest = to_hex(crypto::sha256(as_bytes(origin)));
    return context_.services.home().downloads() / digest.substr(0, kFolderDigits);
  }

  Result<hub::DownloadReport> download(const Found& found, const std::filesystem::path& folder) {
    hub::DownloadOptions options;
    options.folder = folder;
    options.token = found.access.token;
    options.s3 = found.access.s3;
    options.max_bytes_per_second = request_.max_bytes_per_second;
    options.stop = context_.stop;
    options.on_progress = [this](const hub::DownloadProgress& progress) {
      const double seconds = to_ms(context_.services.clock().now() - started_) / 1000;
      context_.progress({{"phase", "pull"},
                         {"bytes_done", progress.bytes_done},
                         {"bytes_total", progress.bytes_total},
                         {"bytes_per_second",
                          seconds > 0 ? static_cast<double>(progress.bytes_done) / seconds : 0.0}});
    };
    return wait(session_.download(found.listing, std::move(options)));
  }

  Result<blockstore::AddedRoot> take_in(const std::filesystem::path& folder,
                                        const hub::HubListing& listing, bool is_private) {
    blockstore::AddOptions options;
    options.take_over = true;
    options.hidden = true;  // All that the hub lists, .gitattributes too.
    options.name = listing.name;
    options.is_private = is_private;
    options.stop = context_.stop;
    return store_.add(folder, options);
  }

  json provenance(const Found& found) const {
    json files = json::array();
    for (const hub::HubFile& file : found.listing.files) {
      files.push_back({{"path", file.path}, {"etag", file.etag}, {"sha256", file.sha256}});
      if (file.bytes) files.back()["bytes"] = *file.bytes;
    }
    return {{"source", found.listing.source},
            {"endpoint", found.access.endpoint},
            {"revision", found.listing.revision},
            {"commit", found.listing.commit},
            {"files", std::move(files)}};
  }

  Result<json> result(const Found& found, const ipld::Cid& root,
                      const hub::DownloadReport& report) {
    std::string name = request_.name;
    if (!name.empty()) {
      ACCEL_CHECK(give_name(store_, name, root));
    } else {
      ACCEL_TRY(name, give_free_name(store_, found.listing.name, found.listing.commit, root));
    }
    exchange::PullReport pull;
    pull.root = root;
    for (const hub::HubFile& file : found.listing.files) {
      pull.bytes_total += file.bytes.value_or(0);
    }
    pull.bytes_fetched = report.bytes_fetched;
    pull.bytes_verified = report.bytes_verified;
    pull.bytes_reused = pull.bytes_total - std::min(pull.bytes_total, report.bytes_fetched);
    pull.files = found.listing.files.size();
    pull.seconds = to_ms(context_.services.clock().now() - started_) / 1000;
    exchange::SourceReport source;
    source.url = found.access.endpoint;
    source.bytes = report.bytes_fetched;
    source.blocks = report.files;
    pull.sources.push_back(source);
    record_pull(context_, root, pull);
    json out = json_of(pull);
    out["name"] = name;
    out["source"] = found.listing.source;
    out["revision"] = found.listing.revision;
    out["commit"] = found.listing.commit;
    return out;
  }

  Context& context_;
  blockstore::Store& store_;
  HubRequest request_;
  hub::Session session_;
  SteadyTime started_;
};

}  // namespace

bool is_hub_target(std::string_view text) {
  return text.starts_with(kHuggingFace) || text.starts_with(kOllama) || text.starts_with(kS3);
}

Result<json> pull_from_hub(Context& context, blockstore::Store& store, HubRequest request) {
  return HubPull(context, store, std::move(request)).run();
}

}  // namespace accel::node
