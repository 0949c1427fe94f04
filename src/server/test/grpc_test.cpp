// SPDX-License-Identifier: Apache-2.0
// gRPC's frames and statuses, protobuf by tables, and the contract: api/inference.proto.
#include "protocols/grpc.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <regex>
#include <set>
#include <sstream>

#include "accel/core/file.hpp"
#include "protocols/grpc_server.hpp"
#include "protocols/oip_grpc.hpp"
#include "protocols/oip_schema.hpp"

namespace accel::server {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::HasSubstr;

std::string bytes(std::initializer_list<int> list) {
  std::string out;
  for (const int byte : list) out.push_back(static_cast<char>(byte));
  return out;
}

const proto::Message& request_of(std::string_view rpc) {
  return *oip::find_rpc(std::string(oip::kGrpcService) + std::string(rpc))->request;
}
const proto::Message& reply_of(std::string_view rpc) {
  return *oip::find_rpc(std::string(oip::kGrpcService) + std::string(rpc))->reply;
}

std::string type_of(const proto::Field& field) {
  using proto::Kind;
  static const std::map<Kind, std::string> kNames{
      {Kind::text, "string"},   {Kind::blob, "bytes"},  {Kind::boolean, "bool"},
      {Kind::int32, "int32"},   {Kind::int64, "int64"}, {Kind::uint32, "uint32"},
      {Kind::uint64, "uint64"}, {Kind::fp32, "float"},  {Kind::fp64, "double"}};
  if (field.kind != Kind::message) return kNames.at(field.kind);
  const std::string_view name = field.message->name;
  const std::string last(name.substr(name.rfind('.') + 1));
  return field.card == proto::Card::map ? "map<string, " + last + ">" : last;
}

// "ModelInferRequest.id 3 string one", of every message that a method reaches.
void add_fields(const proto::Message& message, std::set<std::string>& out) {
  if (!out.insert(std::string(message.name)).second) return;
  for (const proto::Field& field : message.fields) {
    const bool many = field.card == proto::Card::list || field.card == proto::Card::packed;
    out.insert(fmt::format("{}.{} {} {}{}", message.name, field.name, field.number,
                           many ? "repeated " : "", type_of(field)));
    if (field.message != nullptr) add_fields(*field.message, out);
  }
}

// The same, and the methods, of the lines of the file.
std::set<std::string> contract() {
  const auto text = read_text_file("api/inference.proto", 1U << 20U);
  EXPECT_TRUE(text);
  const std::regex field(R"(\s*((repeated )?(map<string, \w+>|\w+)) (\w+) = (\d+);.*)");
  const std::regex rpc(R"(\s*rpc (\w+)\((stream )?(\w+)\) returns \((stream )?(\w+)\) \{\}(.*))");
  std::set<std::string> found;
  std::vector<std::string> scope;
  const auto path = [&] {
    std::string joined;
    for (const std::string& one : scope) joined += (joined.empty() || one.empty() ? "" : ".") + one;
    return joined;
  };
  std::istringstream lines(text.value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const std::string code = line.substr(0, line.find("//"));
    std::smatch match;
    if (std::regex_match(line, match, rpc)) {
      const bool open = match[6].str().find("No token") != std::string::npos;
      found.insert(fmt::format("rpc {} {} {} {} {}", match[1].str(), match[3].str(), match[5].str(),
                               match[2].matched && match[4].matched, open));
    } else if (std::regex_match(line, match, field)) {
      found.insert(
          fmt::format("{}.{} {} {}", path(), match[4].str(), match[5].str(), match[1].str()));
    } else if (code.find('{') != std::string::npos) {
      std::istringstream words(code);
      std::string kind, name;
      words >> kind >> name;
      scope.push_back(kind == "message" ? name : "");
      if (kind == "message") found.insert(path());
    } else if (code.find('}') != std::string::npos) {
      scope.pop_back();
    }
  }
  return found;
}

TEST(GrpcContract, names_the_methods_and_fields_that_are_served) {
  std::set<std::string> served;
  for (const oip::Rpc& rpc : oip::rpcs()) {
    served.insert(fmt::format("rpc {} {} {} {} {}", rpc.name, rpc.request->name, rpc.reply->name,
                              rpc.stream, rpc.open));
    add_fields(*rpc.request, served);
    add_fields(*rpc.reply, served);
  }
  EXPECT_EQ(served, contract());
  EXPECT_TRUE(GrpcServer::serves("/inference.GRPCInferenceService/ModelInfer"));
  EXPECT_EQ(oip::find_rpc("/inference.GRPCInferenceService/ModelConfig"), nullptr);
  EXPECT_EQ(oip::find_rpc("/other.Service/ModelInfer"), nullptr);
}

TEST(Proto, reads_and_writes_as_protobuf_does) {
  // Made with the Python package protobuf: model_name "m", id "7", parameters {"a": -1}, one input
  // x FP32 [1, -1] with two floats, raw "\x01\x02".
  const std::string wire =
      bytes({0x0a, 1,    'm',  0x1a, 1,    '7',  0x22, 16,   0x0a, 1,    'a',  0x12,
             11,   0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}) +
      bytes({0x2a, 34,   0x0a, 1,    'x',  0x12, 4,    'F',  'P',  '3', '2',  0x1a, 11,   1,
             0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,   0x2a, 10,   0x32, 8,
             0,    0,    0x80, 0x3f, 0,    0,    0,    0x40, 0x3a, 2,   1,    2});
  const auto message = proto::read(request_of("ModelInfer"), as_bytes(wire));
  ASSERT_TRUE(message) << message.error().message;
  const json expected{
      {"model_name", "m"},
      {"id", "7"},
      {"parameters", {{"a", {{"int64_param", -1}}}}},
      {"inputs",
       {{{"name", "x"},
         {"datatype", "FP32"},
         {"shape", {1, -1}},
         {"contents", {{"fp32_contents", json::binary({0, 0, 0x80, 0x3f, 0, 0, 0, 0x40})}}}}}},
      {"raw_input_contents", json::array({json::binary({1, 2})})}};
  EXPECT_EQ(*message, expected);
  json again = *message;
  again["inputs"][0].erase("contents");  // Packed elements are never sent.
  std::string out;
  proto::write(request_of("ModelInfer"), again, out);
  EXPECT_EQ(proto::read(request_of("ModelInfer"), as_bytes(out)).value(), again);
}

TEST(Proto, passes_over_unknown_fields_and_keeps_the_last_of_two) {
  const auto message = proto::read(request_of("ModelReady"),
                                   as_bytes(bytes({0x0a, 1, 'a', 0x98, 6, 1, 0x0a, 1, 'b'})));
  EXPECT_EQ(message.value(), json({{"name", "b"}}));
}

TEST(Proto, refuses_what_is_no_message) {
  const std::vector<std::string> broken{
      bytes({0x0a}),                          // A length is missing,
      bytes({0x0a, 5, 'a'}),                  // or its bytes.
      bytes({0x08, 1}),                       // A number where a text is wanted.
      bytes({0x0a, 1, 0xff}),                 // No UTF-8.
      bytes({0x2a, 2, 0x1a, 0x7f}),           // An input's shape goes beyond the end.
      bytes({0x2a, 5, 0x2a, 3, 0x32, 1, 0}),  // A quarter of a float.
      bytes({0x22, 2, 0x12, 9}),              // A map's entry is cut off.
      bytes({0x0b})};                         // A group.
  for (const std::string& one : broken) {
    const auto message = proto::read(request_of("ModelInfer"), as_bytes(one));
    ASSERT_FALSE(message) << to_hex(as_bytes(one));
    EXPECT_EQ(message.error().code, Errc::invalid_argument);
  }
}

TEST(Proto, bounds_what_a_small_message_becomes) {
  std::string inputs;
  for (std::size_t i = 0; i <= proto::kMaxValues; ++i) inputs += bytes({0x2a, 0});
  EXPECT_EQ(proto::read(request_of("ModelInfer"), as_bytes(inputs)).error().code,
            Errc::resource_exhausted);
  std::string booleans(proto::kMaxPacked + 1, '\1');  // contents.bool_contents, packed.
  for (const int tag : {0x0a, 0x2a, 0x2a}) {
    std::string head(1, static_cast<char>(tag));
    for (std::size_t rest = booleans.size(); rest > 0; rest >>= 7U)
      head.push_back(static_cast<char>((rest & 0x7fU) | (rest > 0x7f ? 0x80U : 0U)));
    booleans.insert(0, head);
  }
  EXPECT_EQ(proto::read(request_of("ModelInfer"), as_bytes(booleans)).error().code,
            Errc::resource_exhausted);
}

TEST(Grpc, cuts_messages_from_pieces_of_any_size) {
  std::string sent;
  for (const std::string_view text : {"one", "", "three"}) {
    const std::size_t begin = grpc::begin_frame(sent);
    sent += text;
    grpc::end_frame(sent, begin);
  }
  for (std::size_t piece = 1; piece <= sent.size(); ++piece) {
    grpc::FrameReader reader(100);
    std::vector<std::string> got;
    for (std::size_t at = 0; at < sent.size(); at += piece) {
      reader.feed(sent.substr(at, piece));
      while (auto message = reader.next().value()) got.push_back(*message);
    }
    EXPECT_EQ(got, (std::vector<std::string>{"one", "", "three"})) << piece;
    EXPECT_EQ(reader.waiting(), 0U);
  }
}

TEST(Grpc, refuses_frames_by_their_head) {
  const auto code = [](const std::string& head) {
    grpc::FrameReader reader(100);
    reader.feed(head);
    return reader.next().error().code;
  };
  EXPECT_EQ(code(bytes({0, 0, 0, 0, 101})), Errc::resource_exhausted);
  EXPECT_EQ(code(bytes({0, 0xff, 0xff, 0xff, 0xff})), Errc::resource_exhausted);
  EXPECT_EQ(code(bytes({1, 0, 0, 0, 1})), Errc::unsupported);
  EXPECT_EQ(code(bytes({2, 0, 0, 0, 1})), Errc::protocol);
}

TEST(Grpc, a_deadline_is_eight_digits_and_a_unit) {
  const auto read = [](std::string text) {
    net::HttpRequest head;
    head.headers.add("grpc-timeout", std::move(text));
    return grpc::timeout_of(head);
  };
  EXPECT_EQ(read("250m").value(), 250ms);
  EXPECT_EQ(read("7u").value(), 7us);
  EXPECT_EQ(read("0n").value(), 0ns);
  EXPECT_EQ(read("99999999H").value(), 24h);  // Bounded, not overflown.
  for (const char* bad : {"", "m", "12", "-5S", "123456789S", "1.5S", "5x", " 5S"})
    EXPECT_FALSE(read(bad)) << bad;
  EXPECT_EQ(grpc::timeout_of({}).value(), std::nullopt);
}

TEST(Grpc, errors_become_its_statuses) {
  const auto status = [](Errc code) {
    const net::HttpResponse response = grpc::refusal({code, "Ü 100 %", {}});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.headers.get_or("grpc-message", ""), "%C3%9C 100 %25");
    return response.headers.get_or("grpc-status", "") == ""
               ? ""
               : std::string(response.headers.get_or("grpc-status", ""));
  };
  EXPECT_EQ(status(Errc::invalid_argument), "3");
  EXPECT_EQ(status(Errc::timeout), "4");
  EXPECT_EQ(status(Errc::not_found), "5");
  EXPECT_EQ(status(Errc::unsupported), "12");
  EXPECT_EQ(status(Errc::unavailable), "14");
  EXPECT_EQ(status(Errc::unauthenticated), "16");
  const net::Headers full = grpc::trailers(fail(Errc::resource_exhausted, "Later."));
  EXPECT_EQ(full.get_or("grpc-status", ""), "8");
  EXPECT_EQ(full.get_or("grpc-retry-pushback-ms", ""), "1000");
  // google.rpc.Status{8, "Later.", [RetryInfo{1 s}]}, as the package googleapis-common-protos
  // writes it.
  EXPECT_EQ(full.get_or("grpc-status-details-bin", ""),
            "CAgSBkxhdGVyLhowCih0eXBlLmdvb2dsZWFwaXMuY29tL2dvb2dsZS5ycGMuUmV0cnlJbmZvEgQKAggB");
  const net::Headers fine = grpc::trailers({});
  EXPECT_EQ(fine.size(), 1U);
  const net::HttpResponse large = grpc::refusal_of(net::text_response(413, "Too large.\n"));
  EXPECT_EQ(large.headers.get_or("grpc-status", ""), "8");
  EXPECT_EQ(large.headers.get_or("grpc-message", ""), "Too large.");
  const net::HttpResponse late =
      grpc::refusal_of(net::text_response(503, "Late.\n"), Errc::timeout);
  EXPECT_EQ(late.headers.get_or("grpc-status", ""), "4");
  EXPECT_EQ(late.headers.get_or("grpc-message", ""), "Late.");
}

