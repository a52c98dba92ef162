#include "polysem/version.h"

namespace {
constexpr bool same_text(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}
static_assert(same_text(POLYSEM_VERSION, POLYSEM_VERSION_FROM_CMAKE),
              "polysem/version.h and project(VERSION) in CMakeLists.txt name different versions");
}  // namespace

const char* polysem_version() { return POLYSEM_VERSION; }
