#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/vulkan/instance.hpp"
#include "backends/vulkan/result.hpp"
#include "backends/vulkan/settings.hpp"

namespace polysem::vulkan {

struct Limits {
  std::uint64_t range = 0;      ///< bytes of a buffer that one binding may cover
  std::uint64_t block = 0;      ///< bytes of one piece of device memory
  std::uint64_t alignment = 0;  ///< of a binding's offset
  std::uint32_t shared = 0;     ///< bytes of shared memory of a work group
  std::uint32_t groups = 0;     ///< work groups along an axis of a dispatch
};

/// A logical device with its one queue. Submissions are numbered; each waits for the one before it, so that
/// what one of our queues has written another sees. Thread-safe.
class Device {
 public:
  /// Opens the device that `which` means; see choose_device.
  explicit Device(const std::string& which);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const VolkDeviceTable& vk() const noexcept { return vk_; }
  VkDevice handle() const noexcept { return handle_; }
  const PhysicalDevice& physical() const noexcept { return physical_; }
  const Limits& limits() const noexcept { return limits_; }
  /// Cooperative matrices that shaders may use.
  const std::optional<CooperativeShape>& cooperative() const noexcept { return physical_.cooperative; }
  const Settings& settings() const noexcept { return settings_; }
  std::uint32_t family() const noexcept { return family_; }
  std::uint64_t memory_bytes() const noexcept;

  /// A memory type of those allowed by `mask` with all of `wanted`, else with all of `needed`. Throws Error.
  std::uint32_t memory_type(std::uint32_t mask, VkMemoryPropertyFlags wanted,
                            VkMemoryPropertyFlags needed) const;

  /// Runs a call that may fail and throws what it comes to. Here a test can make the call of a certain number
  /// fail, or every one from then on, without being made.
  template <class F>
  void call(const char* name, F&& f) const {
    if (const VkResult result = made_up_result(); result != VK_SUCCESS)
      fail(result, std::string(name) + " (on purpose)");
    check(f(), name);
  }

  /// Sends a command buffer off and returns its number.
  std::uint64_t submit(VkCommandBuffer commands);
  /// The number of the last one.
  std::uint64_t submitted() const;
  /// Whether the submission of this number has ended.
  bool done(std::uint64_t number) const;
  /// Waits until it has.
  void wait(std::uint64_t number) const;
  /// Waits for everything, or until it is known that nothing more will happen (a lost device).
  void wait_for_all() const noexcept;

  /// Counts the barriers of the process run: whether the next one is to be left out (a test of the tests).
  bool drop_next_barrier() const noexcept;

 private:
  VkResult made_up_result() const noexcept;
  void open();

  Settings settings_;
  Instance instance_;
  PhysicalDevice physical_;
  VkDevice handle_ = VK_NULL_HANDLE;
  VolkDeviceTable vk_{};
  VkQueue queue_ = VK_NULL_HANDLE;
  VkSemaphore timeline_ = VK_NULL_HANDLE;
  std::uint32_t family_ = 0;
  Limits limits_;
  VkPhysicalDeviceMemoryProperties memory_{};
  mutable std::mutex submitting_;
  std::uint64_t submitted_ = 0;
  mutable std::atomic<std::uint64_t> calls_{0}, barriers_{0};
};

}  // namespace polysem::vulkan
