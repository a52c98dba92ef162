#include "datasets/text/folder_walk.hpp"

#include <algorithm>
#include <functional>
#include <system_error>

#include "polysem/error.hpp"

namespace polysem {
namespace fs = std::filesystem;

void FolderWalk::open(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (!it->path().filename().native().starts_with('.')) entries.push_back(it->path());
  }
  if (error) throw Error(ErrorCode::kBadInput, folder.string() + ": cannot be listed: " + error.message());
  std::sort(entries.begin(), entries.end(), std::greater<>());
  open_.push_back(std::move(entries));
}

std::optional<fs::path> FolderWalk::next() {
  while (!open_.empty()) {
    if (open_.back().empty()) {
      open_.pop_back();
      continue;
    }
    const fs::path path = std::move(open_.back().back());
    open_.back().pop_back();
    std::error_code ignored;  // an entry that has gone or cannot be looked at is left out
    if (fs::is_regular_file(path, ignored)) return path;
    if (fs::is_directory(fs::symlink_status(path, ignored))) open(path);
  }
  return std::nullopt;
}

}  // namespace polysem
