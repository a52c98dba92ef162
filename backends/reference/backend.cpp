#include "polysem/backend.hpp"

#include <cstring>

#include "backends/reference/host_buffer.hpp"
#include "backends/reference/ops.hpp"
#include "polysem/error.hpp"

namespace polysem::reference {

namespace {

// Runs every op at once.
class ReferenceQueue final : public Queue {
 public:
  void submit() override {}
  void synchronize() override {}

 protected:
  void do_run(const Op& op, std::span<const Tensor> operands, Tensor) override {
    std::visit([&](const auto& o) { reference::run(o, unpack<std::decay_t<decltype(o)>>(operands)); }, op);
  }

  void do_upload(Tensor to, std::span<const std::byte> source) override {
    const std::size_t row = row_bytes(to), pitch = pitch_bytes(to);
    for (std::size_t r = 0; r < static_cast<std::size_t>(to.rows); ++r)
      std::memcpy(data_of(to) + r * pitch, source.data() + r * row, row);
  }

  void do_download(Tensor from, std::span<std::byte> destination) override {
    const std::size_t row = row_bytes(from), pitch = pitch_bytes(from);
    for (std::size_t r = 0; r < static_cast<std::size_t>(from.rows); ++r)
      std::memcpy(destination.data() + r * row, data_of(from) + r * pitch, row);
  }

 private:
  static std::size_t row_bytes(const Tensor& t) {
    return static_cast<std::size_t>(t.cols) * size_of(t.dtype);
  }
  static std::size_t pitch_bytes(const Tensor& t) {
    return static_cast<std::size_t>(t.stride) * size_of(t.dtype);
  }
};

class ReferenceBackend final : public Backend {
 public:
  ReferenceBackend() {
    info_.name = "reference";
    info_.device = "host CPU";
    info_.driver = "plain C++, sums in double";
    info_.threads = 1;
    info_.memory_bytes = machine_memory();
    info_.precisions.assign(kPrecisions.begin(), kPrecisions.end());
  }

  const BackendInfo& info() const override { return info_; }
  std::shared_ptr<Buffer> allocate(std::uint64_t bytes, MemoryUse) override {
    return HostBuffer::make(bytes);
  }
  std::uint64_t workspace_bytes(const Op&) const override { return 0; }
  std::unique_ptr<Queue> make_queue() override { return std::make_unique<ReferenceQueue>(); }

  Support supports(const Op& op, std::span<const DType> types) const override {
    return supports_types(op, types, info_.precisions);
  }

 private:
  BackendInfo info_;
};

Support probe() { return Support::yes(); }

std::unique_ptr<Backend> create(const BackendOptions& options) {
  if (!options.device.empty() && options.device != "0")
    throw Error(ErrorCode::kBackendUnavailable,
                "the reference backend has one device, 0; found '" + options.device + "'");
  return std::make_unique<ReferenceBackend>();
}

}  // namespace

extern const BackendEntry kEntry;
const BackendEntry kEntry{
    "reference", "plain C++ in double precision, one thread: what the others are checked by", probe, create};

}  // namespace polysem::reference
