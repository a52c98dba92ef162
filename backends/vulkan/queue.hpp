#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "backends/vulkan/context.hpp"

namespace polysem::vulkan {

/// Records ops into a command buffer and sends it off when the caller submits, waits, or has recorded so much
/// that the device would otherwise stand idle for long.
class VulkanQueue final : public Queue {
 public:
  explicit VulkanQueue(std::shared_ptr<Context> context) : context_(std::move(context)) {}
  ~VulkanQueue() override;

  void submit() override;
  void synchronize() override;

 protected:
  void do_run(const Op& op, std::span<const Tensor> operands, Tensor workspace) override;
  void do_upload(Tensor to, std::span<const std::byte> source) override;
  void do_download(Tensor from, std::span<std::byte> destination) override;

 private:
  template <class F>
  void guarded(F&& f);
  Recording& current();
  void send();
  void retire(std::size_t keep);

  std::shared_ptr<Context> context_;
  std::unique_ptr<Recording> current_;
  std::deque<std::unique_ptr<Recording>> running_;
  double work_ = 0;               ///< floating-point operations recorded since the last submission
  std::string last_op_, broken_;  ///< why the queue cannot be used any more
};

}  // namespace polysem::vulkan
