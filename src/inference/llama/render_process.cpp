// SPDX-License-Identifier: Apache-2.0
#include "llama/render_process.hpp"

#include <fcntl.h>
#include <gguf.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/file.hpp"
#include "llama/library.hpp"
#include "llama/render_wire.hpp"

namespace accel::inference::llama {

extern const char* const kRenderProcess = "ipfs-accelerate-chat-template";

namespace {

constexpr const char* kInit =
    "_Z26common_chat_templates_initPK11llama_modelRKNSt7__cxx1112basic_stringIcSt11char_"
    "traitsIcESaIcEEES9_S9_";
constexpr const char* kApply =
    "_Z27common_chat_templates_applyPK21common_chat_templatesRK28common_chat_templates_inputs";
constexpr const char* kCaps = "_Z30common_chat_templates_get_capsB5cxx11PK21common_chat_templates";
constexpr const char* kVerbosity = "_Z30common_log_set_verbosity_tholdi";
constexpr int kSilent = -1;  // It prints to stderr by itself; its exceptions say enough.

using wire::Number;
using wire::Reply;
using wire::Setup;

// As the real function, but for the deleter, which would call common_chat_templates_free() by its
// name; both are returned through a hidden pointer to one pointer.
struct Owned {
  common_chat_templates* templates = nullptr;
  ~Owned() {}  // tidy: not trivial, so that it is returned as a unique_ptr is.
};
using Init = Owned(const llama_model*, const std::string&, const std::string&, const std::string&);

struct Functions {
  Api api;
  Init* init = nullptr;
  decltype(&common_chat_templates_apply) apply = nullptr;
  decltype(&common_chat_templates_get_caps) caps = nullptr;
  void (*set_verbosity)(int) = nullptr;
  decltype(&gguf_init_empty) gguf_new = nullptr;
  decltype(&gguf_set_val_str) set_text = nullptr;
  decltype(&gguf_set_val_u32) set_number = nullptr;
  decltype(&gguf_set_val_bool) set_bool = nullptr;
  decltype(&gguf_set_arr_str) set_texts = nullptr;
  decltype(&gguf_write_to_file) gguf_write = nullptr;

