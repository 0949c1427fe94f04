// SPDX-License-Identifier: Apache-2.0
#include "protocols/missing_route.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/protocol_server.hpp"
#include "protocols/routes.hpp"

namespace accel::server {
namespace {

using ::testing::HasSubstr;

TEST(MissingRoute, says_what_does_its_work_here) {
  for (const auto& [path, words] : {std::pair("/api/embeddings", "/api/embed"),
                                    {"/api/delete", "pin rm"},
                                    {"/api/blobs/sha256:abc", "add --name"},
                                    {"/v1/responses", "/v1/chat/completions"},
                                    {"/v1/audio/speech", "text-to-speech"},
                                    {"/v1/rerank", "text-ranking"},
                                    {"/v1/responsesx", "/v1/embeddings"},
                                    {"/api/nothing", "generate"},
                                    {"/v2/models/m/versions/2", "api/openapi.yaml"}}) {
    const Error error = no_route("POST", path);
    EXPECT_EQ(error.code, Errc::not_found);
    EXPECT_THAT(error.message, HasSubstr(std::string("POST ") + path));
    EXPECT_THAT(error.message, HasSubstr(words));
  }
}

TEST(MissingRoute, of_a_configuration_of_triton_metadata_is_the_way) {
  for (const char* path : {"/v2/models/m/config", "/v2/models/m/versions/1/config"})
    EXPECT_THAT(no_route("GET", path).message, HasSubstr("no Triton configuration"));
}

TEST(MissingRoute, the_nodes_own_api_and_kubos_are_not_ollamas) {
  for (const char* path : {"/api/embeddings", "/api/blobs/x", "/api/v2", "/api/vx/y"}) {
    EXPECT_TRUE(is_ollama_path(path)) << path;
    EXPECT_TRUE(ProtocolServer::serves(path)) << path;
  }
  for (const char* path : {"/api/v1/run", "/api/v1", "/api/v0/add", "/api/v0", "/api", "/api/",
                           "/apis/x", "/metrics", "/"}) {
    EXPECT_FALSE(is_ollama_path(path)) << path;
    EXPECT_FALSE(ProtocolServer::serves(path)) << path;
  }
}

TEST(Routes, are_told_apart_segment_by_segment) {
  constexpr Route kInfer{"POST", "/v2/models/{model}/infer", Protocol::oip, false};
  EXPECT_EQ(match_route(kInfer, {"v2", "models", "m", "infer"}), "m");
  EXPECT_EQ(match_route(kInfer, {"v2", "models", "", "infer"}), std::nullopt);
  EXPECT_EQ(match_route(kInfer, {"v2", "models", "m"}), std::nullopt);
  EXPECT_EQ(match_route(kInfer, {"v2", "models", "m", "infer", ""}), std::nullopt);
  EXPECT_EQ(match_route(kInfer, {"v2", "models", "m", "inferx"}), std::nullopt);
  EXPECT_EQ(match_route(kInfer, {}), std::nullopt);
  constexpr Route kServer{"GET", "/v2", Protocol::oip, true};
  EXPECT_EQ(match_route(kServer, {"v2"}), "");
  EXPECT_EQ(match_route(kServer, {"v2", ""}), std::nullopt);
}

TEST(MissingRoute, none_of_them_is_a_route) {
  for (const Route& route : protocol_routes())
    EXPECT_THAT(no_route(route.method, route.path).message, HasSubstr("those of"));
}

}  // namespace
}  // namespace accel::server
