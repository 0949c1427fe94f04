// SPDX-License-Identifier: Apache-2.0
// Downloads over real sockets from hubs that are honest, that lie, that stumble and that redirect.
#include "accel/hub/download.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <mutex>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/file.hpp"
#include "accel/core/random.hpp"
#include "accel/crypto/sha256.hpp"
#include "accel/net/header_values.hpp"
#include "accel/net/http_server.hpp"

namespace accel::hub {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

// Answers "/files/NAME" with Range, or redirects it to another server of this kind.
class TestHub {
 public:
  TestHub() {
    auto server = net::HttpServer::listen(io_.executor(), net::TcpEndpoint{},
                                          [this](net::HttpRequest request, std::stop_token) {
                                            return answer(this, std::move(request));
                                          });
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  ~TestHub() { server_->stop(); }

  std::string url(const std::string& path) const { return net::base_url(server_->local()) + path; }
  std::map<std::string, std::string> files;
  std::string redirect_to;              // A base URL.
  std::atomic<int> fails_at_first = 0;  // 503.
  std::atomic<bool> ignores_range = false;
  std::vector<std::string> tokens() const {
    const std::scoped_lock lock(mutex_);
    return tokens_;
  }
  int requests() const { return requests_; }

 private:
  static Task<net::HttpResponse> answer(TestHub* self, net::HttpRequest request) {
    co_return self->respond(request);
  }
  net::HttpResponse respond(const net::HttpRequest& request) {
    ++requests_;
    {
      const std::scoped_lock lock(mutex_);
      tokens_.emplace_back(request.headers.get_or("Authorization", ""));
    }
    if (fails_at_first > 0) {
      --fails_at_first;
      return net::text_response(503, "busy");
    }
    if (!redirect_to.empty()) {
      net::HttpResponse response = net::text_response(302, "");
      response.headers.set("Location", redirect_to + request.path + "?X-Signature=secret");
      return response;
    }
    const auto found = files.find(request.path);
    if (found == files.end()) return net::text_response(404, "no such file");
    const auto range =
        net::resolve_range(request.headers.get_or("Range", ""), found->second.size());
    net::HttpResponse response;
    response.body = found->second;
    if (range.outcome == net::RangeOutcome::partial && !ignores_range) {
      response.status = 206;
      response.headers.set("Content-Range", net::content_range(range.range, found->second.size()));
      response.body = found->second.substr(range.range.first, range.range.length);
    }
    return response;
  }

  std::atomic<int> requests_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> tokens_;
  IoThread io_{1, "hub"};
  std::unique_ptr<net::HttpServer> server_;
};

class DownloadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("accel-hub-" + random_hex(system_random(), 8));
    SeededRandom random(3);
    Bytes bytes(300'000);
    random.fill(bytes);
    content_ = as_text(bytes);
    hub_.files["/files/model.bin"] = content_;
    hub_.files["/files/config.json"] = "{}";
    hub_.files["/files/empty"] = "";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  HubFile file(const std::string& name, bool with_digest = true) {
    const std::string& text = hub_.files["/files/" + name];
    HubFile made;
    made.path = "sub/" + name;
    made.url = hub_.url("/files/" + name);
    made.bytes = text.size();
    if (with_digest) made.sha256 = to_hex(crypto::sha256(as_bytes(text)));
    return made;
  }
  HubListing all() {
    HubListing listing;
    listing.source = "hf:org/name";
    listing.files = {file("model.bin"), file("config.json"), file("empty", false)};
    return listing;
  }
  DownloadOptions options() {
    DownloadOptions made;
    made.folder = folder_;
    made.piece_bytes = 64 * 1024;
    made.first_pause = 5ms;
    return made;
  }
  Result<DownloadReport> download(HubListing listing, DownloadOptions how) {
    net::HttpClient client(io_.executor());
    Session session(client, pool_, system_clock());
    return sync_wait(io_.executor(), session.download(std::move(listing), std::move(how)));
  }
  std::string read(const std::string& path) {
    const auto text = read_text_file(folder_ / path, 1U << 24U);
    return text ? *text : "nothing";
  }

  std::filesystem::path folder_;
  std::string content_;
  TestHub hub_;
  IoThread io_{1, "client"};
  OffloadPool pool_{2};
};

TEST_F(DownloadTest, brings_files_in_pieces_and_checks_them) {
  std::uint64_t last = 0;
  DownloadOptions how = options();
  how.on_progress = [&](const DownloadProgress& progress) { last = progress.bytes_done; };
  const auto report = download(all(), how);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(read("sub/model.bin"), content_);
  EXPECT_EQ(read("sub/config.json"), "{}");
  EXPECT_EQ(read("sub/empty"), "");
  EXPECT_EQ(report->bytes_fetched, content_.size() + 2);
  EXPECT_EQ(last, report->bytes_total);
  EXPECT_EQ(hub_.requests(), 5 + 1);
  // Again: everything is here.
  const auto again = download(all(), options());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->bytes_fetched, 0U);
  EXPECT_EQ(again->bytes_resumed, content_.size() + 2);
}

TEST_F(DownloadTest, goes_on_where_an_earlier_one_ended) {
  std::filesystem::create_directories(folder_ / "sub");
  ASSERT_TRUE(write_file_atomic(folder_ / "sub/model.bin.part",
                                as_bytes(std::string_view(content_).substr(0, 100'000))));
  const auto report = download(all(), options());
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->bytes_resumed, 100'000U);
  EXPECT_EQ(read("sub/model.bin"), content_);
}

TEST_F(DownloadTest, a_false_rest_of_an_earlier_one_is_thrown_away) {
  std::filesystem::create_directories(folder_ / "sub");
  ASSERT_TRUE(write_file_atomic(folder_ / "sub/model.bin.part", Bytes(1000, 1)));
  const auto report = download(all(), options());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::corrupt);
  const auto again = download(all(), options());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(read("sub/model.bin"), content_);
}

TEST_F(DownloadTest, a_hub_that_lies_about_a_digest_is_named) {
  HubListing listing = all();
  listing.files[0].sha256 = std::string(64, 'b');
  const auto report = download(listing, options());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::corrupt);
  EXPECT_THAT(report.error().message, HasSubstr("sub/model.bin"));
  EXPECT_THAT(report.error().message, HasSubstr(std::string(64, 'b')));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "sub/model.bin"));
}

TEST_F(DownloadTest, a_hub_that_lies_about_a_size_is_named) {
  for (const int difference : {-7, 7}) {
    for (const std::size_t which : {0U, 1U}) {
      HubListing listing = all();
      *listing.files[which].bytes += static_cast<std::uint64_t>(which == 1 ? 7 : difference);
      const auto report = download(listing, options());
      ASSERT_FALSE(report);
      EXPECT_EQ(report.error().code, Errc::corrupt) << report.error().message;
      EXPECT_THAT(report.error().message, HasSubstr("bytes, but the file there has"));
      std::filesystem::remove_all(folder_);
    }
  }
}

TEST_F(DownloadTest, a_hub_that_is_busy_is_asked_again) {
  hub_.fails_at_first = 3;
  DownloadOptions how = options();
  how.files_at_once = 1;
  const auto report = download(all(), how);
  ASSERT_TRUE(report) << report.error().message;
  hub_.fails_at_first = 1000;
  std::filesystem::remove_all(folder_);
  const auto gone = download(all(), how);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Errc::unavailable);
}

