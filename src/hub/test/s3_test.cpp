// SPDX-License-Identifier: Apache-2.0
// What S3 answers, true and hostile: pure functions.
#include "accel/hub/s3.hpp"

#include <gmock/gmock.h>

#include "refusal.hpp"

namespace accel::hub {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const S3Access kAccess{.endpoint = "http://objects.example", .region = "here", .keys = {}};

S3Object object(const std::string& key, std::uint64_t bytes = 1) {
  return {.key = key, .etag = "e-" + key, .modified = {}, .bytes = bytes};
}

TEST(S3, refs_are_read_or_refused) {
  const auto ref = parse_s3_ref("my.bucket/models/bert base+1/");
  ASSERT_TRUE(ref);
  EXPECT_EQ(ref->bucket, "my.bucket");
  EXPECT_EQ(ref->prefix, "models/bert base+1");
  EXPECT_EQ(ref->text(), "s3:my.bucket/models/bert base+1");
  EXPECT_EQ(parse_s3_ref("//bucket/x").value().text(), "s3:bucket/x");
  EXPECT_EQ(parse_s3_ref("bucket").value().text(), "s3:bucket");
  EXPECT_EQ(parse_s3_ref("bucket/").value().prefix, "");
  for (const char* text : {"", "/", "//", "ab", "../x", "-bucket", "b ucket/x", "bucket//x",
                           "bucket/../x", "bucket/./x", "bucket/x//y", "bucket/x//", "bucket/\n",
                           "bucket/\xff", "bu@cket", "b%2fx", "http://x/y"}) {
    EXPECT_FALSE(parse_s3_ref(text)) << text;
  }
}

TEST(S3, a_bucket_has_its_own_host_at_amazon_and_a_path_elsewhere) {
  EXPECT_EQ(s3_bucket_url(kAccess, "bucket"), "http://objects.example/bucket");
  const S3Access amazon{.endpoint = {}, .region = "eu-central-1", .keys = {}};
  const std::string own = s3_bucket_url(amazon, "bucket");
  EXPECT_TRUE(own.starts_with("https://bucket.s3.eu-central-1.")) << own;
  EXPECT_FALSE(own.ends_with(".cn"));
  for (const char* bucket : {"with.dots", "Capital", "under_score"}) {
    const std::string path = s3_bucket_url(amazon, bucket);
    EXPECT_TRUE(path.starts_with("https://s3.eu-central-1.")) << path;
    EXPECT_TRUE(path.ends_with(std::string("/") + bucket)) << path;
  }
  EXPECT_TRUE(s3_bucket_url({.endpoint = {}, .region = "cn-north-1", .keys = {}}, "bucket")
                  .ends_with(".cn"));
  EXPECT_TRUE(check_s3_region("us-gov-west-1"));
  for (const char* region : {"", "a.b", "a/b", "A", "x:1", "a-", "a b"}) {
    EXPECT_FALSE(check_s3_region(region)) << region;
  }
}

TEST(S3, a_question_names_its_folder_and_where_it_goes_on) {
  EXPECT_EQ(s3_list_url(kAccess, "bucket", {}),
            "http://objects.example/bucket?encoding-type=url&list-type=2&max-keys=1000");
  EXPECT_EQ(s3_list_url(kAccess, "bucket", {.prefix = "a b/", .token = "x/+=", .max_keys = 1}),
            "http://objects.example/bucket?continuation-token=x%2F%2B%3D&encoding-type=url&"
            "list-type=2&max-keys=1&prefix=a%20b%2F");
}

std::string page(const std::string& rows,
                 const std::string& more = "<IsTruncated>false</IsTruncated>") {
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "
         "xmlns=\"http://s3.example/doc/2006-03-01/\"><Name>bucket</Name><EncodingType>url</"
         "EncodingType>" +
         more + rows + "</ListBucketResult>";
}

std::string row(const std::string& key, const std::string& size = "7",
                const std::string& etag = "&quot;abc-2&quot;") {
  return fmt::format(
      "<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{}</ETag>"
      "<Size>{}</Size><Owner><ID>x</ID></Owner><StorageClass>STANDARD</StorageClass></Contents>",
      key, etag, size);
}

TEST(S3, a_page_is_read_with_its_keys_decoded) {
  const auto read = parse_s3_page(
      page(row("a+b%2Bc/%E6%A8%A1.bin") + row("d", "0", "def"),
           "<IsTruncated>true</IsTruncated><NextContinuationToken>x/+=</NextContinuationToken>"));
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->objects.size(), 2U);
  EXPECT_EQ(read->objects[0].key, "a b+c/模.bin");
  EXPECT_EQ(read->objects[0].etag, "abc-2");
  EXPECT_EQ(read->objects[0].bytes, 7U);
  EXPECT_EQ(read->objects[1].etag, "def");
  EXPECT_EQ(read->next, "x/+=");
  const auto plain = parse_s3_page("<ListBucketResult>" + row("a+b%2B") + "</ListBucketResult>");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->objects[0].key, "a+b%2B");
  EXPECT_TRUE(plain->next.empty());
}

