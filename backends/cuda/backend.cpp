#include "polysem/backend.hpp"

#include "backends/cuda/ops.hpp"
#include "backends/cuda/queue.hpp"
#include "polysem/error.hpp"

namespace polysem::cuda {

namespace {

std::string library_version() {
  const std::size_t v = cublaslt().version();
  return std::to_string(v / 10000) + "." + std::to_string(v / 100 % 100) + "." + std::to_string(v % 100);
}

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(const std::string& which)
      : context_(std::make_shared<Context>(choose_device(find_devices(), which))) {
    const Device& device = context_->device();
    info_.name = "cuda";
    info_.device = device.name;
    info_.driver = driver_versions() + ", cuBLASLt " + library_version();
    info_.features = "compute capability " + std::to_string(device.major) + "." +
                     std::to_string(device.minor) + ", tensor cores for tf32, bf16 and f16, none for f32";
    info_.threads = 0;
    info_.memory_bytes = device.memory_bytes;
    info_.precisions.assign(kPrecisions.begin(), kPrecisions.end());
    context_->give_back(context_->take_stream());  // a device that cannot even do this is not available
  }

  const BackendInfo& info() const override { return info_; }

  std::shared_ptr<Buffer> allocate(std::uint64_t bytes, MemoryUse) override {
    return std::make_shared<CudaBuffer>(context_->device().number, bytes);
  }

  Support supports(const Op& op, std::span<const DType> types) const override {
    if (const Support support = supports_types(op, types, info_.precisions); !support) return support;
    return std::visit(
        [&]<class O>(const O& o) {
          if constexpr (Enqueued<O>) return limits_of(o);
          return Support::no("the cuda backend has no kernel for it");
        },
        op);
  }

  std::uint64_t workspace_bytes(const Op& op) const override {
    return std::visit([](const auto& o) { return workspace_of(o); }, op);
  }
  std::unique_ptr<Queue> make_queue() override { return std::make_unique<CudaQueue>(context_); }

 private:
  std::shared_ptr<Context> context_;
  BackendInfo info_;
};

Support probe() {
  try {
    choose_device(find_devices(), "");
    cublaslt();
    return Support::yes();
  } catch (const Error& error) {
    return Support::no(error.what());
  }
}

std::vector<std::string> devices() {
  std::vector<std::string> names;
  try {
    for (const Device& device : find_devices()) names.push_back(device.name);
  } catch (const Error&) {  // probe() says why there is none
  }
  return names;
}

// Whatever keeps the device from being opened makes the backend unavailable.
std::unique_ptr<Backend> create(const BackendOptions& options) {
  try {
    return std::make_unique<CudaBackend>(options.device);
  } catch (const Error& error) {
    throw Error(ErrorCode::kBackendUnavailable, error.what());
  }
}

}  // namespace

extern const BackendEntry kEntry;
const BackendEntry kEntry{"cuda", "NVIDIA graphics cards, by CUDA and cuBLASLt", probe, create, devices};

}  // namespace polysem::cuda
