// SPDX-License-Identifier: Apache-2.0
// Listings and objects over real sockets, from an endpoint that pages, changes, redirects and lies.
#include <gmock/gmock.h>

#include <map>
#include <mutex>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/file.hpp"
#include "accel/core/markup.hpp"
#include "accel/core/random.hpp"
#include "accel/hub/download.hpp"
#include "accel/net/header_values.hpp"
#include "accel/net/http_server.hpp"

namespace accel::hub {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using namespace std::chrono_literals;

// One bucket, "bucket": lists in pages of page_keys, answers GET with Range and If-Match.
class TestEndpoint {
 public:
  TestEndpoint() {
    auto server = net::HttpServer::listen(io_.executor(), net::TcpEndpoint{},
                                          [this](net::HttpRequest request, std::stop_token) {
                                            return answer(this, std::move(request));
                                          });
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  ~TestEndpoint() { server_->stop(); }

  std::string url() const { return net::base_url(server_->local()); }
  std::map<std::string, std::string> objects;
  std::map<std::string, std::string> listed_etags;  // In place of the true ones.
  std::size_t page_keys = 1000;
  bool honours_if_match = true;
  bool never_ends = false;
  std::string redirect_to;
  std::vector<std::string> signatures() const {
    const std::scoped_lock lock(mutex_);
    return signatures_;
  }

 private:
  static Task<net::HttpResponse> answer(TestEndpoint* self, net::HttpRequest request) {
    co_return self->respond(request);
  }
  net::HttpResponse respond(const net::HttpRequest& request) {
    const std::scoped_lock lock(mutex_);
    signatures_.emplace_back(request.headers.get_or("Authorization", ""));
    if (!redirect_to.empty()) {
      net::HttpResponse response = net::text_response(307, "");
      response.headers.set("Location", redirect_to + request.path);
      return response;
    }
    if (request.path == "/bucket") return list(request);
    const auto key = net::percent_decode(request.path.substr(std::string("/bucket/").size()));
    const auto found = objects.find(key.value_or(""));
    if (found == objects.end()) {
      return net::text_response(404, "<Error><Code>NoSuchKey</Code></Error>");
    }
    return content(request, found->first, found->second);
  }
  static std::string etag(const std::string& text) {
    return "\"" + std::to_string(std::hash<std::string>{}(text)) + "-1\"";
  }
  net::HttpResponse content(const net::HttpRequest& request, const std::string&,
                            const std::string& text) {
    const auto wanted = request.headers.get("If-Match");
    if (honours_if_match && wanted && *wanted != etag(text)) {
      return net::text_response(412, "<Error><Code>PreconditionFailed</Code></Error>");
    }
    const auto range = net::resolve_range(request.headers.get_or("Range", ""), text.size());
    net::HttpResponse response;
    response.headers.set("ETag", etag(text));
    response.body = text;
    if (range.outcome == net::RangeOutcome::partial) {
      response.status = 206;
      response.headers.set("Content-Range", net::content_range(range.range, text.size()));
      response.body = text.substr(range.range.first, range.range.length);
    }
    return response;
  }
  net::HttpResponse list(const net::HttpRequest& request) {
    const std::string prefix = net::query_value(request.query, "prefix").value_or("");
    const std::string after = net::query_value(request.query, "continuation-token").value_or("");
    std::string rows;
    std::string last;
    std::size_t count = 0;
    bool more = never_ends;
    for (const auto& [key, text] : objects) {
      if (!key.starts_with(prefix) || (key <= after && !never_ends)) continue;
      more = more || count == page_keys;
      if (count++ == page_keys) break;
      const auto listed = listed_etags.find(key);
      rows += fmt::format(
          "<Contents><Key>{}</Key><ETag>{}</ETag><Size>{}</Size></Contents>", escape_markup(key),
          escape_markup(listed == listed_etags.end() ? etag(text) : listed->second), text.size());
      last = key;
    }
    const std::string next =
        more ? "<NextContinuationToken>" + escape_markup(last) + "</NextContinuationToken>" : "";
    return net::text_response(
        200, fmt::format("<ListBucketResult><IsTruncated>{}</IsTruncated>{}{}</ListBucketResult>",
                         more, next, rows));
  }

  mutable std::mutex mutex_;
  std::vector<std::string> signatures_;
  IoThread io_{1, "endpoint"};
  std::unique_ptr<net::HttpServer> server_;
};

class S3DownloadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("accel-s3-" + random_hex(system_random(), 8));
    SeededRandom random(4);
    Bytes bytes(300'000);
    random.fill(bytes);
    endpoint_.objects = {{"models/bert/", ""},
                         {"models/bert/config & more.json", "{}"},
                         {"models/bert/onnx/a+b 模.onnx", std::string(as_text(bytes))},
                         {"models/bert-large/other", "x"},
                         {"models/phi.gguf", "GGUF"}};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  S3Access access(bool has_keys = true) const {
    S3Access made{.endpoint = endpoint_.url(), .region = "here", .keys = {}};
    if (has_keys) made.keys = AwsKeys{"id", "secret", ""};
    return made;
  }
  Result<HubListing> list(const std::string& prefix, bool has_keys = true) {
    return sync_wait(io_.executor(), session_.list_s3(access(has_keys), {"bucket", prefix}, {}));
  }
  Result<DownloadReport> download(HubListing listing) {
    DownloadOptions how;
    how.folder = folder_;
    how.s3 = access();
    how.piece_bytes = 64 * 1024;
    how.first_pause = 5ms;
    return sync_wait(io_.executor(), session_.download(std::move(listing), std::move(how)));
  }

  std::filesystem::path folder_;
  TestEndpoint endpoint_;
  IoThread io_{1, "client"};
  OffloadPool pool_{2};
  net::HttpClient client_{io_.executor()};
  Session session_{client_, pool_, system_clock()};
};

TEST_F(S3DownloadTest, brings_a_folder_with_every_request_signed) {
  const auto listing = list("models/bert");
  ASSERT_TRUE(listing) << listing.error().message;
  ASSERT_EQ(listing->files.size(), 2U);
  const auto report = download(*listing);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->bytes_fetched, 300'002U);
  const auto text = read_text_file(folder_ / "onnx/a+b 模.onnx", 1U << 24U);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, endpoint_.objects.at("models/bert/onnx/a+b 模.onnx"));
  EXPECT_THAT(endpoint_.signatures(),
              Each(AllOf(StartsWith("AWS4-HMAC-SHA256 Credential=id/"), Not(HasSubstr("secret")))));
}

TEST_F(S3DownloadTest, asks_without_keys_unsigned) {
  ASSERT_TRUE(list("models/bert", /*has_keys=*/false));
  EXPECT_THAT(endpoint_.signatures(), Each(std::string()));
}

TEST_F(S3DownloadTest, goes_through_all_pages_and_no_further_than_the_limit) {
  for (int i = 0; i < 25; ++i) endpoint_.objects["many/" + std::to_string(i)] = "x";
  endpoint_.page_keys = 7;
  const auto listing = list("many");
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_EQ(listing->files.size(), 25U);
  EXPECT_EQ(endpoint_.signatures().size(), 4U);
  endpoint_.page_keys = 25;
  endpoint_.never_ends = true;
  const auto endless = list("many");
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().code, Errc::resource_exhausted);
}

