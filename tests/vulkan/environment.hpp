#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace polysem::test {

/// The device that the tests of the Vulkan backend run on.
inline const std::string kSoftwareDevice = "vulkan:llvmpipe";

/// The file that tells the loader of its driver, whose name changes from release to release.
inline std::string software_driver() {
  for (const char* name : {"lvp_icd.x86_64.json", "lvp_icd.json"}) {
    const std::string path = std::string("/usr/share/vulkan/icd.d/") + name;
    if (std::filesystem::exists(path)) return path;
  }
  return "";
}

/// An environment variable for the time of a scope.
class EnvironmentVariable {
 public:
  EnvironmentVariable(std::string name, const std::string& value) : name_(std::move(name)) {
    if (const char* before = std::getenv(name_.c_str())) before_ = before;
    setenv(name_.c_str(), value.c_str(), 1);
  }
  ~EnvironmentVariable() {
    if (before_) {
      setenv(name_.c_str(), before_->c_str(), 1);
    } else {
      unsetenv(name_.c_str());
    }
  }
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

 private:
  std::string name_;
  std::optional<std::string> before_;
};

}  // namespace polysem::test