TEST(Grpc, a_long_sentence_is_cut_at_a_character) {
  const auto message_of = [](const std::string& text) {
    return std::string(
        grpc::trailers(fail(Error{Errc::not_found, text, {}})).get_or("grpc-message", ""));
  };
  const std::string fits(1024, 'a');
  EXPECT_EQ(message_of(fits), fits);
  EXPECT_EQ(message_of(fits + "b"), fits);
  const std::string before(1022, 'a');
  EXPECT_EQ(message_of(before + "ü"), before + "%C3%BC");
  EXPECT_EQ(message_of(before + "aü"), before + "a");
  EXPECT_EQ(message_of(before + "€b"), before);
}

json input(const std::string& datatype, std::vector<std::int64_t> shape, json contents = {}) {
  json made{{"name", "x"}, {"datatype", datatype}, {"shape", std::move(shape)}};
  if (!contents.is_null()) made["contents"] = std::move(contents);
  return made;
}

json infer_message(json one, json more = json::object()) {
  json message{{"model_name", "m"}, {"inputs", {std::move(one)}}};
  message.update(more);
  return message;
}

template <class T>
json packed(std::vector<T> values) {
  const auto* const data = reinterpret_cast<const std::uint8_t*>(values.data());
  return json::binary({data, data + values.size() * sizeof(T)});
}

