// SPDX-License-Identifier: Apache-2.0
#include "llama/chat_renderer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "accel/core/file.hpp"
#include "llama/render_process.hpp"

namespace accel::inference::llama {
namespace {

using wire::Number;

// Of the environment, it needs where libraries lie and what the date is.
std::vector<std::string> environment() {
  std::vector<std::string> kept;
  for (const char* const name : {"LD_LIBRARY_PATH", "TZ"}) {
    const char* const value = std::getenv(name);
    if (value != nullptr) kept.push_back(fmt::format("{}={}", name, value));
  }
  return kept;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// In a group of its own (Ctrl-C in a terminal is for the parent), nothing of the parent's open.
int spawn(int socket, pid_t& pid) {
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  for (const int standard : {0, 1, 2})
    ::posix_spawn_file_actions_addopen(&files, standard, "/dev/null", O_RDWR, 0);
  ::posix_spawn_file_actions_adddup2(&files, socket, kRenderFd);
  posix_spawnattr_t how;
  ::posix_spawnattr_init(&how);
  sigset_t signals;
  sigemptyset(&signals);
  ::posix_spawnattr_setsigmask(&how, &signals);
  sigfillset(&signals);
  ::posix_spawnattr_setsigdefault(&how, &signals);
  ::posix_spawnattr_setpgroup(&how, 0);
  ::posix_spawnattr_setflags(
      &how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::vector<std::string> arguments{kRenderProcess};
  std::vector<std::string> kept = environment();
  const int failed = ::posix_spawn(&pid, "/proc/self/exe", &files, &how, pointers(arguments).data(),
                                   pointers(kept).data());
  ::posix_spawnattr_destroy(&how);
  ::posix_spawn_file_actions_destroy(&files);
  return failed;
}

}  // namespace

// The parent's end of one process.
class RenderProcess {
 public:
  static Result<std::unique_ptr<RenderProcess>> start() {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      return fail_errno(Errc::unavailable, errno, "No socket for rendering chat templates.");
    auto process = std::make_unique<RenderProcess>();
    process->socket_ = UniqueFd(ends[0]);
    const UniqueFd theirs(ends[1]);
    const int failed = spawn(theirs.get(), process->pid_);
    if (failed != 0) {
      process->pid_ = -1;
      return fail_errno(Errc::unavailable, failed,
                        "The process that renders chat templates can't be started.");
    }
    return process;
  }
  RenderProcess() = default;
  RenderProcess(const RenderProcess&) = delete;
  RenderProcess& operator=(const RenderProcess&) = delete;
  ~RenderProcess() { (void)end(); }

  void kill() const {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
  }
  // How it ended, once; nothing: someone else asked before, or reaps all children.
  std::optional<int> end() {
    kill();
    return reap(0);
  }
  bool is_alive() {
    if (const auto status = reap(WNOHANG)) return false;
    return pid_ > 0;
  }
  // Whether all of it went. False: the process ended, or time did.
  bool send(std::string_view bytes, SteadyTime deadline) const {
    while (!bytes.empty()) {
      const ssize_t put =
          ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put > 0) bytes.remove_prefix(static_cast<std::size_t>(put));
      if (put < 0 && errno != EINTR && errno != EAGAIN) return false;
      if (put < 0 && errno == EAGAIN && !wait_for(POLLOUT, deadline)) return false;
    }
    return true;
  }
  bool receive(char* into, std::size_t size, SteadyTime deadline) const {
    while (size > 0) {
      if (!wait_for(POLLIN, deadline)) return false;
      const ssize_t got = ::recv(socket_.get(), into, size, MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return false;
      if (got < 0) continue;
      into += got;
      size -= static_cast<std::size_t>(got);
    }
    return true;
  }

 private:
  bool wait_for(short event, SteadyTime deadline) const {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - system_clock().now()).count();
    if (left <= 0) return false;
    pollfd waiting{socket_.get(), event, 0};
    return ::poll(&waiting, 1, static_cast<int>(std::min<long>(left, 60'000))) != 0;
  }
  std::optional<int> reap(int how) {
    if (pid_ <= 0) return std::nullopt;
    int status = 0;
    pid_t got = 0;
    do {
      got = ::waitpid(pid_, &status, how);
    } while (got < 0 && errno == EINTR);
    if (got == 0) return std::nullopt;
    pid_ = -1;
    return got > 0 ? std::optional(status) : std::nullopt;
  }
  pid_t pid_ = -1;
  UniqueFd socket_;
};

namespace {

Error beyond(std::string_view what) {
  return {Errc::invalid_argument,
          fmt::format("Writing out this chat by the model's chat template {}. Send a shorter chat, "
                      "or use a model with another template.",
                      what),
          {}};
}

Error of_death(const RenderBounds& bounds, std::optional<int> status) {
  if (status && WIFEXITED(*status) && WEXITSTATUS(*status) == kOutOfMemoryExit)
    return beyond(fmt::format("takes more than {} MiB of memory", bounds.memory_bytes >> 20U));
  if (status && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGXCPU)
    return beyond(fmt::format("takes more than {} s of processor time", bounds.cpu.count()));
  Error error = beyond("ended the process that does it, as nesting without end does");
  if (status)
    error.cause = WIFSIGNALED(*status) ? fmt::format("signal {}", WTERMSIG(*status))
                                       : fmt::format("exit code {}", WEXITSTATUS(*status));
  return error;
}

std::string framed(const std::string& bytes) {
  const Number size = bytes.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof size) + bytes;
}

}  // namespace

ChatRenderer::ChatRenderer(wire::Setup setup, const RenderBounds& bounds)
    : setup_(std::move(setup)), bounds_(bounds) {}
ChatRenderer::~ChatRenderer() = default;

Result<std::unique_ptr<ChatRenderer>> ChatRenderer::open(const Library& library,
                                                         const llama_model* model,
                                                         const std::string& replacement,
                                                         const RenderBounds& bounds) {
  const Api& api = library.api();
  const llama_vocab* const vocab = api.vocab(model);
  const auto own = [&](const char* variant) {
    const char* const text = api.chat_template(model, variant);
    return std::string(text == nullptr ? "" : text);
  };
  wire::Setup setup{.library = library.path(),
                    .replacement = replacement,
                    .own = own(nullptr),
                    .own_for_tools = own("tool_use"),
                    .bos = special_text(api, vocab, api.bos(vocab)),
                    .eos = special_text(api, vocab, api.eos(vocab)),
                    .adds_bos = api.adds_bos(vocab),
                    .adds_eos = api.adds_eos(vocab),
                    .memory_bytes = bounds.memory_bytes,
                    .cpu_seconds = static_cast<Number>(bounds.cpu.count())};
  std::unique_ptr<ChatRenderer> renderer(
      new ChatRenderer(std::move(setup), bounds));  // tidy: raw-new: private constructor
  ACCEL_CHECK(renderer->start(system_clock().now() + bounds.deadline, {}));
  return renderer;
}

Status ChatRenderer::start(SteadyTime deadline, const std::stop_token& stop) {
  ACCEL_TRY(process_, RenderProcess::start());
  Result<wire::Reply> reply = ask(wire::packed(setup_), deadline, stop);
  if (!reply) {
    Error error = std::move(reply).error();
    if (error.code == Errc::invalid_argument) error.code = Errc::unsupported;
    return fail(std::move(error));
  }
  knows_tools_ = reply->knows_tools;
  if (!reply->refused) return {};
  process_.reset();
  return fail(
      Error{Errc::unsupported, "The model's chat template can't be read.", std::move(reply->why)});
}

// The process is gone after any error.
Result<wire::Reply> ChatRenderer::ask(const std::string& question, SteadyTime deadline,
                                      const std::stop_token& stop) {
  std::string answer;
  Number size = 0;
  bool whole = false;
  {
    const std::stop_callback on_stop(stop, [this] { process_->kill(); });
    whole = process_->send(framed(question), deadline) &&
            process_->receive(reinterpret_cast<char*>(&size), sizeof size, deadline);
    if (whole && size <= kMaxRenderFrame) {
      answer.resize(size);
      whole = process_->receive(answer.data(), size, deadline);
    }
  }
  if (whole && size <= kMaxRenderFrame) {
    auto reply = wire::unpacked<wire::Reply>(answer);
    if (reply && reply->made.format < COMMON_CHAT_FORMAT_COUNT) return *std::move(reply);
  }
  const bool late = system_clock().now() >= deadline;
  const std::optional<int> status = process_->end();
  process_.reset();
  if (stop.stop_requested())
    return fail(Errc::cancelled, "The request ended while its chat was written out.");
  if (whole && size > kMaxRenderFrame)
    return fail(beyond(fmt::format("gives more than {} MiB", kMaxRenderFrame >> 20U)));
  if (whole)
    return fail(Errc::internal, "The process that writes chats out gave an answer that is none.");
  if (late)
    return fail(beyond(fmt::format("takes longer than {:.0f} s", to_ms(bounds_.deadline) / 1000)));
  return fail(of_death(bounds_, status));
}

Status ChatRenderer::take_turn(SteadyTime deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const bool free = turn_ended_.wait_until(lock, stop, deadline, [this] { return !busy_; });
  if (stop.stop_requested())
    return fail(Errc::cancelled, "The request ended before its chat was written out.");
  if (!free) {
    return fail(Errc::timeout,
                "Other chats of this model were still being written out after {:.0f} s.",
                to_ms(bounds_.deadline) / 1000);
  }
  busy_ = true;
  return {};
}

void ChatRenderer::end_turn() {
  const std::scoped_lock lock(mutex_);
  busy_ = false;
  turn_ended_.notify_one();
}

Result<common_chat_params> ChatRenderer::apply(const common_chat_templates_inputs& inputs,
                                               std::string_view refused,
                                               const std::stop_token& stop) {
  const SteadyTime deadline = system_clock().now() + bounds_.deadline;
  const std::string question = wire::packed(inputs);
  if (question.size() > kMaxRenderFrame)
    return fail(Errc::invalid_argument, "A chat may have {} MiB.", kMaxRenderFrame >> 20U);
  ACCEL_CHECK(take_turn(deadline, stop));
  struct Turn {
    ChatRenderer& renderer;
    ~Turn() { renderer.end_turn(); }
  } const turn{*this};
  if (!process_ || !process_->is_alive()) ACCEL_CHECK(start(deadline, stop));
  ACCEL_TRY(wire::Reply reply, ask(question, deadline, stop));
  if (reply.refused)
    return fail(Error{Errc::invalid_argument, std::string(refused), std::move(reply.why)});
  return std::move(reply.made);
}

}  // namespace accel::inference::llama
