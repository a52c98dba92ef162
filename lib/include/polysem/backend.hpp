#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "polysem/op.hpp"
#include "polysem/tensor.hpp"

namespace polysem {

/// What a backend is and runs on; printed with every result.
struct BackendInfo {
  std::string name;      ///< "onednn"
  std::string device;    ///< processor or card
  std::string driver;    ///< library or driver with its version, for instance "oneDNN 2.6.3"
  std::string features;  ///< instruction sets or extensions found, for instance "avx512 avx512_bf16"
  int threads = 1;       ///< CPU threads in use; 0 where it has no meaning
  std::uint64_t memory_bytes = 0;     ///< of the device
  std::vector<Precision> precisions;  ///< those that run in hardware or are emulated exactly
};

/// Yes, or no with the reason.
struct Support {
  bool ok = true;
  std::string reason;
  static Support yes() { return {}; }
  static Support no(std::string why) { return {false, std::move(why)}; }
  explicit operator bool() const noexcept { return ok; }
};

/// Whether an op of these operand types may run where products have these precisions; f16 operands go with
/// Precision::kF16. What every backend asks first, before its own limits.
Support supports_types(const Op& op, std::span<const DType> types, std::span<const Precision> precisions);

/// How memory will be used: a hint. A backend may keep rearranged copies of rarely written memory (weights of
/// a frozen model); every write goes through its queue, so it knows when they are stale.
enum class MemoryUse : std::uint8_t { kGeneral, kRarelyWritten };

/// Where ops are recorded, in program order. They may run later; everything that went in before synchronize()
/// has run when it returns. Inputs of upload() are copied before it returns. One thread uses a queue at a
/// time. Errors of deferred work surface in synchronize() or download() and name the op; the queue is
/// unusable after.
class Queue {
 public:
  virtual ~Queue() = default;
  Queue() = default;
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// Records one op. `operands` in the order of specs(op); `workspace` u8 [1, n] with n >=
  /// Backend::workspace_bytes(op) (absent where that is 0), free for any use once the op after it in this
  /// queue starts. Validates first.
  void run(const Op& op, std::span<const Tensor> operands, Tensor workspace = {});

  /// Host to device; `source` holds rows * cols elements without gaps.
  void upload(Tensor destination, std::span<const std::byte> source);
  /// Device to host, after everything recorded before it.
  void download(Tensor source, std::span<std::byte> destination);
  /// Starts what was recorded, without waiting.
  virtual void submit() = 0;
  /// Runs what was recorded to its end.
  virtual void synchronize() = 0;

 protected:
  virtual void do_run(const Op& op, std::span<const Tensor> operands, Tensor workspace) = 0;
  virtual void do_upload(Tensor destination, std::span<const std::byte> source) = 0;
  virtual void do_download(Tensor source, std::span<std::byte> destination) = 0;
};

/// One device behind one implementation of the ops. Thread-safe except for its queues.
class Backend {
 public:
  virtual ~Backend() = default;
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  virtual const BackendInfo& info() const = 0;
  /// Uninitialised memory, aligned to at least 64 bytes. Throws Error{kOutOfMemory}; the backend stays
  /// usable.
  virtual std::shared_ptr<Buffer> allocate(std::uint64_t bytes, MemoryUse use = MemoryUse::kGeneral) = 0;
  /// Whether run() will take this op with operands of these types (`types[i]` of operand i; absent ones are
  /// ignored).
  virtual Support supports(const Op& op, std::span<const DType> types) const = 0;
  /// Scratch memory that one run of the op needs.
  virtual std::uint64_t workspace_bytes(const Op& op) const = 0;
  virtual std::unique_ptr<Queue> make_queue() = 0;
};

struct BackendOptions {
  std::string device;  ///< number or part of a name; "" for the default
  int threads = 0;     ///< CPU threads; 0 for all
};

/// A backend that was compiled in.
struct BackendEntry {
  std::string_view name;
  std::string_view summary;
  Support (*probe)();  ///< whether its default device can run on this machine, cheaply
  std::unique_ptr<Backend> (*create)(const BackendOptions& options);
  /// Names of all devices, in the order of their numbers; null where there is but one.
  std::vector<std::string> (*devices)() = nullptr;
};

/// Backends of this build; the first that can run is the default.
std::span<const BackendEntry* const> registered_backends();

/// Opens a backend by "name" or "name:device"; "" opens the default. Never falls back to another.
/// Throws Error{kBackendUnavailable} that says why, or lists the names there are.
std::unique_ptr<Backend> open_backend(std::string_view name, int threads = 0);

}  // namespace polysem
