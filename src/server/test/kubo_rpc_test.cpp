// SPDX-License-Identifier: Apache-2.0
// The RPC's words without a node behind them. Replies as Kubo 0.43.1 gave them.
#include "protocols/kubo_rpc.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/utsname.h>

#include <set>

#include "protocols/kubo_replies.hpp"
#include "protocols/kubo_rpc_server.hpp"

namespace accel::server::kubo {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr const char* kCid = "QmPTH5Pqp3xrHzf29w8k1dE6XfVNS4gEtTKzFVFjd7xvkf";

Result<MethodRequest> method(std::string_view path, std::string_view query) {
  const Command* const command = find_command(path);
  if (command == nullptr) return fail(Errc::not_found, "No such command.");
  ACCEL_TRY(const Query read, read_query(query));
  ACCEL_CHECK(check_query(*command, read));
  return method_of(*command, read);
}

json reply(std::string_view path, std::string_view query, const json& result) {
  const auto text = reply_of(*find_command(path), read_query(query).value(), result);
  return text ? json::parse(*text, nullptr, false) : json(text.error().message);
}

TEST(KuboRpc, a_query_has_arguments_and_options) {
  const auto query = read_query("arg=a%2Fb&arg=c&offset=3&progress");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->args, (std::vector<std::string>{"a/b", "c"}));
  EXPECT_EQ(query->options.at("offset"), "3");
  EXPECT_FALSE(read_query("arg=%zz"));
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "arg=x&";
  EXPECT_FALSE(read_query(many));
}

TEST(KuboRpc, commands_become_methods) {
  const auto cat = method("cat", "arg=x&offset=2&length=5");
  ASSERT_TRUE(cat) << cat.error().message;
  EXPECT_EQ(cat->method, "content.cat");
  EXPECT_EQ(cat->params, json({{"target", "x"}, {"offset", 2}, {"length", 5}}));
  const auto publish = method("name/publish", "arg=/ipfs/x&key=k&lifetime=1h30m&ttl=10s");
  EXPECT_EQ(publish->params.at("lifetime_seconds"), 5400);
  EXPECT_EQ(publish->params.at("ttl_seconds"), 10);
  EXPECT_EQ(method("pin/add", "arg=x&recursive=false")->params.at("recursive"), false);
  EXPECT_EQ(method("key/rename", "arg=a&arg=b&force=true")->params,
            json({{"from", "a"}, {"to", "b"}, {"force", true}}));
}

TEST(KuboRpc, every_command_that_is_no_upload_has_a_method_of_the_node) {
  for (const Command& command : commands()) {
    if (command.answer == Answer::upload) continue;
    std::string query;
    for (std::size_t i = 0; i < command.least_args; ++i) query += "arg=x&";
    const auto request = method(command.path, query);
    ASSERT_TRUE(request) << command.path << ": " << request.error().message;
    EXPECT_NE(node::Node::find_method(request->method), nullptr) << request->method;
  }
}

TEST(KuboRpc, get_is_an_archive_and_is_not_compressed) {
  const auto get = method("get", "arg=x/y&archive=true&compress=false&progress=true");
  ASSERT_TRUE(get) << get.error().message;
  EXPECT_EQ(get->method, "content.tar");
  EXPECT_EQ(get->params, json({{"target", "x/y"}}));
  EXPECT_THAT(method("get", "arg=x&compress=true").error().message, HasSubstr("compress"));
  EXPECT_THAT(method("get", "arg=x&compression-level=9").error().message,
              HasSubstr("compression-level"));
  EXPECT_FALSE(method("get", "arg=x&output=y"));
}

TEST(KuboRpc, what_nobody_reads_is_refused_by_name) {
  EXPECT_THAT(method("cat", "arg=x&colour=red").error().message, HasSubstr("colour"));
  EXPECT_EQ(method("cat", "").error().code, Errc::invalid_argument);
  EXPECT_FALSE(method("cat", "arg=a&arg=b"));
  EXPECT_FALSE(method("cat", "arg=a&offset=many"));
  EXPECT_FALSE(method("key/gen", "arg=a&type=rsa"));
  EXPECT_FALSE(method("pin/ls", "type=indirect"));
  EXPECT_FALSE(method("pin/add", "arg=a&recursive=perhaps"));
  EXPECT_TRUE(method("cat", "arg=x&stream-channels=true&timeout=5s"));
  EXPECT_EQ(find_command("files/ls"), nullptr);
}

TEST(KuboRpc, an_option_without_a_value_is_not_passed_over) {
  const Command& add = *find_command("add");
  EXPECT_EQ(check_query(add, read_query("nocopy").value()).error().code, Errc::unsupported);
  EXPECT_EQ(check_query(add, read_query("colour").value()).error().code, Errc::unsupported);
  EXPECT_TRUE(check_query(add, read_query("nocopy=false&to-files=&progress").value()));
  EXPECT_TRUE(method("name/publish", "arg=/ipfs/x&allow-offline"));
}

TEST(KuboRpc, offline_reaches_whoever_would_ask_others) {
  EXPECT_EQ(method("name/resolve", "arg=x&offline=true")->params.at("offline"), true);
  EXPECT_EQ(method("name/resolve", "arg=x")->params.at("offline"), false);
  EXPECT_EQ(method("name/publish", "arg=/ipfs/x&offline")->params.at("offline"), true);
  EXPECT_FALSE(method("name/resolve", "arg=x&offline=perhaps"));
  EXPECT_FALSE(method("name/resolve", "arg=x&recursive=false"));
  EXPECT_EQ(method("swarm/connect", "arg=x&offline=true").error().code, Errc::unsupported);
  EXPECT_TRUE(method("cat", "arg=x&offline=true"));
}

