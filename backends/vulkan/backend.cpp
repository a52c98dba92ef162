#include "polysem/backend.hpp"

#include "backends/vulkan/ops.hpp"
#include "backends/vulkan/queue.hpp"
#include "polysem/error.hpp"

namespace polysem::vulkan {

namespace {

class VulkanBackend final : public Backend {
 public:
  explicit VulkanBackend(const std::string& which) : context_(std::make_shared<Context>(which)) {
    const Device& device = context_->device();
    info_.name = "vulkan";
    info_.device = device.physical().name;
    info_.driver = device.physical().driver;
    info_.features = device.physical().features;
    info_.threads = 0;
    info_.memory_bytes = device.memory_bytes();
    info_.precisions = {Precision::kF32, Precision::kBF16, Precision::kF16};
  }

  const BackendInfo& info() const override { return info_; }

  std::shared_ptr<Buffer> allocate(std::uint64_t bytes, MemoryUse) override {
    return std::make_shared<VulkanBuffer>(bytes, context_->arenas().allocate(bytes));
  }

  Support supports(const Op& op, std::span<const DType> types) const override {
    if (const Support support = supports_types(op, types, info_.precisions); !support) return support;
    return std::visit(
        [&]<class O>(const O& o) {
          if constexpr (Recorded<O>) return limits_of(context_->device(), o);
          return Support::no("the vulkan backend has no shader for it");
        },
        op);
  }

  std::uint64_t workspace_bytes(const Op& op) const override {
    return std::visit([&](const auto& o) { return workspace_of(context_->device(), o); }, op);
  }
  std::unique_ptr<Queue> make_queue() override { return std::make_unique<VulkanQueue>(context_); }

 private:
  std::shared_ptr<Context> context_;
  BackendInfo info_;
};

// Whether the device that an empty name means can run.
Support probe() {
  try {
    return choose_device(Instance(Settings{}), "").suitable;
  } catch (const Error& error) {
    return Support::no(error.what());
  }
}

std::vector<std::string> devices() {
  std::vector<std::string> names;
  try {
    for (const PhysicalDevice& device : Instance(Settings{}).devices()) names.push_back(device.name);
  } catch (const Error&) {  // no loader or no driver: probe() says which
  }
  return names;
}

std::unique_ptr<Backend> create(const BackendOptions& options) {
  return std::make_unique<VulkanBackend>(options.device);
}

}  // namespace

extern const BackendEntry kEntry;
const BackendEntry kEntry{"vulkan", "graphics cards of every make, by Vulkan compute shaders", probe, create,
                          devices};

}  // namespace polysem::vulkan
