// SPDX-License-Identifier: Apache-2.0
#pragma once
// The disk seam of the tests: the linker sends the store's and LMDB's writing calls through here
// (--wrap, see CMakeLists.txt), so that a test can make the n-th of them fail.

namespace accel::blockstore::test {

// The n-th writing call from now on (1: the next), and with `always` all after it, fails.
void fail_disk_call(int n, int error_number, bool always);
// Everything works again; says how many calls were made since.
int heal_disk();

// As a file system that does not know RENAME_NOREPLACE, while this lives.
class WithoutNoReplace {
 public:
  WithoutNoReplace();
  ~WithoutNoReplace();
  WithoutNoReplace(const WithoutNoReplace&) = delete;
  WithoutNoReplace& operator=(const WithoutNoReplace&) = delete;
};

}  // namespace accel::blockstore::test
