// SPDX-License-Identifier: Apache-2.0
#pragma once
// Asks a hub for a listing and brings the files: several at once, in pieces, each checked against
// the size and the SHA-256 that the hub names, resumed where an earlier download ended. Used by
// node. Threads: coroutines on a serial executor; disk work and hashing run on the pool. What the
// constructor takes must outlive every call. A token goes to the hub itself only: HttpClient drops
// it when a redirect leads to another origin, and S3's are not followed; nothing here logs it.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "accel/core/async/offload.hpp"
#include "accel/core/async/task.hpp"
#include "accel/core/clock.hpp"
#include "accel/hub/hugging_face.hpp"
#include "accel/hub/listing.hpp"
#include "accel/hub/ollama.hpp"
#include "accel/hub/s3.hpp"
#include "accel/net/http_client.hpp"

namespace accel::hub {

struct DownloadProgress {
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;
};

struct DownloadOptions {
  std::filesystem::path folder;  // Made; what an earlier download of the listing left is taken up.
  std::string token;             // Sent as "Authorization: Bearer"; empty: none.
  std::optional<S3Access> s3;    // The files are objects of S3, each asked for as it was listed.
  std::size_t files_at_once = 4;
  std::size_t pieces_at_once = 4;          // Of one file: round trips overlap.
  std::uint64_t piece_bytes = 4U << 20U;   // Of one request. Memory: the product of these three.
  std::uint64_t max_bytes_per_second = 0;  // Over all files; 0: no limit.
  int tries = 5;                           // Of a piece, with pauses, while the hub is unavailable.
  Duration first_pause = std::chrono::milliseconds(500);  // Doubles.
  std::stop_token stop;
  std::function<void(const DownloadProgress&)> on_progress;  // On the executor, after each piece.
};

struct DownloadReport {
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_fetched = 0;
  std::uint64_t bytes_resumed = 0;
  std::uint64_t bytes_verified = 0;  // Of files whose SHA-256 the hub gives.
  std::uint64_t files = 0;
};

class Session {
 public:
  Session(net::HttpClient& client, OffloadPool& pool, const Clock& clock)
      : client_(client), pool_(pool), clock_(clock) {}

  // Errors: unauthenticated, permission_denied (names HF_TOKEN), not_found, corrupt, protocol, and
  // those of HttpClient.
  Task<HubListing> list_hugging_face(std::string endpoint, HuggingFaceRef ref, std::string token,
                                     std::stop_token stop);
  Task<HubListing> list_ollama(std::string registry, OllamaRef ref, std::stop_token stop);
  // All pages of the folder, or the one object. Errors: those of make_s3_listing(),
  // permission_denied and unauthenticated (name AWS_ACCESS_KEY_ID), those of HttpClient.
  Task<HubListing> list_s3(S3Access access, S3Ref ref, std::stop_token stop);
  // Fills in what the listing does not say of the files that are to be fetched.
  Task<HubListing> complete_hugging_face(HubListing listing, std::string token,
                                         std::stop_token stop);

  // All files below options.folder. Errors: corrupt (a hub that lies about a size or a digest:
  // names the file and both), those of HttpClient and of the disk, cancelled (what came stays).
  Task<DownloadReport> download(HubListing listing, DownloadOptions options);

 private:
  Task<S3Page> ask_s3(const S3Access& access, const S3Ref& ref, const S3Question& question,
                      std::stop_token stop);
  Task<std::vector<S3Object>> list_s3_objects(const S3Access& access, const S3Ref& ref,
                                              std::stop_token stop);

  net::HttpClient& client_;
  OffloadPool& pool_;
  const Clock& clock_;
};

}  // namespace accel::hub