TEST(KuboRpc, version_tells_the_machine_that_this_was_built_for) {
  utsname machine{};
  ASSERT_EQ(::uname(&machine), 0);
  const std::string name = machine.machine;
  const std::string arch = name == "x86_64" ? "amd64" : name == "aarch64" ? "arm64" : name;
  EXPECT_EQ(reply("version", "", json::object()).at("System"), arch + "/linux");
}

TEST(KuboRpc, add_has_kubos_defaults_and_options) {
  const auto plain = add_params(read_query("progress=true").value());
  EXPECT_EQ(plain->at("profile"), "unixfs-v0-2015");
  const auto more = add_params(
      read_query("cid-version=1&raw-leaves=false&chunker=size-1000&only-hash=true").value());
  EXPECT_EQ(more->at("cid_version"), 1);
  EXPECT_EQ(more->at("raw_leaves"), false);
  EXPECT_EQ(more->at("chunker"), "size-1000");
  EXPECT_EQ(more->at("only_hash"), true);
  EXPECT_FALSE(add_params(read_query("cid-version=one").value()));
}

TEST(KuboRpc, replies_are_those_of_kubo) {
  const json entries{{"entries",
                      {{{"name", "a.txt"}, {"cid", "QmA"}, {"bytes", 3}, {"kind", "file"}},
                       {{"name", "sub"}, {"cid", "QmB"}, {"bytes", 58}, {"kind", "directory"}}}}};
  const json listed = reply("ls", std::string("arg=") + kCid, entries).at("Objects").at(0);
  EXPECT_EQ(listed.at("Hash"), kCid);
  EXPECT_EQ(listed.at("Links").at(0),
            json({{"Name", "a.txt"}, {"Hash", "QmA"}, {"Size", 3}, {"Type", 2}, {"Target", ""}}));
  EXPECT_EQ(listed.at("Links").at(1).at("Type"), 1);
  EXPECT_EQ(reply("pin/add", "arg=x", {{"cid", kCid}}), json({{"Pins", {kCid}}}));
  EXPECT_EQ(reply("dag/resolve", "arg=x", {{"cid", kCid}, {"remainder", {"a", "b"}}}),
            json({{"Cid", {{"/", kCid}}}, {"RemPath", "a/b"}}));
  EXPECT_EQ(reply("swarm/connect", "arg=x", {{"peer", "12D3"}}),
            json({{"Strings", {"connect 12D3 success"}}}));
}

TEST(KuboRpc, pins_are_listed_at_once_or_line_by_line) {
  const json pins{{"pins", {{{"cid", "QmA"}, {"type", "recursive"}, {"name", "n"}}}}};
  EXPECT_EQ(reply("pin/ls", "", pins),
            json({{"Keys", {{"QmA", {{"Type", "recursive"}, {"Name", "n"}}}}}}));
  EXPECT_EQ(reply("pin/ls", "stream=true", pins),
            json({{"Cid", "QmA"}, {"Type", "recursive"}, {"Name", "n"}}));
  EXPECT_EQ(reply("pin/ls", "arg=QmB", pins), "path 'QmB' is not pinned");
}

TEST(KuboRpc, what_was_added_is_told_line_by_line) {
  const std::vector<AddedEntry> added{{"d/a.txt", "QmA", 11, 3, false}, {"d", "QmD", 66, 0, true}};
  EXPECT_EQ(add_lines(added, true),
            "{\"Bytes\":3,\"Name\":\"d/a.txt\"}\n"
            "{\"Hash\":\"QmA\",\"Name\":\"d/a.txt\",\"Size\":\"11\"}\n"
            "{\"Hash\":\"QmD\",\"Name\":\"d\",\"Size\":\"66\"}\n");
}

TEST(KuboRpc, errors_have_kubos_shape) {
  const Error error{Errc::not_found, "It is not here.", "/secret/path"};
  EXPECT_EQ(json::parse(error_reply(error)),
            json({{"Message", "It is not here."}, {"Code", 0}, {"Type", "error"}}));
  EXPECT_EQ(error_status(error), 500);
  EXPECT_EQ(error_status({Errc::unsupported, "", {}}), 400);
}

TEST(KuboRpc, durations_are_those_of_go) {
  EXPECT_EQ(duration_of("1h30m")->count(), 5'400'000);
  EXPECT_EQ(duration_of("250ms")->count(), 250);
  for (const char* text : {"h", "-1s", "1x", "1h30", "99999999999999999999s"}) {
    EXPECT_FALSE(duration_of(text)) << text;
  }
}

TEST(KuboRpc, pages_of_others_and_browsers_that_hide_are_refused) {
  net::HttpRequest head;
  head.headers.set("Host", "127.0.0.1:5080");
  EXPECT_TRUE(KuboRpcServer::check_browser(head));
  head.headers.set("User-Agent", "Mozilla/5.0");
  EXPECT_EQ(KuboRpcServer::check_browser(head).error().code, Errc::permission_denied);
  head.headers.set("Referer", "http://127.0.0.1:5080/page");
  EXPECT_TRUE(KuboRpcServer::check_browser(head));
  head.headers.set("Referer", "http://evil.example/page");
  EXPECT_EQ(KuboRpcServer::check_browser(head).error().code, Errc::permission_denied);
}

}  // namespace
}  // namespace accel::server::kubo
