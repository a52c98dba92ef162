#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "backends/vulkan/hazards.hpp"
#include "backends/vulkan/pipelines.hpp"
#include "backends/vulkan/view.hpp"

namespace polysem::vulkan {

/// A view and what a shader does with it. An absent view is bound to a few bytes that nobody reads.
struct Use {
  View view;
  bool written;
};
inline Use reads(const View& view) { return {view, false}; }
inline Use writes(const View& view) { return {view, true}; }

/// Work groups of a dispatch.
struct Grid {
  std::uint64_t x = 1, y = 1, z = 1;
};

/// A command buffer being filled, with all that it needs until its work has ended: descriptor sets, staging
/// memory, a hold on the memory of tensors.
class Recording {
 public:
  Recording(std::shared_ptr<Device> device, std::shared_ptr<Pipelines> pipelines);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  /// Records a run of a shader. `constants` are those of the shader, `push` its push constants.
  template <class Push>
  void dispatch(std::size_t shader, const Constants& constants, std::span<const Use> uses, const Push& push,
                Grid grid) {
    static_assert(std::is_trivially_copyable_v<Push> && sizeof(Push) <= kPushBytes && sizeof(Push) % 4 == 0);
    dispatch_bytes(shader, constants, uses, std::as_bytes(std::span(&push, 1)), grid);
  }

  /// One work group a row, or more rows than an axis has groups spread over two axes; shaders put the number
  /// together again.
  Grid rows_grid(std::uint64_t rows) const;

  void zero(const View& view);
  void upload(const Tensor& to, std::span<const std::byte> source);
  /// Records copies into host memory; read() takes them out once the work has ended.
  void download(const Tensor& from);
  void read(std::span<std::byte> destination) const;

  bool empty() const noexcept { return !begun_; }
  std::uint64_t staged_bytes() const noexcept { return staged_; }

  /// Sends it off. Afterwards only done(), wait() and reset() make sense.
  void submit();
  bool done() const { return device_->done(number_); }
  void wait() const { device_->wait(number_); }
  /// Ready for new commands; its work has ended.
  void reset();

 private:
  struct Staged {
    VkBuffer buffer;
    std::uint64_t offset;
    std::byte* data;
  };
  void begin();
  void touch(std::span<const Touched> touched);
  void hold(const View& view);
  VkDescriptorBufferInfo bound_to_nothing(bool written);
  VkDescriptorSet new_set(VkDescriptorSetLayout layout);
  Staged stage(std::uint64_t bytes);
  void dispatch_bytes(std::size_t shader, const Constants& constants, std::span<const Use> uses,
                      std::span<const std::byte> push, Grid grid);

  std::shared_ptr<Device> device_;
  std::shared_ptr<Pipelines> pipelines_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  std::vector<VkDescriptorPool> set_pools_;
  std::size_t sets_used_ = 0;
  std::vector<std::unique_ptr<Block>> staging_;
  std::size_t staging_block_ = 0;
  std::uint64_t staging_used_ = 0, staged_ = 0;
  std::unique_ptr<Block> readback_, nothing_;
  std::uint64_t nothings_used_ = 0;
  std::vector<std::shared_ptr<Allocation>> held_;
  Hazards hazards_;
  std::uint64_t serial_, number_ = 0;
  bool begun_ = false;
};

}  // namespace polysem::vulkan