TEST_F(S3DownloadTest, a_ref_may_name_one_object_and_not_the_start_of_a_name) {
  const auto one = list("models/phi.gguf");
  ASSERT_TRUE(one) << one.error().message;
  ASSERT_EQ(one->files.size(), 1U);
  EXPECT_EQ(one->files[0].path, "phi.gguf");
  const auto none = list("models/ber");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::not_found);
  EXPECT_THAT(none.error().message, HasSubstr("s3:bucket/models/ber"));
}

TEST_F(S3DownloadTest, an_object_that_changes_after_it_was_listed_is_told) {
  for (const bool honours : {true, false}) {
    endpoint_.honours_if_match = honours;
    endpoint_.listed_etags["models/phi.gguf"] = "\"before\"";
    const auto report = download(list("models/phi.gguf").value());
    ASSERT_FALSE(report) << honours;
    EXPECT_EQ(report.error().code, Errc::corrupt);
    EXPECT_THAT(report.error().message, HasSubstr("pull again"));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "phi.gguf"));
  }
}

TEST_F(S3DownloadTest, follows_no_redirect) {
  TestEndpoint other;
  endpoint_.redirect_to = other.url();
  const auto listing = list("models/bert");
  ASSERT_FALSE(listing);
  EXPECT_THAT(listing.error().message, HasSubstr("AWS_REGION"));
  EXPECT_TRUE(other.signatures().empty());
}

}  // namespace
}  // namespace accel::hub
