#include "polysem/cache.hpp"

#include <cstdlib>
#include <filesystem>

#include "polysem/error.hpp"

namespace polysem {

std::filesystem::path cache_folder() {
  const auto set = [](const char* name) -> const char* {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
  };
  if (const char* cache = set("POLYSEM_CACHE")) return cache;
  if (const char* base = set("XDG_CACHE_HOME")) return std::filesystem::path(base) / "polysem";
  if (const char* home = set("HOME")) return std::filesystem::path(home) / ".cache" / "polysem";
  throw Error(ErrorCode::kFailed, "no place for the cache: set POLYSEM_CACHE to a folder");
}

}  // namespace polysem
