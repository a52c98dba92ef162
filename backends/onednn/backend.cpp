#include "polysem/backend.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "backends/onednn/cpu.hpp"
#include "backends/onednn/matmul.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/single_thread.hpp"
#include "polysem/error.hpp"

namespace polysem::onednn {

namespace {

// The threads of a backend; queues share them.
struct Threads {
  explicit Threads(int number) : count(number), arena(number), single_threaded_openmp(arena) {}
  int count;
  // TBB gives no more threads than cores without it, and prints that it does not.
  tbb::global_control at_least{tbb::global_control::max_allowed_parallelism,
                               static_cast<std::size_t>(std::max(count, tbb::info::default_concurrency()))};
  tbb::task_arena arena;
  SingleThreadedOpenMp single_threaded_openmp;
};

// Runs every op at once, on all threads.
class OneDnnQueue final : public Queue {
 public:
  explicit OneDnnQueue(std::shared_ptr<Threads> threads) : threads_(std::move(threads)) {}
  void submit() override {}
  void synchronize() override {}

 protected:
  void do_run(const Op& op, std::span<const Tensor> operands, Tensor) override {
    for (const Tensor& t : operands) own(t);
    mark_written(op, operands);
    try {
      scratch_.reset();
      Context context{scratch_, threads_->count};
      const auto work = [&] {
        std::visit(
            [&](const auto& o) { onednn::run(context, o, unpack<std::decay_t<decltype(o)>>(operands)); }, op);
      };
#ifdef __SANITIZE_THREAD__
      plain_thread_limit() = threads_->count;
      work();
#else
      threads_->arena.execute(work);
#endif
    } catch (const std::bad_alloc&) {
      throw Error(ErrorCode::kOutOfMemory, "out of memory in " + to_string(op));
    }
  }

  void do_upload(Tensor to, std::span<const std::byte> source) override {
    own(to);
    buffer_of(to).written();
    const std::size_t row = row_bytes(to), pitch = pitch_bytes(to);
    for (std::size_t r = 0; r < static_cast<std::size_t>(to.rows); ++r)
      std::memcpy(data_of<std::byte>(to) + r * pitch, source.data() + r * row, row);
  }

  void do_download(Tensor from, std::span<std::byte> destination) override {
    own(from);
    const std::size_t row = row_bytes(from), pitch = pitch_bytes(from);
    for (std::size_t r = 0; r < static_cast<std::size_t>(from.rows); ++r)
      std::memcpy(destination.data() + r * row, data_of<std::byte>(from) + r * pitch, row);
  }

 private:
  static void own(const Tensor& t) {
    if (t && dynamic_cast<HostBuffer*>(t.buffer) == nullptr)
      throw Error(ErrorCode::kInvalidArgument, "the onednn backend was given memory of another backend");
    if (t.dtype == DType::kF16)
      throw Error(ErrorCode::kUnsupported, "the onednn backend does not compute on f16");
  }
  static void mark_written(const Op& op, std::span<const Tensor> operands) {
    const auto list = specs(op);
    for (std::size_t i = 0; i < list.size(); ++i)
      if (operands[i] && list[i].access != Access::kRead) buffer_of(operands[i]).written();
  }
  static std::size_t row_bytes(const Tensor& t) {
    return static_cast<std::size_t>(t.cols) * size_of(t.dtype);
  }
  static std::size_t pitch_bytes(const Tensor& t) {
    return static_cast<std::size_t>(t.stride) * size_of(t.dtype);
  }

  std::shared_ptr<Threads> threads_;
  Scratch scratch_;
};

class OneDnnBackend final : public Backend {
 public:
  explicit OneDnnBackend(int threads) : threads_(std::make_shared<Threads>(threads)) {
    info_.name = "onednn";
    info_.device = cpu().model;
    info_.driver = library_version();
    info_.features = cpu().features;
    info_.threads = threads;
    info_.memory_bytes = cpu().memory_bytes;
    info_.precisions = {Precision::kF32, Precision::kBF16};
  }

  const BackendInfo& info() const override { return info_; }

  // A system that overcommits grants any size and kills the process later, so the machine's memory is a
  // limit.
  std::shared_ptr<Buffer> allocate(std::uint64_t bytes, MemoryUse use) override {
    try {
      if (info_.memory_bytes > 0 && bytes > info_.memory_bytes) throw std::bad_alloc();
      return std::make_shared<HostBuffer>(AlignedBytes(bytes), bytes, use);
    } catch (const std::bad_alloc&) {
      throw Error(ErrorCode::kOutOfMemory, "the onednn backend cannot allocate " + std::to_string(bytes) +
                                               " bytes; the machine has " +
                                               std::to_string(info_.memory_bytes));
    }
  }

  Support supports(const Op& op, std::span<const DType> types) const override {
    return supports_types(op, types, info_.precisions);
  }

  // Scratch memory belongs to the queue: how much an op needs depends on the types of its operands, too.
  std::uint64_t workspace_bytes(const Op&) const override { return 0; }
  std::unique_ptr<Queue> make_queue() override { return std::make_unique<OneDnnQueue>(threads_); }

 private:
  BackendInfo info_;
  std::shared_ptr<Threads> threads_;
};

Support probe() { return Support::yes(); }

std::unique_ptr<Backend> create(const BackendOptions& options) {
  if (!options.device.empty() && options.device != "0")
    throw Error(ErrorCode::kBackendUnavailable,
                "the onednn backend has one device, 0; found '" + options.device + "'");
  return std::make_unique<OneDnnBackend>(options.threads > 0 ? options.threads
                                                             : tbb::info::default_concurrency());
}

}  // namespace

extern const BackendEntry kEntry;
const BackendEntry kEntry{"onednn", "processor: matrix products by oneDNN, threads by oneTBB", probe, create};

}  // namespace polysem::onednn
