// SPDX-License-Identifier: Apache-2.0
#include "accel/hub/listing.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <set>

namespace accel::hub {

Status check_path(std::string_view path) {
  constexpr std::string_view kForbidden("\\\0", 2);
  bool good =
      !path.empty() && path.size() <= kMaxPathBytes && path.find_first_of(kForbidden) == path.npos;
  for (std::size_t at = 0; good && at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    good = !part.empty() && part != "." && part != ".." && part.size() <= 255;
    at = end + 1;
  }
  if (good) return {};
  return fail(Errc::corrupt, "The hub names a file \"{}\", which is no path below a folder.",
              path.substr(0, 200));
}

Status check_files_fit(const HubListing& listing) {
  std::set<std::string_view> paths;
  for (const HubFile& file : listing.files) {
    if (!paths.insert(file.path).second) {
      return fail(Errc::corrupt, "{} names {} twice.", listing.source, file.path);
    }
  }
  for (const std::string_view path : paths) {
    std::string_view above = path;
    for (std::size_t end = path.rfind('/'); end != path.npos; end = above.rfind('/')) {
      above = above.substr(0, end);
      if (paths.contains(above)) {
        return fail(Errc::corrupt, "{} names both {} and {}, which no folder can hold.",
                    listing.source, above, path);
      }
    }
    constexpr std::string_view kPart = ".part";  // What a file is called while it comes.
    if (path.ends_with(kPart) && paths.contains(path.substr(0, path.size() - kPart.size()))) {
      return fail(Errc::corrupt, "{} names {}, as another file is called while it comes.",
                  listing.source, path);
    }
  }
  return {};
}

Status filter_files(HubListing& listing, const std::vector<std::string>& include,
                    const std::vector<std::string>& exclude) {
  const auto matches = [](const HubFile& file, const std::vector<std::string>& patterns) {
    return std::ranges::any_of(patterns, [&](const std::string& pattern) {
      return ::fnmatch(pattern.c_str(), file.path.c_str(), 0) == 0;
    });
  };
  std::erase_if(listing.files, [&](const HubFile& file) {
    return (!include.empty() && !matches(file, include)) || matches(file, exclude);
  });
  if (!listing.files.empty()) return {};
  return fail(Errc::not_found, "No file of {} is left by --include and --exclude.", listing.source);
}

}  // namespace accel::hub