TEST(S3, hostile_pages_are_refused_with_a_sentence) {
  const std::pair<std::string, const char*> cases[] = {
      {"not XML", "no XML"},
      {"<Error><Code>X</Code></Error>", "no listing of a bucket, but with <Error>"},
      {page(row("")), "no object can have"},
      {page(row("a%00b")), "no object can have"},
      {page(row("a%0Ab")), "no object can have"},
      {page(row("a%FFb")), "no object can have"},
      {page(row(std::string(1025, 'a'))), "no object can have"},
      {page(row("a%")), "%"},
      {page(row("a", "")), "\"\" bytes"},
      {page(row("a", "-1")), "\"-1\" bytes"},
      {page(row("a", "1x")), "\"1x\" bytes"},
      {page(row("a", "99999999999999999999")), "99999999999999999999"},
      {page(row("a", "4398046511105")), "4398046511105"},
      {page(row("a", "1", "x\ny")), "ETag"},
      {page(row("a", "1", "x y")), "ETag"},
      {page(row("a", "1", std::string(300, 'e'))), "ETag"},
      {page("", "<IsTruncated>true</IsTruncated>"), "not where it goes on"}};
  for (const auto& [text, words] : cases) {
    const auto read = parse_s3_page(text);
    ASSERT_FALSE(read) << text;
    EXPECT_THAT(read.error().message, HasSubstr(words)) << text;
  }
}

TEST(S3, objects_below_a_folder_become_files_with_their_version) {
  const S3Ref ref{"bucket", "models/bert"};
  const std::vector<S3Object> objects{
      object("models/bert/", 0), object("models/bert/onnx/a b+.onnx", 5),
      object("models/bert/config.json"), object("models/bert/onnx/", 0)};
  const auto listing = make_s3_listing(kAccess, ref, objects);
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_EQ(listing->source, "s3:bucket/models/bert");
  EXPECT_EQ(listing->name, "bert");
  ASSERT_EQ(listing->files.size(), 2U);
  EXPECT_EQ(listing->files[0].path, "config.json");
  EXPECT_EQ(listing->files[1].path, "onnx/a b+.onnx");
  EXPECT_EQ(listing->files[1].url, "http://objects.example/bucket/models/bert/onnx/a%20b%2B.onnx");
  EXPECT_EQ(listing->files[1].bytes, 5U);
  std::vector<S3Object> changed = objects;
  changed[2].etag = "other";
  EXPECT_NE(make_s3_listing(kAccess, ref, changed).value().commit, listing->commit);
  std::ranges::reverse(changed = objects);
  EXPECT_EQ(make_s3_listing(kAccess, ref, changed).value().commit, listing->commit);
}

TEST(S3, one_object_is_a_folder_of_one_file) {
  const auto listing =
      make_s3_listing(kAccess, {"bucket", "m/phi 3.gguf"}, {object("m/phi 3.gguf")});
  ASSERT_TRUE(listing) << listing.error().message;
  ASSERT_EQ(listing->files.size(), 1U);
  EXPECT_EQ(listing->files[0].path, "phi 3.gguf");
  EXPECT_EQ(listing->name, "phi_3.gguf");
}

