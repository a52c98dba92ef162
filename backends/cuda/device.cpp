#include "backends/cuda/device.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cctype>

#include "backends/cuda/errors.hpp"
#include "polysem/error.hpp"

namespace polysem::cuda {

namespace {

// Kernels are compiled for 8.0 and 9.0, and as PTX of 9.0 for what came later.
constexpr int kOldestMajor = 8;

std::string version(int number) {  // 13010 is 13.1
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

std::string runtime_version() {
  int number = 0;
  return cudaRuntimeGetVersion(&number) == cudaSuccess ? version(number) : "?";
}

[[noreturn]] void unavailable(const std::string& why) { throw Error(ErrorCode::kBackendUnavailable, why); }

std::string list_of(const std::vector<Device>& devices) {
  std::string list;
  for (const Device& device : devices)
    list += (list.empty() ? "" : ", ") + std::to_string(device.number) + " " + device.name;
  return list;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 9 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

}  // namespace

Support Device::suitable() const {
  if (major >= kOldestMajor) return Support::yes();
  return Support::no(name + " has compute capability " + std::to_string(major) + "." + std::to_string(minor) +
                     ", and this build needs " + std::to_string(kOldestMajor) + ".0 or later");
}

std::vector<Device> find_devices() {
  int count = 0;
  const cudaError_t result = cudaGetDeviceCount(&count);
  cudaGetLastError();
  if (result == cudaErrorInsufficientDriver)
    unavailable("there is no NVIDIA driver, or one older than CUDA " + runtime_version() + " needs");
  if (result == cudaErrorNoDevice || (result == cudaSuccess && count == 0))
    unavailable("there is no NVIDIA card that the driver shows to this process");
  if (result != cudaSuccess)
    unavailable(std::string("the NVIDIA driver cannot be used: ") + cudaGetErrorString(result));

  std::vector<Device> devices;
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, i), "cudaGetDeviceProperties");
    devices.push_back({i, properties.name, properties.major, properties.minor, properties.totalGlobalMem});
  }
  return devices;
}

Device choose_device(const std::vector<Device>& devices, const std::string& which) {
  if (which.empty()) {
    for (const Device& device : devices)
      if (device.suitable()) return device;
    unavailable(devices.empty() ? "there is no NVIDIA card" : devices.front().suitable().reason);
  }
  for (const Device& device : devices) {
    const bool meant = is_number(which) ? std::to_string(device.number) == which
                                        : device.name.find(which) != std::string::npos;
    if (!meant) continue;
    if (const Support support = device.suitable(); !support) unavailable(support.reason);
    return device;
  }
  unavailable("there is no NVIDIA card '" + which + "'; there are: " + list_of(devices));
}

std::string driver_versions() {
  int driver = 0;
  const bool known = cudaDriverGetVersion(&driver) == cudaSuccess && driver > 0;
  return "CUDA " + runtime_version() + ", driver for CUDA " + (known ? version(driver) : "?");
}

}  // namespace polysem::cuda
