// SPDX-License-Identifier: Apache-2.0
// The two sides of bench/serving_bench. "offline": what the bare engine gives at best, found by a
// search over rows of a run, threads of a run and runs at a time. "load": a closed loop of clients,
// each on its connection, that embed texts over HTTP, and what they got.
//
// usage: serving_load offline MODEL.onnx SECONDS LENGTH
//        serving_load load PORT TOKEN MODEL SECONDS CLIENTS LENGTH
// LENGTH: tokens of a text, its special ones included. stdout: one JSON object.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/inference/backend.hpp"

namespace {

using accel::SteadyTime;
using accel::tensor::Tensor;
namespace inference = accel::inference;

double seconds_since(SteadyTime start) {
  return accel::to_ms(accel::system_clock().now() - start) / 1000;
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "serving_load: %s\n", why.c_str());
  std::exit(1);
}

// --- offline

struct Shape {
  std::int64_t rows = 1;
  int threads = 1;
  int callers = 1;
};

struct Inputs {
  explicit Inputs(std::int64_t rows, std::int64_t length) {
    for (const char* name : {"input_ids", "attention_mask", "token_type_ids"}) {
      const std::int64_t value = names.empty() ? 2003 : (names.size() == 1 ? 1 : 0);
      const std::vector<std::int64_t> values(static_cast<std::size_t>(rows * length), value);
      tensors.push_back(Tensor::copy_of<std::int64_t>({rows, length}, values).value());
      names.emplace_back(name);
    }
  }
  std::vector<inference::NamedTensor> named() const {
    std::vector<inference::NamedTensor> list;
    for (std::size_t i = 0; i < names.size(); ++i) list.push_back({names[i], &tensors[i]});
    return list;
  }
  std::vector<std::string> names;
  std::vector<Tensor> tensors;
};

double rows_per_second(inference::Session& session, const Shape& shape, std::int64_t length,
                       double seconds) {
  std::atomic<std::int64_t> rows = 0;
  const SteadyTime start = accel::system_clock().now();
  {
    std::vector<std::jthread> callers;  // tidy: thread: a program that measures
    for (int i = 0; i < shape.callers; ++i) {
      callers.emplace_back([&] {
        const Inputs inputs(shape.rows, length);
        while (seconds_since(start) < seconds) {
          const auto done = session.run(inputs.named(), {}, {});
          if (!done) give_up(done.error().to_string());
          rows += shape.rows;
        }
      });
    }
  }
  return static_cast<double>(rows) / seconds_since(start);
}

int offline(const char* model, double seconds, std::int64_t length) {
  const auto backend = inference::make_onnxruntime_backend();
  const int cpus = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  Shape best;
  double best_rate = 0;
  std::string samples;
  for (int threads = 1; threads <= cpus; threads *= 2) {
    inference::SessionOptions options;
    options.threads = threads;
    auto session = backend->open(model, options);
    if (!session) give_up(session.error().to_string());
    for (const std::int64_t rows : {1, 2, 4, 8, 16, 32, 64}) {
      const Shape shape{rows, threads, std::max(cpus / threads, 1)};
      (void)rows_per_second(**session, shape, length, seconds / 5);
      const double rate = rows_per_second(**session, shape, length, seconds);
      samples += std::string(samples.empty() ? "" : ", ") + "[" + std::to_string(rows) + ", " +
                 std::to_string(threads) + ", " + std::to_string(shape.callers) + ", " +
                 std::to_string(rate) + "]";
      if (rate <= best_rate) continue;
      best_rate = rate;
      best = shape;
    }
  }
  std::printf(
      "{\"rows_per_second\": %.2f, \"rows\": %lld, \"threads\": %d, \"callers\": %d, "
      "\"samples\": [%s]}\n",
      best_rate, static_cast<long long>(best.rows), best.threads, best.callers, samples.c_str());
  return 0;
}

// --- load

int connect_to(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<std::uint16_t>(port));
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int one = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0)
    give_up("nobody listens at the port");
  return fd;
}

// Status of one answer with a Content-Length, read whole.
int exchange(int fd, const std::string& request) {
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t wrote = ::send(fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (wrote <= 0) return 0;
    sent += static_cast<std::size_t>(wrote);
  }
  std::string answer;
  std::size_t whole = 0;
  char buffer[16384];
  while (whole == 0 || answer.size() < whole) {
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) return 0;
    answer.append(buffer, static_cast<std::size_t>(got));
    const std::size_t head = answer.find("\r\n\r\n");
    if (whole != 0 || head == std::string::npos) continue;
    const std::size_t length = answer.find("Content-Length: ");
    if (length == std::string::npos || length > head) return 0;
    whole = head + 4 + std::strtoul(answer.c_str() + length + 16, nullptr, 10);
  }
  return std::atoi(answer.c_str() + 9);
}

std::string request_of(const std::string& token, const std::string& model, std::int64_t length) {
  std::string text;
  for (std::int64_t i = 2; i < length; ++i) text += text.empty() ? "is" : " is";
  const std::string body = "{\"model\": \"" + model + "\", \"input\": \"" + text +
                           "\", \"encoding_format\": \"base64\"}";
  return "POST /v1/embeddings HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + token +
         "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

double percentile(std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[std::min(sorted.size() - 1,
                         static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

int load(int port, const std::string& request, double seconds, int clients) {
  std::vector<std::vector<double>> each(static_cast<std::size_t>(clients));
  std::atomic<std::int64_t> failed = 0;
  const SteadyTime start = accel::system_clock().now();
  {
    std::vector<std::jthread> threads;  // tidy: thread: a program that measures
    for (std::vector<double>& latencies : each) {
      threads.emplace_back([&] {
        const int fd = connect_to(port);
        while (seconds_since(start) < seconds) {
          const SteadyTime before = accel::system_clock().now();
          const int status = exchange(fd, request);
          if (status != 200) ++failed;
          if (status == 0) break;
          if (status == 200)
            latencies.push_back(accel::to_ms(accel::system_clock().now() - before));
        }
        ::close(fd);
      });
    }
  }
  const double took = seconds_since(start);
  std::vector<double> all;
  for (const auto& latencies : each) all.insert(all.end(), latencies.begin(), latencies.end());
  std::ranges::sort(all);
  std::printf(
      "{\"rows_per_second\": %.2f, \"requests\": %zu, \"failed\": %lld, "
      "\"p50_ms\": %.2f, \"p99_ms\": %.2f}\n",
      static_cast<double>(all.size()) / took, all.size(), static_cast<long long>(failed.load()),
      percentile(all, 0.5), percentile(all, 0.99));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "offline" && argc == 5)
    return offline(argv[2], std::atof(argv[3]), std::atoll(argv[4]));
  if (mode == "load" && argc == 8) {
    const std::string request = request_of(argv[3], argv[4], std::atoll(argv[7]));
    return load(std::atoi(argv[2]), request, std::atof(argv[5]), std::atoi(argv[6]));
  }
  std::fprintf(stderr,
               "usage: serving_load offline MODEL.onnx SECONDS LENGTH\n"
               "       serving_load load PORT TOKEN MODEL SECONDS CLIENTS LENGTH\n");
  return 2;
}
