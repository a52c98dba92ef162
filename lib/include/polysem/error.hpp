#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace polysem {

/// Why a call failed; stable, so that programs may act on it. The program's exit codes follow from it.
enum class ErrorCode {
  kFailed,              ///< it went wrong while running (a full disk, a diverged run)
  kInvalidArgument,     ///< the caller asked for something that makes no sense
  kBadInput,            ///< a file or other outside data is damaged, hostile or of the wrong kind
  kBackendUnavailable,  ///< the backend asked for cannot run here
  kUnsupported,         ///< the backend runs, but lacks this operation or type
  kOutOfMemory,         ///< host or device memory did not suffice
  kInterrupted,         ///< stopped on request; what was done is saved
};

/// Stable lower-case name, for instance "bad_input".
std::string_view name(ErrorCode code) noexcept;

/// The one exception of the hosted library. The message says what was wrong, where (file and offset, key, or
/// argument), what was expected and found, and what to do next.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace polysem
