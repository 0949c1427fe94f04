// SPDX-License-Identifier: Apache-2.0
#include "accel/core/library.hpp"

#include "temp_dir.hpp"

namespace accel {
namespace {

class Library : public TempDir {};

TEST_F(Library, opens_by_soname_and_binds_functions) {
  auto library = SharedLibrary::open("libm.so.6");
  ASSERT_TRUE(library) << library.error().to_string();
  double (*cosine)(double) = nullptr;
  ASSERT_TRUE(library->bind(cosine, "cos"));
  EXPECT_DOUBLE_EQ(cosine(0.0), 1.0);
  EXPECT_TRUE(library->path().is_absolute());
}

TEST_F(Library, names_the_symbol_that_is_missing) {
  const auto library = SharedLibrary::open("libm.so.6");
  const auto symbol = library->symbol("no_such_function");
  EXPECT_EQ(symbol.error().code, Errc::not_found);
  EXPECT_NE(symbol.error().message.find("no_such_function"), std::string::npos);
}

TEST_F(Library, refuses_a_file_that_is_no_library_with_the_loaders_words) {
  const auto library = SharedLibrary::open(put("libfake.so", "not ELF"));
  EXPECT_EQ(library.error().code, Errc::unavailable);
  EXPECT_FALSE(library.error().cause.empty());
}

TEST_F(Library, searches_the_installation_then_the_build_then_the_system) {
  const auto path = library_search_path({"libx.so", "x"});
  ASSERT_EQ(path.size(), 3U);
  EXPECT_EQ(path[0], executable_dir() / "../lib/ipfs-accelerate/libx.so");
  EXPECT_EQ(path[1].filename(), "libx.so");
  EXPECT_EQ(path[1].parent_path().parent_path().filename(), "x");
  EXPECT_EQ(path[2], "libx.so");
}

TEST_F(Library, tries_nothing_but_an_explicit_path) {
  const LibraryQuery query{"libm.so.6", "m", dir / "elsewhere.so"};
  EXPECT_EQ(library_search_path(query).size(), 1U);
  const auto library = open_library(query);
  EXPECT_EQ(library.error().code, Errc::unavailable);
  EXPECT_NE(library.error().message.find("elsewhere.so"), std::string::npos);
}

TEST_F(Library, falls_back_to_the_systems_loader) {
  EXPECT_TRUE(open_library({"libm.so.6", "no-such-package"}));
}

TEST_F(Library, knows_what_this_process_has_loaded) {
  EXPECT_TRUE(is_loaded("libc.so"));
  EXPECT_FALSE(is_loaded("libnobody.so"));
}

TEST_F(Library, moves_and_may_stay_loaded) {
  auto library = SharedLibrary::open("libm.so.6");
  library->keep_loaded();
  SharedLibrary moved = std::move(*library);
  EXPECT_TRUE(moved.symbol("sin"));
}

TEST_F(Library, knows_the_folder_of_the_program) {
  EXPECT_TRUE(std::filesystem::exists(executable_dir()));
  EXPECT_TRUE(executable_dir().is_absolute());
}

}  // namespace
}  // namespace accel