TEST(OipGrpc, raw_and_typed_contents_become_the_bytes_of_an_input) {
  const auto data = [](json message) {
    const auto call = oip::infer_call(std::move(message));
    return call ? call->request.params.at("inputs").at(0).at("data") : json(call.error().message);
  };
  const json two = packed<float>({1, 2});
  EXPECT_EQ(data(infer_message(input("FP32", {2}), {{"raw_input_contents", json::array({two})}})),
            two);
  EXPECT_EQ(data(infer_message(input("FP32", {2}, {{"fp32_contents", two}}))), two);
  EXPECT_EQ(data(infer_message(
                input("INT8", {2}, {{"int_contents", packed<std::int32_t>({-128, 127})}}))),
            packed<std::int8_t>({-128, 127}));
  EXPECT_EQ(data(infer_message(
                input("UINT16", {1}, {{"uint_contents", packed<std::uint32_t>({65535})}}))),
            packed<std::uint16_t>({65535}));
  EXPECT_EQ(data(infer_message(input(
                "UINT32", {1}, {{"uint_contents", packed<std::uint32_t>({4'000'000'000U})}}))),
            packed<std::uint32_t>({4'000'000'000U}));
  EXPECT_EQ(data(infer_message(input("FP32", {0}))), json::binary({}));
}

TEST(OipGrpc, strings_go_behind_their_lengths_as_raw_contents_have_them) {
  const json raw = json::binary({1, 0, 0, 0, 'a', 0, 0, 0, 0, 2, 0, 0, 0, 0xFF, 0});
  const json contents{{"bytes_contents", json::array({json::binary({'a'}), json::binary({}),
                                                      json::binary({0xFF, 0})})}};
  const auto call = oip::infer_call(infer_message(input("BYTES", {3}, contents)));
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->request.params.at("inputs").at(0).at("data"), raw);
  const auto as_raw = oip::infer_call(
      infer_message(input("BYTES", {3}), {{"raw_input_contents", json::array({raw})}}));
  EXPECT_EQ(as_raw->request.params.at("inputs").at(0).at("data"), raw);
  const auto none = oip::infer_call(infer_message(input("BYTES", {0})));
  EXPECT_EQ(none->request.params.at("inputs").at(0).at("data"), json::binary({}));
}

TEST(OipGrpc, a_request_asks_for_bytes_and_carries_what_model_infer_takes) {
  const auto call = oip::infer_call(infer_message(
      input("FP32", {1}),
      {{"id", "7"},
       {"model_version", "1"},
       {"parameters",
        {{"timeout", {{"int64_param", 1500U}}}, {"priority", {{"uint64_param", 1U}}}}},
       {"outputs", {{{"name", "y"}}}},
       {"raw_input_contents", json::array({packed<float>({1})})}}));
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->request.method, "model.infer");
  EXPECT_EQ(call->request.timeout, 1500us);
  EXPECT_EQ(call->request.params.at("priority"), 1);
  EXPECT_EQ(call->request.params.at("outputs"), json({"y"}));
  EXPECT_EQ(call->request.params.at("binary_outputs"), json({"y"}));
  const json result{
      {"outputs",
       {{{"name", "y"}, {"datatype", "FP32"}, {"shape", {1}}, {"data", packed<float>({3})}}}}};
  const json reply = oip::infer_message(*call, result, true);
  EXPECT_EQ(reply,
            json({{"model_name", "m"},
                  {"model_version", "1"},
                  {"id", "7"},
                  {"parameters", {{"explain", {{"string_param", R"({"batches":[],"cached":0})"}}}}},
                  {"outputs", {{{"name", "y"}, {"datatype", "FP32"}, {"shape", {1}}}}},
                  {"raw_output_contents", json::array({packed<float>({3})})}}));
  json known = result;
  known["cached"] = true;
  EXPECT_EQ(oip::infer_message(*call, known, false).at("parameters"),
            json({{"cached", {{"bool_param", true}}}}));
}

TEST(OipGrpc, refuses_by_name_what_is_wrong) {
  const json raw = json::array({packed<float>({1})});
  const auto refused = [](json message, Errc code, const char* part) {
    const auto call = oip::infer_call(std::move(message));
    ASSERT_FALSE(call) << part;
    EXPECT_EQ(call.error().code, code) << call.error().message;
    EXPECT_THAT(call.error().message, HasSubstr(part));
  };
  const auto with = [&](json more) { return infer_message(input("FP32", {1}), std::move(more)); };
  refused({{"inputs", json::array()}}, Errc::invalid_argument, "model_name");
  refused(with({{"model_version", "2"}}), Errc::not_found, "version 2");
  refused(with({{"raw_input_contents", json::array({raw[0], raw[0]})}}), Errc::invalid_argument,
          "2 entries for 1");
  refused(
      infer_message(input("FP32", {1}, {{"fp32_contents", raw[0]}}), {{"raw_input_contents", raw}}),
      Errc::invalid_argument, "both");
  refused(infer_message(input("FP32", {1}, {{"int_contents", raw[0]}})), Errc::invalid_argument,
          "fp32_contents");
  refused(infer_message(input("FP16", {1}, {{"fp32_contents", raw[0]}})), Errc::invalid_argument,
          "raw_input_contents");
  refused(infer_message(input("BYTES", {1}, {{"fp32_contents", raw[0]}})), Errc::invalid_argument,
          "bytes_contents, but fp32_contents");
  refused(
      infer_message(input("FP32", {1}, {{"bytes_contents", json::array({json::binary({'a'})})}})),
      Errc::invalid_argument, "fp32_contents, but bytes_contents");
  refused(infer_message(input("INT8", {1}, {{"int_contents", packed<std::int32_t>({128})}})),
          Errc::invalid_argument, "INT8");
  refused(infer_message(input("UINT8", {1}, {{"uint_contents", packed<std::uint32_t>({256})}})),
          Errc::invalid_argument, "UINT8");
  const auto parameter = [&](const char* name, json value) {
    return with({{"raw_input_contents", raw}, {"parameters", {{name, std::move(value)}}}});
  };
  for (const char* name : {"sequence_id", "triton_enable_empty_final_response"})
    refused(parameter(name, {{"uint64_param", 1U}}), Errc::unsupported, name);
  refused(parameter("timeout", {{"string_param", "1"}}), Errc::invalid_argument, "timeout");
  refused(parameter("timeout", json::object()), Errc::invalid_argument, "one value");
  refused(parameter("priority", {{"uint64_param", 4U}}), Errc::invalid_argument, "priority");
  json shared = input("FP32", {1});
  shared["parameters"] = {{"shared_memory_region", {{"string_param", "r"}}}};
  refused(infer_message(shared), Errc::unsupported, "shared_memory_region");
  refused(with({{"raw_input_contents", raw},
                {"outputs",
                 {{{"name", "y"}, {"parameters", {{"classification", {{"int64_param", 1U}}}}}}}}}),
          Errc::unsupported, "classification");
}

TEST(OipGrpc, other_calls_become_methods_and_their_results_messages) {
  const auto method = [](std::string_view rpc, const json& message) {
    return oip::method_of(*oip::find_rpc(std::string(oip::kGrpcService) + std::string(rpc)),
                          message);
  };
  EXPECT_EQ(method("ModelMetadata", {{"name", "m"}})->params, json({{"model", "m"}}));
  EXPECT_EQ(method("RepositoryModelUnload",
                   {{"model_name", "m"},
                    {"parameters", {{"unload_dependents", {{"bool_param", false}}}}}})
                ->method,
            "models.unload");
  EXPECT_FALSE(
      method("RepositoryModelLoad",
             {{"model_name", "m"}, {"parameters", {{"config", {{"string_param", "{}"}}}}}}));
  EXPECT_FALSE(method("RepositoryIndex", {{"repository_name", "r"}}));
  EXPECT_FALSE(method("ModelReady", json::object()));
  EXPECT_FALSE(method("ModelStatistics", {{"name", "m"}, {"version", "3"}}));
  const json stats{{"model_stats",
                    {{{"name", "m"},
                      {"last_inference", 1785000000000U},
                      {"inference_stats", {{"success", {{"count", 2U}, {"ns", 9U}}}}}}}}};
  std::string wire;
  proto::write(reply_of("ModelStatistics"), stats, wire);
  EXPECT_EQ(proto::read(reply_of("ModelStatistics"), as_bytes(wire)).value(), stats);
}

TEST(Proto, survives_random_bytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string noise(random() % 40, '\0');
    for (char& c : noise) c = static_cast<char>(random() % 3 == 0 ? random() % 64 : random());
    const auto message = proto::read(request_of("ModelInfer"), as_bytes(noise));
    if (message) (void)oip::infer_call(*message);
  }
}

}  // namespace
}  // namespace accel::server
