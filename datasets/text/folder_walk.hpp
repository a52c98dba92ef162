#pragma once

#include <filesystem>
#include <optional>
#include <vector>

namespace polysem {

/// The files of a folder and of folders within it, sorted by name at each level. Hidden entries are left out
/// and links to folders are not followed (they may lead back). Holds the names of one branch at a time.
class FolderWalk {
 public:
  explicit FolderWalk(const std::filesystem::path& folder) { open(folder); }
  std::optional<std::filesystem::path> next();

 private:
  void open(const std::filesystem::path& folder);

  std::vector<std::vector<std::filesystem::path>> open_;  ///< what is left at each level, in reverse
};

}  // namespace polysem
