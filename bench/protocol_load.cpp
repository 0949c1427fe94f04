// SPDX-License-Identifier: Apache-2.0
// What a protocol adds to a call, one request at a time: in each turn the bare engine in this
// process, then a running daemon over REST with binary tensors, then over gRPC, with the same model
// and input. The clients are hand-written over blocking sockets and cost next to nothing: gRPC's is
// literal HPACK and frames. Used by bench/protocol_bench, which makes the model.
//
// usage: protocol_load PORT TOKEN MODEL MODEL.onnx TURNS FLOATS
// The model takes x: float32[1, FLOATS] and gives y of that shape. stdout: one JSON object.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/inference/backend.hpp"

namespace {

using accel::tensor::Tensor;
namespace inference = accel::inference;

constexpr int kWarmUp = 50;
constexpr std::uint32_t kWindow = 0x7fff0000;  // So large that no update is ever needed.

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "protocol_load: %s\n", why.c_str());
  std::exit(1);
}

class Connection {
 public:
  explicit Connection(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<std::uint16_t>(port));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0)
      give_up("nobody listens at the port");
  }
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void send(const std::string& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t wrote = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (wrote <= 0) give_up("the server closed");
      sent += static_cast<std::size_t>(wrote);
    }
  }
  // Until so many bytes wait.
  const std::string& need(std::size_t bytes) {
    while (in_.size() < bytes) {
      const ssize_t got = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
      if (got <= 0) give_up("the server closed");
      in_.append(buffer_.data(), static_cast<std::size_t>(got));
    }
    return in_;
  }
  void drop(std::size_t bytes) { in_.erase(0, bytes); }

 private:
  int fd_;
  std::string in_;
  std::vector<char> buffer_ = std::vector<char>(1U << 16U);
};

std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i) & 0xffU));
  return out;
}

// --- REST

class Rest {
 public:
  Rest(int port, const std::string& token, const std::string& model, const std::string& tensor,
       std::size_t floats)
      : connection_(port), answer_(tensor.size()) {
    const std::string head = R"({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, )" +
                             std::to_string(floats) + R"(], "parameters": {"binary_data_size": )" +
                             std::to_string(tensor.size()) +
                             R"(}}], "parameters": {"binary_data_output": true}})";
    request_ = "POST /v2/models/" + model +
               "/infer HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + token +
               "\r\nInference-Header-Content-Length: " + std::to_string(head.size()) +
               "\r\nContent-Length: " + std::to_string(head.size() + tensor.size()) + "\r\n\r\n" +
               head + tensor;
  }
  void call() {
    connection_.send(request_);
    std::size_t size = 1, end = std::string::npos;
    while (end == std::string::npos) {
      end = connection_.need(size).find("\r\n\r\n");
      size = connection_.need(size).size() + 1;
    }
    const std::string& answer = connection_.need(1);
    const std::size_t length = answer.find("\r\nContent-Length: ");
    if (answer.compare(9, 3, "200") != 0 || length > end) give_up(answer);
    const std::size_t body = std::strtoul(answer.c_str() + length + 18, nullptr, 10);
    connection_.need(end + 4 + body);
    if (body < answer_) give_up("the answer is too short");
    connection_.drop(end + 4 + body);
  }

 private:
  Connection connection_;
  std::string request_;
  std::size_t answer_;
};

// --- gRPC

std::string varint(std::size_t value) {
  std::string out;
  for (; value > 0x7f; value >>= 7U) out.push_back(static_cast<char>(value | 0x80U));
  out.push_back(static_cast<char>(value));
  return out;
}
std::string field(int number, const std::string& bytes) {
  return varint(static_cast<std::size_t>(number) << 3U | 2U) + varint(bytes.size()) + bytes;
}
// A literal header field that is not indexed (RFC 7541, section 6.2.2); both below 127 bytes.
std::string header(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + name +
         static_cast<char>(value.size()) + value;
}
std::string frame(int type, int flags, std::uint32_t stream, const std::string& bytes) {
  return big_endian(bytes.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) +
         big_endian(stream, 4) + bytes;
}