  Status bind(const SharedLibrary& library) {
    ACCEL_CHECK(api.bind(library));
    ACCEL_CHECK(library.bind(init, kInit));
    ACCEL_CHECK(library.bind(apply, kApply));
    ACCEL_CHECK(library.bind(caps, kCaps));
    ACCEL_CHECK(library.bind(set_verbosity, kVerbosity));
    ACCEL_CHECK(library.bind(gguf_new, "gguf_init_empty"));
    ACCEL_CHECK(library.bind(set_text, "gguf_set_val_str"));
    ACCEL_CHECK(library.bind(set_number, "gguf_set_val_u32"));
    ACCEL_CHECK(library.bind(set_bool, "gguf_set_val_bool"));
    ACCEL_CHECK(library.bind(set_texts, "gguf_set_arr_str"));
    return library.bind(gguf_write, "gguf_write_to_file");
  }
};

// --- frames ---

bool read_all(char* into, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::read(kRenderFd, into, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    into += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

// The parent is gone, or wants no more: there is nothing to tidy up.
std::string read_frame() {
  Number size = 0;
  if (!read_all(reinterpret_cast<char*>(&size), sizeof size)) ::_exit(0);
  if (size > kMaxRenderFrame) ::_exit(EXIT_FAILURE);
  std::string frame(size, '\0');
  if (!read_all(frame.data(), size)) ::_exit(0);
  return frame;
}

void write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(kRenderFd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) ::_exit(0);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

void write_reply(Reply reply) {
  const std::string bytes = wire::packed(std::move(reply));
  const Number size = bytes.size();
  write_all({reinterpret_cast<const char*>(&size), sizeof size});
  write_all(bytes);
}

Reply refusal(std::string why) {
  Reply reply;
  reply.refused = true;
  reply.why = std::move(why);
  return reply;
}

// --- bounds ---

void limit(__rlimit_resource what, rlim_t soft, rlim_t hard) {
  const rlimit both{soft, hard};
  if (::setrlimit(what, &both) != 0) ::_exit(EXIT_FAILURE);  // Better none than without bounds.
}

rlim_t address_space() {
  const UniqueFd file(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
  char text[64] = {};
  if (::read(file.get(), text, sizeof text - 1) <= 0) ::_exit(EXIT_FAILURE);
  return std::strtoull(text, nullptr, 10) * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

// The kernel takes this process before the one that serves.
void offer_to_the_kernel() {
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  [[maybe_unused]] const ssize_t put = ::write(file.get(), "1000", 4);
}

void seal() {
  ::prctl(PR_SET_NAME, "chat-template");
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::close_range(kRenderFd + 1, ~0U, 0);
  limit(RLIMIT_CORE, 0, 0);
  offer_to_the_kernel();
}

#if defined(__SANITIZE_ADDRESS__)
constexpr rlim_t kMoreFiles = 16;  // ASan reads /proc/self/maps when something is thrown.
#else
constexpr rlim_t kMoreFiles = 0;
#endif

// After the libraries are loaded: what they take is not the template's.
void bound(const Setup& setup) {
  ::tzset();  // Templates may ask for the date.
  std::set_new_handler([] { ::_exit(kOutOfMemoryExit); });
  const rlim_t memory = address_space() + setup.memory_bytes;
  limit(RLIMIT_AS, memory, memory);
  limit(RLIMIT_FSIZE, 0, 0);
  limit(RLIMIT_NOFILE, kMoreFiles, kMoreFiles);
}

// The kernel counts whole seconds, from the start of the process.
void start_counting(const Setup& setup) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto spent = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1);
  limit(RLIMIT_CPU, spent + setup.cpu_seconds, RLIM_INFINITY);
}

// --- templates ---

// RWKV's vocabulary has no tokens but those that it is told, each byte written as \xHH.
std::string escaped(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    result += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return result;
}

// llama.cpp takes templates and tokens from a model alone: here it is one that has nothing else.
// Null when it can't be made.
const llama_model* make_model(const Functions& functions, const Setup& setup) {
  gguf_context* const file = functions.gguf_new();
  std::vector<std::string> tokens{escaped("\n")};  // Which llama.cpp insists on.
  const auto add_token = [&](const char* key, const std::string& text) {
    if (text.empty()) return;
    auto found = std::ranges::find(tokens, escaped(text));
    if (found == tokens.end()) found = tokens.insert(found, escaped(text));
    functions.set_number(file, key, static_cast<std::uint32_t>(found - tokens.begin()));
  };
  functions.set_text(file, "general.architecture", "llama");
  functions.set_text(file, "tokenizer.ggml.model", "rwkv");
  add_token("tokenizer.ggml.bos_token_id", setup.bos);
  add_token("tokenizer.ggml.eos_token_id", setup.eos);
  functions.set_bool(file, "tokenizer.ggml.add_bos_token", setup.adds_bos);
  functions.set_bool(file, "tokenizer.ggml.add_eos_token", setup.adds_eos);
  if (!setup.own.empty()) functions.set_text(file, "tokenizer.chat_template", setup.own.c_str());
  if (!setup.own_for_tools.empty())
    functions.set_text(file, "tokenizer.chat_template.tool_use", setup.own_for_tools.c_str());
  std::vector<const char*> texts;
  for (const std::string& token : tokens) texts.push_back(token.c_str());
  functions.set_texts(file, "tokenizer.ggml.tokens", texts.data(), texts.size());
  const UniqueFd memory(::memfd_create("chat-template", MFD_CLOEXEC));
  const std::string path = fmt::format("/proc/self/fd/{}", memory.get());
  if (!functions.gguf_write(file, path.c_str(), /*only_meta=*/false)) return nullptr;
  llama_model_params params = functions.api.model_params();
  params.vocab_only = true;
  params.n_gpu_layers = 0;
  return functions.api.model_load(path.c_str(), params);
}

// It must say of its tokens what the real one does.
bool is_like(const Api& api, const llama_model* model, const Setup& setup) {
  const llama_vocab* const vocab = api.vocab(model);
  return special_text(api, vocab, api.bos(vocab)) == setup.bos &&
         special_text(api, vocab, api.eos(vocab)) == setup.eos &&
         api.adds_bos(vocab) == setup.adds_bos && api.adds_eos(vocab) == setup.adds_eos;
}

Reply render(const Functions& functions, const common_chat_templates* templates,
             const common_chat_templates_inputs& inputs) {
  try {
    Reply reply;
    reply.made = functions.apply(templates, inputs);
    return reply;
  } catch (const std::exception& refused) {
    return refusal(refused.what());
  }
}

[[noreturn]] void refuse_setup(std::string why) {
  write_reply(refusal(std::move(why)));
  ::_exit(EXIT_FAILURE);
}

Functions load_functions(const Setup& setup) {
  auto library = SharedLibrary::open(setup.library);
  if (!library) refuse_setup(library.error().to_string());
  library->keep_loaded();
  Functions functions;
  if (const Status all = functions.bind(*library); !all) refuse_setup(all.error().to_string());
  functions.api.log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  functions.set_verbosity(kSilent);
  return functions;
}

// Reads the template and tries what it knows: its first turn to misbehave.
const common_chat_templates* open_templates(const Functions& functions, const Setup& setup) {
  const llama_model* const model = make_model(functions, setup);
  if (model == nullptr || !is_like(functions.api, model, setup))
    refuse_setup("llama.cpp can't take the template without its model.");
  bound(setup);
  start_counting(setup);
  try {
    common_chat_templates* const templates =
        functions.init(model, setup.replacement, {}, {}).templates;
    std::map<std::string, bool> caps = functions.caps(templates);
    Reply opened;
    opened.knows_tools = caps["supports_tools"] && caps["supports_tool_calls"];
    write_reply(std::move(opened));
    return templates;
  } catch (const std::exception& refused) {
    refuse_setup(refused.what());
  }
}

// Answers until the parent goes.
[[noreturn]] void serve() {
  seal();
  const auto setup = wire::unpacked<Setup>(read_frame());
  if (!setup) ::_exit(EXIT_FAILURE);
  const Functions functions = load_functions(*setup);
  const common_chat_templates* const templates = open_templates(functions, *setup);
  while (true) {
    const auto inputs = wire::unpacked<common_chat_templates_inputs>(read_frame());
    if (!inputs) ::_exit(EXIT_FAILURE);
    start_counting(*setup);
    write_reply(render(functions, templates, *inputs));
  }
}

// glibc hands constructors the arguments of main().
[[gnu::constructor]] void become_render_process(int argc, char** argv, char**) {
  if (argc > 0 && std::string_view(argv[0]) == kRenderProcess) serve();
}

}  // namespace
}  // namespace accel::inference::llama
