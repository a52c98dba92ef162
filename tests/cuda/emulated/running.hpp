#pragma once

#include <cstddef>
#include <cstdint>

namespace emulated {

/// The thread of a kernel that runs now.
struct Running {
  bool inside = false;  ///< else the host's own code runs
  std::uint64_t launch = 0;
  unsigned block = 0, thread = 0;
  unsigned epoch = 0;  ///< barriers that its block has met at
  const void *stack = nullptr, *stack_end = nullptr;
};
const Running& running();

/// An atomic access: ordered with other atomic ones.
void note_atomic(const void* address, std::size_t size);

}  // namespace emulated