class Grpc {
 public:
  Grpc(int port, const std::string& token, const std::string& model, const std::string& tensor,
       std::size_t floats)
      : connection_(port), answer_(tensor.size()) {
    const std::string shape = varint(1) + varint(floats);
    const std::string input = field(1, "x") + field(2, "FP32") + field(3, shape);
    const std::string message = field(1, model) + field(5, input) + field(7, tensor);
    data_ = std::string(1, '\0') + big_endian(message.size(), 4) + message;
    head_ = header(":method", "POST") + header(":scheme", "http") +
            header(":path", "/inference.GRPCInferenceService/ModelInfer") +
            header(":authority", "127.0.0.1") + header("content-type", "application/grpc") +
            header("te", "trailers") + header("authorization", "Bearer " + token);
    const std::string settings = big_endian(4, 2) + big_endian(kWindow, 4);
    connection_.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, settings) +
                     frame(8, 0, 0, big_endian(kWindow - 65535, 4)));
  }
  void call() {
    std::string request = frame(1, 4, stream_, head_);
    for (std::size_t at = 0; at < data_.size(); at += kFrame) {
      const bool last = at + kFrame >= data_.size();
      request += frame(0, last ? 1 : 0, stream_, data_.substr(at, kFrame));
    }
    connection_.send(request);
    std::size_t body = 0;
    while (!take_frame(body)) continue;
    if (body < answer_) give_up("gRPC answered an error, or too little");
    stream_ += 2;
  }

 private:
  static constexpr std::size_t kFrame = 16384;

  // True when the answer is complete.
  bool take_frame(std::size_t& body) {
    const std::string& in = connection_.need(9);
    const auto byte = [&](std::size_t at) {
      return std::size_t{static_cast<unsigned char>(in[at])};
    };
    const std::size_t size = byte(0) << 16U | byte(1) << 8U | byte(2);
    const std::size_t type = byte(3), flags = byte(4);
    const std::size_t stream = byte(5) << 24U | byte(6) << 16U | byte(7) << 8U | byte(8);
    connection_.need(9 + size);
    if (type == 4 && (flags & 1U) == 0) connection_.send(frame(4, 1, 0, {}));
    if (type == 6 && (flags & 1U) == 0) connection_.send(frame(6, 1, 0, in.substr(9, size)));
    if (type == 7) give_up("the server said goodbye");
    connection_.drop(9 + size);
    if (stream != stream_) return false;
    if (type == 3) give_up("the server reset the stream");
    if (type == 0) body += size;
    return type <= 1 && (flags & 1U) != 0;
  }

  Connection connection_;
  std::size_t answer_;
  std::string data_, head_;
  std::uint32_t stream_ = 1;
};

// --- turns

template <class Call>
double microseconds(Call call) {
  const accel::SteadyTime before = accel::system_clock().now();
  call();
  return accel::to_ms(accel::system_clock().now() - before) * 1000;
}

double percentile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

void report(const char* name, const std::vector<double>& values, const std::vector<double>& bare) {
  std::vector<double> added;
  for (std::size_t i = 0; i < values.size(); ++i) added.push_back(values[i] - bare[i]);
  std::printf("\"%s\": {\"p50_us\": %.1f, \"p99_us\": %.1f, \"overhead_p50_us\": %.1f}", name,
              percentile(values, 0.5), percentile(values, 0.99), percentile(added, 0.5));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) give_up("usage: protocol_load PORT TOKEN MODEL MODEL.onnx TURNS FLOATS");
  const int port = std::atoi(argv[1]);
  const int turns = std::atoi(argv[5]);
  const auto floats = static_cast<std::size_t>(std::strtoul(argv[6], nullptr, 10));
  const std::vector<float> values(floats, 0.5F);
  const std::string tensor(reinterpret_cast<const char*>(values.data()), floats * sizeof(float));
  inference::SessionOptions options;
  options.threads = 1;
  auto session = inference::make_onnxruntime_backend()->open(argv[4], options);
  if (!session) give_up(session.error().to_string());
  const Tensor x = Tensor::copy_of<float>({1, static_cast<std::int64_t>(floats)}, values).value();
  const std::vector<inference::NamedTensor> inputs{{"x", &x}};
  Rest rest(port, argv[2], argv[3], tensor, floats);
  Grpc grpc(port, argv[2], argv[3], tensor, floats);
  const auto bare_call = [&] {
    const auto done = (*session)->run(inputs, {}, {});
    if (!done) give_up(done.error().to_string());
  };
  std::vector<double> bare, over_rest, over_grpc;
  for (int turn = -kWarmUp; turn < turns; ++turn) {
    const double a = microseconds(bare_call);
    const double b = microseconds([&] { rest.call(); });
    const double c = microseconds([&] { grpc.call(); });
    if (turn < 0) continue;
    bare.push_back(a);
    over_rest.push_back(b);
    over_grpc.push_back(c);
  }
  std::printf("{\"turns\": %d, \"floats\": %zu, ", turns, floats);
  report("bare", bare, bare);
  std::printf(", ");
  report("rest", over_rest, bare);
  std::printf(", ");
  report("grpc", over_grpc, bare);
  std::printf("}\n");
  return 0;
}
