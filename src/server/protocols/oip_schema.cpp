// SPDX-License-Identifier: Apache-2.0
#include "protocols/oip_schema.hpp"

#include <algorithm>
#include <array>

namespace accel::server::oip {
namespace {

using proto::Card;
using proto::Field;
using proto::Kind;
using proto::Message;

constexpr Message kServerLiveRequest{"ServerLiveRequest", {}};
constexpr std::array<Field, 1> kServerLiveResponseFields{{
    {1, "live", Kind::boolean},
}};
constexpr Message kServerLiveResponse{"ServerLiveResponse", kServerLiveResponseFields};

constexpr Message kServerReadyRequest{"ServerReadyRequest", {}};
constexpr std::array<Field, 1> kServerReadyResponseFields{{
    {1, "ready", Kind::boolean},
}};
constexpr Message kServerReadyResponse{"ServerReadyResponse", kServerReadyResponseFields};

constexpr Message kServerMetadataRequest{"ServerMetadataRequest", {}};
constexpr std::array<Field, 3> kServerMetadataResponseFields{{
    {1, "name", Kind::text},
    {2, "version", Kind::text},
    {3, "extensions", Kind::text, Card::list},
}};
constexpr Message kServerMetadataResponse{"ServerMetadataResponse", kServerMetadataResponseFields};

constexpr std::array<Field, 2> kModelReadyRequestFields{{
    {1, "name", Kind::text},
    {2, "version", Kind::text},
}};
constexpr Message kModelReadyRequest{"ModelReadyRequest", kModelReadyRequestFields};

constexpr std::array<Field, 1> kModelReadyResponseFields{{
    {1, "ready", Kind::boolean},
}};
constexpr Message kModelReadyResponse{"ModelReadyResponse", kModelReadyResponseFields};

constexpr std::array<Field, 2> kModelMetadataRequestFields{{
    {1, "name", Kind::text},
    {2, "version", Kind::text},
}};
constexpr Message kModelMetadataRequest{"ModelMetadataRequest", kModelMetadataRequestFields};

constexpr std::array<Field, 3> kModelMetadataResponseTensorMetadataFields{{
    {1, "name", Kind::text},
    {2, "datatype", Kind::text},
    {3, "shape", Kind::int64, Card::list},
}};
constexpr Message kModelMetadataResponseTensorMetadata{"ModelMetadataResponse.TensorMetadata",
                                                       kModelMetadataResponseTensorMetadataFields};

constexpr std::array<Field, 5> kModelMetadataResponseFields{{
    {1, "name", Kind::text},
    {2, "versions", Kind::text, Card::list},
    {3, "platform", Kind::text},
    {4, "inputs", Kind::message, Card::list, &kModelMetadataResponseTensorMetadata},
    {5, "outputs", Kind::message, Card::list, &kModelMetadataResponseTensorMetadata},
}};
constexpr Message kModelMetadataResponse{"ModelMetadataResponse", kModelMetadataResponseFields};

constexpr std::array<Field, 5> kInferParameterFields{{
    {1, "bool_param", Kind::boolean},
    {2, "int64_param", Kind::int64},
    {3, "string_param", Kind::text},
    {4, "double_param", Kind::fp64},
    {5, "uint64_param", Kind::uint64},
}};
constexpr Message kInferParameter{"InferParameter", kInferParameterFields};

constexpr std::array<Field, 8> kInferTensorContentsFields{{
    {1, "bool_contents", Kind::boolean, Card::packed},
    {2, "int_contents", Kind::int32, Card::packed},
    {3, "int64_contents", Kind::int64, Card::packed},
    {4, "uint_contents", Kind::uint32, Card::packed},
    {5, "uint64_contents", Kind::uint64, Card::packed},
    {6, "fp32_contents", Kind::fp32, Card::packed},
    {7, "fp64_contents", Kind::fp64, Card::packed},
    {8, "bytes_contents", Kind::blob, Card::list},
}};
constexpr Message kInferTensorContents{"InferTensorContents", kInferTensorContentsFields};

constexpr std::array<Field, 5> kModelInferRequestInferInputTensorFields{{
    {1, "name", Kind::text},
    {2, "datatype", Kind::text},
    {3, "shape", Kind::int64, Card::list},
    {4, "parameters", Kind::message, Card::map, &kInferParameter},
    {5, "contents", Kind::message, Card::one, &kInferTensorContents},
}};
constexpr Message kModelInferRequestInferInputTensor{"ModelInferRequest.InferInputTensor",
                                                     kModelInferRequestInferInputTensorFields};

constexpr std::array<Field, 2> kModelInferRequestInferRequestedOutputTensorFields{{
    {1, "name", Kind::text},
    {2, "parameters", Kind::message, Card::map, &kInferParameter},
}};
constexpr Message kModelInferRequestInferRequestedOutputTensor{
    "ModelInferRequest.InferRequestedOutputTensor",
    kModelInferRequestInferRequestedOutputTensorFields};

constexpr std::array<Field, 7> kModelInferRequestFields{{
    {1, "model_name", Kind::text},
    {2, "model_version", Kind::text},
    {3, "id", Kind::text},
    {4, "parameters", Kind::message, Card::map, &kInferParameter},
    {5, "inputs", Kind::message, Card::list, &kModelInferRequestInferInputTensor},
    {6, "outputs", Kind::message, Card::list, &kModelInferRequestInferRequestedOutputTensor},
    {7, "raw_input_contents", Kind::blob, Card::list},
}};
constexpr Message kModelInferRequest{"ModelInferRequest", kModelInferRequestFields};

constexpr std::array<Field, 5> kModelInferResponseInferOutputTensorFields{{
    {1, "name", Kind::text},
    {2, "datatype", Kind::text},
    {3, "shape", Kind::int64, Card::list},
    {4, "parameters", Kind::message, Card::map, &kInferParameter},
    {5, "contents", Kind::message, Card::one, &kInferTensorContents},
}};
constexpr Message kModelInferResponseInferOutputTensor{"ModelInferResponse.InferOutputTensor",
                                                       kModelInferResponseInferOutputTensorFields};

constexpr std::array<Field, 6> kModelInferResponseFields{{
    {1, "model_name", Kind::text},
    {2, "model_version", Kind::text},
    {3, "id", Kind::text},
    {4, "parameters", Kind::message, Card::map, &kInferParameter},
    {5, "outputs", Kind::message, Card::list, &kModelInferResponseInferOutputTensor},
    {6, "raw_output_contents", Kind::blob, Card::list},
}};
constexpr Message kModelInferResponse{"ModelInferResponse", kModelInferResponseFields};

constexpr std::array<Field, 2> kModelStreamInferResponseFields{{
    {1, "error_message", Kind::text},
    {2, "infer_response", Kind::message, Card::one, &kModelInferResponse},
}};
constexpr Message kModelStreamInferResponse{"ModelStreamInferResponse",
                                            kModelStreamInferResponseFields};

constexpr std::array<Field, 2> kModelStatisticsRequestFields{{
    {1, "name", Kind::text},
    {2, "version", Kind::text},
}};
constexpr Message kModelStatisticsRequest{"ModelStatisticsRequest", kModelStatisticsRequestFields};

constexpr std::array<Field, 2> kStatisticDurationFields{{
    {1, "count", Kind::uint64},
    {2, "ns", Kind::uint64},
}};
constexpr Message kStatisticDuration{"StatisticDuration", kStatisticDurationFields};

constexpr std::array<Field, 8> kInferStatisticsFields{{
    {1, "success", Kind::message, Card::one, &kStatisticDuration},
    {2, "fail", Kind::message, Card::one, &kStatisticDuration},
    {3, "queue", Kind::message, Card::one, &kStatisticDuration},
    {4, "compute_input", Kind::message, Card::one, &kStatisticDuration},
    {5, "compute_infer", Kind::message, Card::one, &kStatisticDuration},
    {6, "compute_output", Kind::message, Card::one, &kStatisticDuration},
    {7, "cache_hit", Kind::message, Card::one, &kStatisticDuration},
    {8, "cache_miss", Kind::message, Card::one, &kStatisticDuration},
}};
constexpr Message kInferStatistics{"InferStatistics", kInferStatisticsFields};

constexpr std::array<Field, 6> kModelStatisticsFields{{
    {1, "name", Kind::text},
    {2, "version", Kind::text},
    {3, "last_inference", Kind::uint64},
    {4, "inference_count", Kind::uint64},
    {5, "execution_count", Kind::uint64},
    {6, "inference_stats", Kind::message, Card::one, &kInferStatistics},
}};
constexpr Message kModelStatistics{"ModelStatistics", kModelStatisticsFields};

constexpr std::array<Field, 1> kModelStatisticsResponseFields{{
    {1, "model_stats", Kind::message, Card::list, &kModelStatistics},
}};
constexpr Message kModelStatisticsResponse{"ModelStatisticsResponse",
                                           kModelStatisticsResponseFields};

constexpr std::array<Field, 4> kModelRepositoryParameterFields{{
    {1, "bool_param", Kind::boolean},
    {2, "int64_param", Kind::int64},
    {3, "string_param", Kind::text},
    {4, "bytes_param", Kind::blob},
}};
constexpr Message kModelRepositoryParameter{"ModelRepositoryParameter",
                                            kModelRepositoryParameterFields};

constexpr std::array<Field, 2> kRepositoryIndexRequestFields{{
    {1, "repository_name", Kind::text},
    {2, "ready", Kind::boolean},
}};
constexpr Message kRepositoryIndexRequest{"RepositoryIndexRequest", kRepositoryIndexRequestFields};

constexpr std::array<Field, 4> kRepositoryIndexResponseModelIndexFields{{
    {1, "name", Kind::text},
    {2, "version", Kind::text},
    {3, "state", Kind::text},
    {4, "reason", Kind::text},
}};
constexpr Message kRepositoryIndexResponseModelIndex{"RepositoryIndexResponse.ModelIndex",
                                                     kRepositoryIndexResponseModelIndexFields};

constexpr std::array<Field, 1> kRepositoryIndexResponseFields{{
    {1, "models", Kind::message, Card::list, &kRepositoryIndexResponseModelIndex},
}};
constexpr Message kRepositoryIndexResponse{"RepositoryIndexResponse",
                                           kRepositoryIndexResponseFields};

constexpr std::array<Field, 3> kRepositoryModelLoadRequestFields{{
    {1, "repository_name", Kind::text},
    {2, "model_name", Kind::text},
    {3, "parameters", Kind::message, Card::map, &kModelRepositoryParameter},
}};
constexpr Message kRepositoryModelLoadRequest{"RepositoryModelLoadRequest",
                                              kRepositoryModelLoadRequestFields};

constexpr Message kRepositoryModelLoadResponse{"RepositoryModelLoadResponse", {}};
constexpr std::array<Field, 3> kRepositoryModelUnloadRequestFields{{
    {1, "repository_name", Kind::text},
    {2, "model_name", Kind::text},
    {3, "parameters", Kind::message, Card::map, &kModelRepositoryParameter},
}};
constexpr Message kRepositoryModelUnloadRequest{"RepositoryModelUnloadRequest",
                                                kRepositoryModelUnloadRequestFields};

constexpr Message kRepositoryModelUnloadResponse{"RepositoryModelUnloadResponse", {}};
constexpr std::array<Rpc, 11> kRpcs{{
    {"ServerLive", &kServerLiveRequest, &kServerLiveResponse, true, false},
    {"ServerReady", &kServerReadyRequest, &kServerReadyResponse, true, false},
    {"ServerMetadata", &kServerMetadataRequest, &kServerMetadataResponse, true, false},
    {"ModelReady", &kModelReadyRequest, &kModelReadyResponse, false, false},
    {"ModelMetadata", &kModelMetadataRequest, &kModelMetadataResponse, false, false},
    {"ModelInfer", &kModelInferRequest, &kModelInferResponse, false, false},
    {"ModelStreamInfer", &kModelInferRequest, &kModelStreamInferResponse, false, true},
    {"ModelStatistics", &kModelStatisticsRequest, &kModelStatisticsResponse, false, false},
    {"RepositoryIndex", &kRepositoryIndexRequest, &kRepositoryIndexResponse, false, false},
    {"RepositoryModelLoad", &kRepositoryModelLoadRequest, &kRepositoryModelLoadResponse, false,
     false},
    {"RepositoryModelUnload", &kRepositoryModelUnloadRequest, &kRepositoryModelUnloadResponse,
     false, false},
}};
}  // namespace

std::span<const Rpc> rpcs() { return kRpcs; }

const Rpc* find_rpc(std::string_view path) {
  if (!path.starts_with(kGrpcService)) return nullptr;
  const auto* const found = std::ranges::find(kRpcs, path.substr(kGrpcService.size()), &Rpc::name);
  return found == kRpcs.end() ? nullptr : found;
}

}  // namespace accel::server::oip
