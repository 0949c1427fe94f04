// SPDX-License-Identifier: Apache-2.0
#include "accel/core/private_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accel/core/file.hpp"
#include "temp_dir.hpp"

namespace accel {
namespace {

namespace fs = std::filesystem;

constexpr PrivateFileRules kNamed{.max_bytes = 100};
constexpr PrivateFileRules kOwn{.max_bytes = 100, .owner_only = false, .of_own_home = true};

class PrivateFile : public TempDir {
 protected:
  std::string text_of(const fs::path& path, const PrivateFileRules& rules) {
    const auto bytes = read_private_file(path, rules);
    return bytes ? std::string(as_text(*bytes)) : std::string(errc_name(bytes.error().code));
  }
  fs::path write(const char* name, std::string_view text, mode_t mode) {
    const fs::path path = dir / name;
    EXPECT_TRUE(write_file_atomic(path, as_bytes(text)));
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
};

TEST_F(PrivateFile, is_read_when_nobody_else_may_and_it_is_small) {
  EXPECT_EQ(text_of(write("a", "secret", 0600), kNamed), "secret");
  EXPECT_EQ(text_of(write("a", "secret", 0400), kNamed), "secret");
  for (const mode_t open : {0640, 0604, 0620, 0602})
    EXPECT_EQ(text_of(write("a", "secret", open), kNamed), "permission_denied") << open;
  EXPECT_EQ(text_of(write("a", "secret", 0644), kOwn), "secret") << "any mode was allowed";
  EXPECT_EQ(text_of(write("a", std::string(101, 'x'), 0600), kNamed), "resource_exhausted");
  EXPECT_EQ(text_of(write("a", "", 0600), kNamed), "");
  EXPECT_EQ(text_of(dir / "none", kNamed), "not_found");
  EXPECT_EQ(text_of(dir, kNamed), "permission_denied") << "a folder";
}

TEST_F(PrivateFile, that_is_a_pipe_holds_nobody_up) {
  const fs::path pipe = dir / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(text_of(pipe, kNamed), "permission_denied");
}

// Secrets are often mounted as links; of the own home nobody else chooses.
TEST_F(PrivateFile, may_be_a_link_when_it_was_named_and_not_in_the_own_home) {
  const fs::path link = dir / "link";
  fs::create_symlink(write("a", "secret", 0600), link);
  EXPECT_EQ(text_of(link, kNamed), "secret");
  EXPECT_EQ(text_of(link, kOwn), "permission_denied");
  fs::create_hard_link(dir / "a", dir / "twice");
  EXPECT_EQ(text_of(dir / "twice", kOwn), "permission_denied");
}

TEST_F(PrivateFile, of_another_user_is_not_read_by_root) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const fs::path secret = write("secret", "root's own", 0600);
  const fs::path service = dir / "service";
  fs::create_directory(service);
  ASSERT_EQ(::chown(service.c_str(), 65534, 65534), 0);
  const fs::path token = write("service/token", "the service's", 0600);
  ASSERT_EQ(::chown(token.c_str(), 65534, 65534), 0);
  EXPECT_EQ(text_of(token, kOwn), "the service's") << "of the folder's owner";
  ASSERT_EQ(::chown(token.c_str(), 65533, 65533), 0);
  EXPECT_EQ(text_of(token, kOwn), "permission_denied") << "of a third one";
  fs::remove(token);
  fs::create_hard_link(secret, token);
  EXPECT_EQ(text_of(token, kOwn), "permission_denied") << "a second name of root's own file";
}

}  // namespace
}  // namespace accel
