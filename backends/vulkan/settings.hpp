#pragma once

#include <cstdint>
#include <optional>

namespace polysem::vulkan {

/// What tests and fault finding change, from environment variables that are read when a backend opens.
struct Settings {
  bool validate = false;       ///< POLYSEM_VK_VALIDATE: run under the validation layer
  bool empty_shaders = false;  ///< POLYSEM_VK_EMPTY: every shader returns at once
  std::optional<std::uint64_t>
      cooperative;  ///< POLYSEM_VK_COOPMAT: cooperative matrices, 0 not and 1 also in software
  std::optional<std::uint64_t> max_range;  ///< POLYSEM_VK_MAX_RANGE: bytes that a shader may see of a buffer
  std::optional<std::uint64_t> max_block;  ///< POLYSEM_VK_MAX_ALLOC: bytes of one piece of device memory
  std::optional<std::uint64_t>
      drop_barrier;                        ///< POLYSEM_VK_DROP_BARRIER: leave out the barrier of this number
  std::optional<std::uint64_t> fail_call;  ///< POLYSEM_VK_FAIL_CALL: the call of this number fails
  std::optional<std::uint64_t>
      lose_device;  ///< POLYSEM_VK_LOSE_DEVICE: from the call of this number on the device is lost
  std::optional<std::uint64_t>
      max_work;  ///< POLYSEM_VK_MAX_WORK: floating-point operations that go to the device at once

  /// Throws Error{kInvalidArgument} for what is no number.
  static Settings from_environment();
};

}  // namespace polysem::vulkan