TEST(S3, keys_that_are_no_files_of_a_folder_are_refused) {
  const std::pair<std::vector<S3Object>, const char*> cases[] = {
      {{object("m/../x")}, "no path below a folder"},
      {{object("m//etc/passwd")}, "no path below a folder"},
      {{object("m/a//b")}, "no path below a folder"},
      {{object("m/./b")}, "no path below a folder"},
      {{object("m/a\\b")}, "no path below a folder"},
      {{object("m/a/", 3)}, "no path below a folder"},
      {{object("m/" + std::string(256, 'a'))}, "no path below a folder"},
      {{object("m/a"), object("m/a")}, "names a twice"},
      {{object("m/a"), object("m/a-"), object("m/a/b/c")}, "names both a and a/b/c"},
      {{object("m/a"), object("m/a.part")}, "names a.part"},
      {{object("other/a")}, "the listing has other/a"},
      {{object("m-large/a")}, "the listing has m-large/a"}};
  for (const auto& [objects, words] : cases) {
    const auto listing = make_s3_listing(kAccess, {"bucket", "m"}, objects);
    ASSERT_FALSE(listing) << words;
    EXPECT_EQ(listing.error().code, Errc::corrupt);
    EXPECT_THAT(listing.error().message, HasSubstr(words));
  }
  EXPECT_EQ(make_s3_listing(kAccess, {"bucket", "m"}, {}).error().code, Errc::not_found);
  EXPECT_EQ(make_s3_listing(kAccess, {"bucket", "m"}, {object("m/", 0)}).error().code,
            Errc::not_found);
  std::vector<S3Object> many;
  for (std::size_t i = 0; i <= kMaxFiles; ++i) many.push_back(object("m/" + std::to_string(i)));
  EXPECT_EQ(make_s3_listing(kAccess, {"bucket", "m"}, many).error().code, Errc::resource_exhausted);
}

net::HttpReply reply_of(int status, const std::string& code, const std::string& more = {}) {
  net::HttpReply reply;
  reply.status = status;
  reply.url = net::parse_url("http://objects.example/bucket/a?prefix=x").value();
  if (!code.empty()) {
    reply.body = fmt::format(
        "<?xml version=\"1.0\"?><Error><Code>{}</Code><Message>What it "
        "says.</Message>{}</Error>",
        code, more);
  }
  return reply;
}

TEST(S3, refusals_say_what_to_do_and_repeat_nothing_that_was_signed) {
  S3Access signing = kAccess;
  signing.keys = AwsKeys{"id", "secret", "session"};
  const std::string echo = "<StringToSign>x-amz-security-token:session</StringToSign>";
  struct Case {
    net::HttpReply reply;
    bool has_keys;
    Errc code;
    const char* words;
  };
  const Case cases[] = {
      {reply_of(403, "AccessDenied"), false, Errc::permission_denied, "set AWS_ACCESS_KEY_ID"},
      {reply_of(403, "AccessDenied"), true, Errc::permission_denied, "have no access"},
      {reply_of(403, ""), false, Errc::permission_denied, "models.s3_access_key_id"},
      {reply_of(403, "InvalidAccessKeyId"), true, Errc::unauthenticated, "AWS_ACCESS_KEY_ID"},
      {reply_of(403, "SignatureDoesNotMatch", echo), true, Errc::unauthenticated,
       "AWS_SECRET_ACCESS_KEY"},
      {reply_of(400, "ExpiredToken"), true, Errc::unauthenticated, "AWS_SESSION_TOKEN"},
      {reply_of(403, "RequestTimeTooSkewed"), true, Errc::unauthenticated, "clock"},
      {reply_of(404, "NoSuchBucket"), false, Errc::not_found, "no such bucket"},
      {reply_of(404, ""), false, Errc::not_found, "no such bucket or object"},
      {reply_of(412, ""), true, Errc::corrupt, "pull again"},
      {reply_of(400, "AuthorizationHeaderMalformed", "<Region>there</Region>"), true,
       Errc::invalid_argument, "in the region there: set AWS_REGION"},
      {reply_of(301, "PermanentRedirect"), true, Errc::protocol, "another region"},
      {reply_of(503, "SlowDown"), true, Errc::unavailable, "What it says"}};
  for (const Case& one : cases) {
    const Error error = s3_refusal_of(one.reply, "s3:bucket/a", one.has_keys ? signing : kAccess);
    EXPECT_EQ(error.code, one.code) << error.message;
    EXPECT_THAT(error.message, HasSubstr(one.words));
    EXPECT_THAT(error.message, Not(HasSubstr("session")));
  }
  net::HttpReply moved = reply_of(301, "PermanentRedirect");
  moved.headers.add("x-amz-bucket-region", "eu-central-1");
  EXPECT_THAT(s3_refusal_of(moved, "a", kAccess).message, HasSubstr("in the region eu-central-1"));
  moved.headers.set("x-amz-bucket-region", "not a region\x1b[31m");
  EXPECT_THAT(s3_refusal_of(moved, "a", kAccess).message, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace accel::hub
