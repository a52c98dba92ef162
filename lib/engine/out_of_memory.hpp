#pragma once

#include <new>
#include <string>
#include <string_view>

#include "polysem/error.hpp"

namespace polysem {

/// What the edge of the library makes of a std::bad_alloc, where work begins that takes as much memory as its
/// caller asked for. (Where there is not even room for the message, std::bad_alloc is what arrives.)
[[noreturn]] inline void throw_out_of_memory(std::string_view doing) {
  throw Error(ErrorCode::kOutOfMemory, "out of memory while " + std::string(doing));
}

}  // namespace polysem