TEST_F(DownloadTest, a_token_goes_to_the_hub_and_to_nobody_that_it_redirects_to) {
  TestHub cdn;
  cdn.files = hub_.files;
  hub_.redirect_to = cdn.url("");
  DownloadOptions how = options();
  how.token = "hf_secret";
  const auto report = download(all(), how);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(read("sub/model.bin"), content_);
  for (const auto& token : hub_.tokens()) EXPECT_EQ(token, "Bearer hf_secret");
  ASSERT_GT(cdn.tokens().size(), 5U);
  for (const auto& token : cdn.tokens()) EXPECT_EQ(token, "");
}

TEST_F(DownloadTest, no_signature_and_no_token_stands_in_an_error) {
  TestHub cdn;
  hub_.redirect_to = cdn.url("");
  DownloadOptions how = options();
  how.token = "hf_secret";
  const auto report = download(all(), how);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::not_found);
  EXPECT_THAT(report.error().message, Not(HasSubstr("secret")));
  cdn.files = hub_.files;
  cdn.ignores_range = true;
  const auto whole = download(all(), how);
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code, Errc::unsupported);
  EXPECT_THAT(whole.error().message, HasSubstr("ignores Range"));
  EXPECT_THAT(whole.error().message, Not(HasSubstr("secret")));
}

