// SPDX-License-Identifier: Apache-2.0
// A libQnnHtp.so for tests: one provider.
#include <cstdint>

namespace {
struct Interface {
  std::uint32_t backend_id = 6;
  const char* provider_name = "LINUX_X86_QTI_AISW";
  std::uint32_t versions[6] = {2, 22, 0, 5, 35, 1};
};
const Interface provider;
const Interface* const providers[] = {&provider};
}  // namespace

extern "C" std::uint64_t QnnInterface_getProviders(const Interface* const** list,
                                                   std::uint32_t* count) {
  *list = providers;
  *count = 1;
  return 0;
}
