// SPDX-License-Identifier: Apache-2.0
// A load generator for HTTP/1.1 servers, on one thread: a closed loop of connections, or an open
// one whose requests arrive at chance times of a stated rate and whose latencies count from then,
// so that a server which falls behind shows it.
//
// usage: http_load PORT SECONDS CONNECTIONS RATE REQUEST_FILE...
// RATE: requests a second, 0 for a closed loop. REQUEST_FILE: the bytes of one request, head and
// body; they are sent in turns. stdout: one JSON object.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

[[noreturn]] void give_up(const char* why) {
  std::fprintf(stderr, "http_load: %s\n", why);
  std::exit(1);
}

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
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

// The size of the answer that begins here, once its head is there; 0 until then.
std::size_t answer_size(std::string_view answer) {
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  std::string head(answer.substr(0, end));
  std::ranges::transform(head, head.begin(),
                         [](unsigned char byte) { return static_cast<char>(std::tolower(byte)); });
  const std::size_t length = head.find("\r\ncontent-length:");
  if (length == std::string::npos) give_up("an answer has no Content-Length");
  return end + 4 + std::strtoul(head.c_str() + length + 17, nullptr, 10);
}

class Load {
 public:
  Load(double rate, std::vector<std::string> requests)
      : rate_(rate), requests_(std::move(requests)) {}

  void run(int port, double seconds, int connections) {
    epoll_ = ::epoll_create1(0);
    lines_.resize(static_cast<std::size_t>(connections));
    start_ = Clock::now();
    end_ = start_ + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(seconds));
    next_ = start_;
    for (Line& line : lines_) {
      line.fd = connect_to(port);
      epoll_event event{.events = EPOLLIN, .data = {.ptr = &line}};
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, line.fd, &event);
      rate_ > 0 ? free_.push_back(&line) : begin(line, Clock::now());
    }
    while (Clock::now() < end_ || busy_ > 0 || !due_.empty()) {
      arrive();
      look();
    }
    report(std::chrono::duration<double>(last_ - start_).count());
  }

 private:
  struct Line {
    int fd = -1;
    Time asked;
    std::string answer;
    std::size_t whole = 0;
  };

  void begin(Line& line, Time asked) {
    const std::string& request = requests_[sent_++ % requests_.size()];
    line.asked = asked;
    line.answer.clear();
    line.whole = 0;
    ++busy_;
    for (std::size_t at = 0; at < request.size();) {
      const ssize_t wrote =
          ::send(line.fd, request.data() + at, request.size() - at, MSG_NOSIGNAL);
      if (wrote < 0 && errno == EAGAIN) continue;
      if (wrote <= 0) give_up("a connection broke");
      at += static_cast<std::size_t>(wrote);
    }
  }

  // What is due of an open loop; it waits here while all connections are busy.
  void arrive() {
    if (rate_ <= 0) return;
    const Time now = Clock::now();
    for (; next_ <= now && next_ < end_; next_ += gap()) due_.push_back(next_);
    for (; !due_.empty() && !free_.empty(); due_.pop_front(), free_.pop_back())
      begin(*free_.back(), due_.front());
    if (now >= end_ && due_.size() > 0) unanswered_ = std::max(unanswered_, due_.size());
  }

  Clock::duration gap() {
    return std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(std::exponential_distribution<>(rate_)(chance_)));
  }

  void look() {
    epoll_event events[64];
    const Time until = rate_ > 0 && next_ < end_ ? next_ : end_;
    const auto left = std::max(until - Clock::now(), Clock::duration::zero());
    const timespec wait{.tv_sec = left / std::chrono::seconds(1),
                        .tv_nsec = (left % std::chrono::seconds(1)) / std::chrono::nanoseconds(1)};
    const timespec grace{.tv_sec = 10, .tv_nsec = 0};
    const bool ending = Clock::now() >= end_;
    const int count = ::epoll_pwait2(epoll_, events, 64, ending ? &grace : &wait, nullptr);
    if (ending && count == 0) give_up("an answer did not come in 10 s");
    for (int i = 0; i < count; ++i) read(*static_cast<Line*>(events[i].data.ptr));
  }

  void read(Line& line) {
    char buffer[65536];
    const ssize_t got = ::recv(line.fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) give_up("a connection broke");
    line.answer.append(buffer, static_cast<std::size_t>(got));
    if (line.whole == 0) line.whole = answer_size(line.answer);
    if (line.whole == 0 || line.answer.size() < line.whole) return;
    --busy_;
    last_ = Clock::now();
    if (line.answer.compare(9, 3, "200") == 0) {
      latencies_.push_back(std::chrono::duration<double, std::milli>(last_ - line.asked).count());
    } else {
      if (failed_++ == 0) std::fprintf(stderr, "http_load: %.300s\n", line.answer.c_str());
    }
    if (rate_ > 0) {
      free_.push_back(&line);
    } else if (last_ < end_) {
      begin(line, last_);
    }
  }

  double percentile(double share) const {
    if (latencies_.empty()) return 0;
    const auto at = static_cast<std::size_t>(share * static_cast<double>(latencies_.size()));
    return latencies_[std::min(latencies_.size() - 1, at)];
  }

  void report(double seconds) {
    std::ranges::sort(latencies_);
    std::printf(
        "{\"requests_per_second\": %.2f, \"requests\": %zu, \"failed\": %zu, \"late\": %zu, "
        "\"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
        static_cast<double>(latencies_.size()) / seconds, latencies_.size(), failed_, unanswered_,
        percentile(0.5), percentile(0.99));
  }

  double rate_;
  std::vector<std::string> requests_;
  std::vector<Line> lines_;
  std::vector<Line*> free_;
  std::deque<Time> due_;
  std::vector<double> latencies_;
  std::mt19937_64 chance_{1};
  std::size_t sent_ = 0, busy_ = 0, failed_ = 0, unanswered_ = 0;
  Time start_, end_, next_, last_;
  int epoll_ = -1;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr, "usage: http_load PORT SECONDS CONNECTIONS RATE REQUEST_FILE...\n");
    return 2;
  }
  std::vector<std::string> requests;
  for (int i = 5; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    requests.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    if (requests.back().empty()) give_up("a request's file is empty or missing");
  }
  Load(std::atof(argv[4]), std::move(requests))
      .run(std::atoi(argv[1]), std::atof(argv[2]), std::atoi(argv[3]));
}