TEST_F(DownloadTest, a_stop_keeps_what_came) {
  std::stop_source stop;
  DownloadOptions how = options();
  how.files_at_once = 1;
  how.stop = stop.get_token();
  how.on_progress = [&](const DownloadProgress& progress) {
    if (progress.bytes_done >= 128 * 1024) stop.request_stop();
  };
  const auto report = download(all(), how);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::cancelled);
  const auto again = download(all(), options());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_GE(again->bytes_resumed, 128U * 1024);
  EXPECT_EQ(read("sub/model.bin"), content_);
}

// The task alone is cancelled, wherever it is; nothing may hang or be left running.
TEST_F(DownloadTest, a_cancelled_task_comes_to_rest) {
  for (const int pieces : {1, 2, 4}) {
    std::stop_source cancel;
    DownloadOptions how = options();
    how.piece_bytes = 16 * 1024;
    how.on_progress = [&](const DownloadProgress& progress) {
      if (progress.bytes_done >= static_cast<std::uint64_t>(pieces) * 16 * 1024) {
        cancel.request_stop();
      }
    };
    net::HttpClient client(io_.executor());
    Session session(client, pool_, system_clock());
    const auto report = sync_wait(io_.executor(), session.download(all(), how), cancel.get_token());
    EXPECT_FALSE(report);
    EXPECT_EQ(pool_.queued(), 0U);
  }
  const auto again = download(all(), options());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(read("sub/model.bin"), content_);
}

TEST_F(DownloadTest, a_rate_is_kept) {
  DownloadOptions how = options();
  how.max_bytes_per_second = 1'000'000;
  const SteadyTime start = system_clock().now();
  ASSERT_TRUE(download(all(), how));
  EXPECT_GE(system_clock().now() - start, 250ms);
}

TEST_F(DownloadTest, a_listing_is_asked_for_with_the_token_and_refusals_say_what_to_do) {
  net::HttpClient client(io_.executor());
  Session session(client, pool_, system_clock());
  const std::string info = "/api/models/org/name/revision/main";
  hub_.files[info] =
      R"({"sha":"c0ffee","siblings":[{"rfilename":"a.txt"},{"rfilename":"b.txt","size":3}]})";
  hub_.files["/org/name/resolve/c0ffee/a.txt"] = "hello";
  auto listing = sync_wait(io_.executor(),
                           session.list_hugging_face(hub_.url(""), {"org/name"}, "hf_secret", {}));
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_EQ(hub_.tokens().front(), "Bearer hf_secret");
  listing = sync_wait(io_.executor(),
                      session.complete_hugging_face(std::move(*listing), "hf_secret", {}));
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_EQ(listing->files[0].bytes, 5U);
  const auto none = sync_wait(
      io_.executor(), session.list_hugging_face(hub_.url(""), {"org/none"}, "hf_secret", {}));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::not_found);
  EXPECT_THAT(none.error().message, HasSubstr("hf:org/none"));
}

}  // namespace
}  // namespace accel::hub
