#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "polysem/backend.hpp"

namespace polysem::cuda {

/// A card as the driver describes it.
struct Device {
  int number = 0;
  std::string name;
  int major = 0, minor = 0;  ///< compute capability
  std::uint64_t memory_bytes = 0;

  /// Whether this build has code for it, or why not.
  Support suitable() const;
};

/// All cards. Throws Error{kBackendUnavailable} that says why there is none.
std::vector<Device> find_devices();

/// The card of this number or with this text in its name; the first suitable one for "". Throws
/// Error{kBackendUnavailable} that lists the cards, or says why the one meant cannot be used.
Device choose_device(const std::vector<Device>& devices, const std::string& which);

/// Versions of the runtime and of what the driver can do, for instance "CUDA 13.0, driver for CUDA 13.1".
std::string driver_versions();

}  // namespace polysem::cuda
