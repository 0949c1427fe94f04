// SPDX-License-Identifier: Apache-2.0
#include "openvino/session.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace accel::inference::openvino {
namespace {

using tensor::DType;

struct Row {
  DType dtype;
  ov_element_type_e type;
};

constexpr std::array kTypes{
    Row{DType::f32, ov_element_type_e::F32},         Row{DType::f64, ov_element_type_e::F64},
    Row{DType::f16, ov_element_type_e::F16},         Row{DType::bf16, ov_element_type_e::BF16},
    Row{DType::i8, ov_element_type_e::I8},           Row{DType::u8, ov_element_type_e::U8},
    Row{DType::i16, ov_element_type_e::I16},         Row{DType::u16, ov_element_type_e::U16},
    Row{DType::i32, ov_element_type_e::I32},         Row{DType::u32, ov_element_type_e::U32},
    Row{DType::i64, ov_element_type_e::I64},         Row{DType::u64, ov_element_type_e::U64},
    Row{DType::boolean, ov_element_type_e::BOOLEAN},
};

ov_element_type_e type_of(DType dtype) {
  return std::ranges::find(kTypes, dtype, &Row::dtype)->type;
}

std::optional<DType> dtype_of(ov_element_type_e type) {
  const auto found = std::ranges::find(kTypes, type, &Row::type);
  return found == kTypes.end() ? std::nullopt : std::optional(found->dtype);
}

tl::unexpected<Error> cancelled() {
  return fail(Errc::cancelled, "The run of the model was cancelled.");
}

// The C API refuses to describe a shape of no dims, that is, of a scalar.
Result<tensor::Shape> shape_of(const Library& library, const ov_tensor_t* value,
                               const std::string& doing) {
  ov_shape_t dims{};
  const ov_status_e status = library.api().tensor_shape(value, &dims);
  std::size_t elements = 0;
  if (status == ov_status_e::INVALID_C_PARAM &&
      library.api().tensor_size(value, &elements) == ov_status_e::OK && elements == 1) {
    return tensor::Shape{};
  }
  ACCEL_CHECK(library.check(status, doing));
  tensor::Shape shape(dims.dims, dims.dims + dims.rank);
  library.api().shape_free(&dims);
  return shape;
}

// What an output tensor holds on to. Owners: the output tensors of one call.
struct OutputMemory {
  std::shared_ptr<ov_infer_request_t> request;
  Handle<ov_tensor_t> tensor;
};

}  // namespace

Result<std::shared_ptr<ov_infer_request_t>> RequestPool::take() {
  ov_infer_request_t* request = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      request = idle_.back().release();
      idle_.pop_back();
    }
  }
  if (request == nullptr) {
    ACCEL_CHECK(
        library_->check(library_->api().request_create(model_.get(), &request), "prepare a run"));
  }
  return std::shared_ptr<ov_infer_request_t>(
      request, [pool = shared_from_this()](ov_infer_request_t* used) { pool->give_back(used); });
}

void RequestPool::give_back(ov_infer_request_t* request) {
  Handle<ov_infer_request_t> owned(request, library_->api().request_free);
  const std::scoped_lock lock(mutex_);
  if (idle_.size() < kMaxIdleRequests) idle_.push_back(std::move(owned));
}

Result<std::unique_ptr<Session>> OpenVinoSession::wrap(std::shared_ptr<RequestPool> pool,
                                                       std::vector<TensorSpec> inputs,
                                                       std::vector<TensorSpec> outputs,
                                                       SessionInfo info) {
  std::unique_ptr<OpenVinoSession> session(
      new OpenVinoSession);  // tidy: raw-new: private constructor
  session->pool_ = std::move(pool);
  session->inputs_ = std::move(inputs);
  session->outputs_ = std::move(outputs);
  session->info_ = std::move(info);
  ACCEL_CHECK(session->check_ports());
  return std::unique_ptr<Session>(std::move(session));
}

Status OpenVinoSession::check_ports() const {
  const Library& library = pool_->library();
  const auto check = [&](auto find, const TensorSpec& spec) -> Status {
    ov_output_const_port_t* port = nullptr;
    ACCEL_CHECK(library.check(find(pool_->model(), spec.name.c_str(), &port),
                              fmt::format("find \"{}\" in the model that it compiled", spec.name),
                              Errc::unsupported));
    library.api().port_free(port);
    return {};
  };
  for (const TensorSpec& spec : inputs_) ACCEL_CHECK(check(library.api().input_by_name, spec));
  for (const TensorSpec& spec : outputs_) ACCEL_CHECK(check(library.api().output_by_name, spec));
  return {};
}

