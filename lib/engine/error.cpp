#include "polysem/error.hpp"

namespace polysem {

std::string_view name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kFailed:
      return "failed";
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kBadInput:
      return "bad_input";
    case ErrorCode::kBackendUnavailable:
      return "backend_unavailable";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kOutOfMemory:
      return "out_of_memory";
    case ErrorCode::kInterrupted:
      return "interrupted";
  }
  return "failed";
}

}  // namespace polysem
