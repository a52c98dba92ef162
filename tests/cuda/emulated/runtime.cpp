// Functions of the emulated runtime.
#include <cstdlib>
#include <cstring>

#include "tests/cuda/emulated/capture.hpp"
#include "tests/cuda/emulated/faults.hpp"

namespace {

// As large as the device pretends to be.
constexpr std::size_t kMemory = std::size_t{4} << 30;

}  // namespace

namespace emulated {

Faults& faults() {
  static Faults the_faults;
  return the_faults;
}

void forget_faults() {
  const std::int64_t allocations = faults().allocations;
  faults() = {};
  faults().allocations = allocations;
}

cudaError_t next_call() {
  Faults& f = faults();
  ++f.calls;
  return f.fail_call != 0 && (f.calls == f.fail_call || (f.sticky && f.calls > f.fail_call)) ? f.error
                                                                                             : cudaSuccess;
}

}  // namespace emulated

using emulated::faults;
using emulated::next_call;

cudaError_t cudaGetLastError() { return cudaSuccess; }
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "out of memory" : "an emulated error";
}
const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaErrorEmulated";
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = faults().devices;
  return faults().count_error;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  std::memset(properties, 0, sizeof(*properties));
  std::strcpy(properties->name, device == 0 ? "emulated card" : "old emulated card");
  properties->totalGlobalMem = kMemory;
  properties->major = device == 0 ? 9 : 7;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13010;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int) { return cudaSuccess; }
cudaError_t cudaDeviceSynchronize() { return emulated::not_captured(true); }
cudaError_t cudaMalloc(void** data, std::size_t bytes) {
  if (const cudaError_t error = emulated::not_captured()) return error;
  if (const cudaError_t error = next_call()) return error;
  *data = bytes > kMemory ? nullptr : std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (*data == nullptr) return cudaErrorMemoryAllocation;
  ++faults().allocations;
  return cudaSuccess;
}
cudaError_t cudaFree(void* data) {
  if (const cudaError_t error = emulated::not_captured(true)) return error;
  if (data != nullptr) --faults().allocations;
  std::free(data);
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** data, std::size_t bytes, unsigned) { return cudaMalloc(data, bytes); }
cudaError_t cudaFreeHost(void* data) { return cudaFree(data); }
cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t stream) {
  return emulated::enqueue(stream, emulated::Work::kMemset, [=] {
    std::memset(data, value, bytes);
    return cudaSuccess;
  });
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind, cudaStream_t stream) {
  if (width > to_pitch || width > from_pitch) return cudaErrorInvalidValue;
  return emulated::enqueue(stream, emulated::Work::kCopy, [=] {
    for (std::size_t r = 0; r < height; ++r)
      std::memcpy(static_cast<char*>(to) + r * to_pitch, static_cast<const char*>(from) + r * from_pitch,
                  width);
    return cudaSuccess;
  });
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return cudaMalloc(reinterpret_cast<void**>(event), 1);
}
cudaError_t cudaEventDestroy(cudaEvent_t event) { return cudaFree(event); }
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return next_call(); }
cudaError_t cudaEventSynchronize(cudaEvent_t) {
  if (const cudaError_t error = emulated::not_captured()) return error;
  return next_call();
}
cudaError_t cudaEventQuery(cudaEvent_t) {
  if (const cudaError_t error = next_call()) return error;
  return faults().busy ? cudaErrorNotReady : cudaSuccess;
}