Status OpenVinoSession::set_input(ov_infer_request_t* request, const NamedTensor& input) const {
  const Library& library = pool_->library();
  const std::string& name = std::ranges::find(inputs_, input.name, &TensorSpec::name)->name;
  // The C API has no const here, but inputs are only read.
  auto* dims = const_cast<std::int64_t*>(input.value->shape().data());
  const ov_shape_t shape{static_cast<std::int64_t>(input.value->shape().size()), dims};
  ov_tensor_t* raw = nullptr;
  ACCEL_CHECK(library.check(
      library.api().tensor_borrow(type_of(input.value->dtype()), shape,
                                  const_cast<std::uint8_t*>(input.value->bytes().data()), &raw),
      fmt::format("take the input \"{}\"", name)));
  const Handle<ov_tensor_t> tensor(raw, library.api().tensor_free);
  return library.check(library.api().set_tensor(request, name.c_str(), raw),
                       fmt::format("take the input \"{}\"", name), Errc::invalid_argument);
}

Status OpenVinoSession::infer(ov_infer_request_t* request, const std::stop_token& stop) const {
  const Library& library = pool_->library();
  const Api& api = library.api();
  constexpr std::string_view kDoing = "run the model";
  if (!stop.stop_possible()) return library.check(api.infer(request), kDoing);
  // Only a run that was started asynchronously notices cancel(); wait() returns when it has ended,
  // so the inputs are the caller's again.
  ACCEL_CHECK(library.check(api.start(request), kDoing));
  const std::stop_callback on_stop(stop, [&] { api.cancel(request); });
  const Status status = library.check(api.wait(request), kDoing);
  if (!status && stop.stop_requested()) return cancelled();
  return status;
}

Result<tensor::Tensor> OpenVinoSession::output(const std::shared_ptr<ov_infer_request_t>& request,
                                               const std::string& name) const {
  const Library& library = pool_->library();
  const std::string doing = fmt::format("give the output \"{}\"", name);
  ov_tensor_t* raw = nullptr;
  ACCEL_CHECK(library.check(library.api().get_tensor(request.get(), name.c_str(), &raw), doing));
  const auto memory = std::make_shared<OutputMemory>(
      OutputMemory{request, Handle<ov_tensor_t>(raw, library.api().tensor_free)});
  ov_element_type_e type = ov_element_type_e::DYNAMIC;
  ACCEL_CHECK(library.check(library.api().tensor_type(raw, &type), doing));
  const auto dtype = dtype_of(type);
  if (!dtype) return fail(Errc::unsupported, "The output \"{}\" is no tensor of numbers.", name);
  ACCEL_TRY(tensor::Shape shape, shape_of(library, raw, doing));
  void* data = nullptr;
  ACCEL_CHECK(library.check(library.api().tensor_data(raw, &data), doing));
  ACCEL_TRY(const std::uint64_t size, tensor::byte_count(*dtype, shape));
  return tensor::Tensor::borrow(*dtype, std::move(shape),
                                {static_cast<const std::uint8_t*>(data), size}, memory);
}

Result<std::vector<tensor::Tensor>> OpenVinoSession::run(std::span<const NamedTensor> inputs,
                                                         std::span<const std::string> outputs,
                                                         const RunOptions& options) {
  ACCEL_CHECK(check_inputs(inputs_, inputs));
  ACCEL_CHECK(check_outputs(outputs_, outputs));
  if (options.stop.stop_requested()) return cancelled();
  ACCEL_TRY(const auto request, pool_->take());
  for (const NamedTensor& input : inputs) ACCEL_CHECK(set_input(request.get(), input));
  ACCEL_CHECK(infer(request.get(), options.stop));
  std::vector<tensor::Tensor> tensors;
  const auto add = [&](const std::string& name) -> Status {
    ACCEL_TRY(tensor::Tensor tensor, output(request, name));
    tensors.push_back(std::move(tensor));
    return {};
  };
  for (const std::string& name : outputs) ACCEL_CHECK(add(name));
  if (outputs.empty()) {
    for (const TensorSpec& spec : outputs_) ACCEL_CHECK(add(spec.name));
  }
  return tensors;
}

}  // namespace accel::inference::openvino
