// SPDX-License-Identifier: Apache-2.0
// A closed loop of clients that let a server write texts over OpenAI's streaming completions, and
// what they got: the same work for any server of that protocol. Used by bench/text_bench.
//
// usage: text_load PORT TOKEN MODEL SECONDS CLIENTS WORDS TOKENS
// Each client asks, on a connection of its own, for TOKENS tokens to a prompt of WORDS words that
// no other request begins with (so that no kept prefix helps). stdout: one JSON object.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "accel/core/clock.hpp"

namespace {

using accel::SteadyTime;

double seconds_since(SteadyTime start) {
  return accel::to_ms(accel::system_clock().now() - start) / 1000;
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "text_load: %s\n", why.c_str());
  std::exit(1);
}

struct Options {
  int port = 0;
  std::string token, model;
  double seconds = 0;
  int clients = 1, words = 0, tokens = 0;
};

struct Answer {
  bool failed = false;
  double begin = 0, first = 0, end = 0;  // Seconds since the start of all.
  long prompt_tokens = 0, answer_tokens = 0;
};

// One request on a connection of its own, read to its end.
class Request {
 public:
  Request(const Options& options, const std::string& prompt, SteadyTime start)
      : start_(start), fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<std::uint16_t>(options.port));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0)
      give_up("nobody listens at the port");
    const std::string body =
        "{\"model\": \"" + options.model + "\", \"prompt\": \"" + prompt +
        "\", \"max_tokens\": " + std::to_string(options.tokens) +
        ", \"temperature\": 0, \"stream\": true, \"stream_options\": {\"include_usage\": true}}";
    const std::string head =
        "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        "Content-Type: application/json\r\nAuthorization: Bearer " +
        options.token + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    const std::string all = head + body;
    answer_.begin = seconds_since(start_);
    for (std::size_t sent = 0; sent < all.size();) {
      const ssize_t wrote = ::send(fd_, all.data() + sent, all.size() - sent, MSG_NOSIGNAL);
      if (wrote <= 0) give_up("the server closed");
      sent += static_cast<std::size_t>(wrote);
    }
  }
  ~Request() { ::close(fd_); }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  Answer read() {
    std::string text;
    std::vector<char> buffer(1U << 16U);
    while (true) {
      const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (got <= 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(got));
      if (answer_.first == 0 && text.find("data: ") != std::string::npos)
        answer_.first = seconds_since(start_);
      if (text.find("data: [DONE]") != std::string::npos) break;
    }
    answer_.end = seconds_since(start_);
    answer_.prompt_tokens = number_after(text, "\"prompt_tokens\":");
    answer_.answer_tokens = number_after(text, "\"completion_tokens\":");
    answer_.failed = text.compare(9, 3, "200") != 0 || answer_.answer_tokens == 0;
    if (answer_.failed && !told_) std::fprintf(stderr, "text_load: %.400s\n", text.c_str());
    told_ = told_ || answer_.failed;
    return answer_;
  }

 private:
  // The last one: usage comes at the end.
  static long number_after(std::string_view text, std::string_view name) {
    const std::size_t at = text.rfind(name);
    if (at == std::string_view::npos) return 0;
    return std::strtol(text.data() + at + name.size(), nullptr, 10);
  }

  static inline std::atomic<bool> told_ = false;
  SteadyTime start_;
  int fd_;
  Answer answer_;
};

std::string prompt_of(int words, std::mt19937& random) {
  static constexpr const char* kWords[] = {"river",  "stone",  "window", "music",
                                           "letter", "garden", "seven",  "bright",
                                           "engine", "paper",  "winter", "harbor"};
  std::string prompt = std::to_string(random() % 1000000);
  for (int i = 0; i < words; ++i) prompt += std::string(" ") + kWords[random() % std::size(kWords)];
  return prompt;
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

void report(const std::vector<Answer>& answers) {
  std::vector<double> first;
  double end = 0;
  long prompt = 0, answer = 0, failed = 0;
  for (const Answer& one : answers) {
    failed += one.failed ? 1 : 0;
    prompt += one.prompt_tokens;
    answer += one.answer_tokens;
    end = std::max(end, one.end);
    if (!one.failed) first.push_back((one.first - one.begin) * 1000);
  }
  std::printf(
      "{\"requests\": %zu, \"failed\": %ld, \"seconds\": %.3f, \"prompt_tokens\": %ld, "
      "\"answer_tokens\": %ld, \"prompt_tokens_per_second\": %.2f, "
      "\"answer_tokens_per_second\": %.2f, \"first_token_p50_ms\": %.2f, "
      "\"first_token_p99_ms\": %.2f}\n",
      answers.size(), failed, end, prompt, answer, static_cast<double>(prompt) / end,
      static_cast<double>(answer) / end, percentile(first, 0.5), percentile(first, 0.99));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) give_up("usage: text_load PORT TOKEN MODEL SECONDS CLIENTS WORDS TOKENS");
  const Options options{
      std::atoi(argv[1]), argv[2],           argv[3], std::atof(argv[4]), std::atoi(argv[5]),
      std::atoi(argv[6]), std::atoi(argv[7])};
  const SteadyTime start = accel::system_clock().now();
  std::mutex mutex;
  std::vector<Answer> answers;
  std::vector<std::thread> clients;
  for (int client = 0; client < options.clients; ++client) {
    clients.emplace_back([&, client] {
      std::mt19937 random(std::random_device{}() + static_cast<unsigned>(client));
      while (seconds_since(start) < options.seconds) {
        const Answer answer = Request(options, prompt_of(options.words, random), start).read();
        const std::scoped_lock lock(mutex);
        answers.push_back(answer);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  report(answers);
  return 0;
}
