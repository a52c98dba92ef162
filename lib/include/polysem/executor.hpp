#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "polysem/backend.hpp"

namespace polysem {

/// Runs ops on a backend for code that does not want to think about workspace: allocates, grows and reuses
/// it. With a fallback backend, ops that the first one refuses run there, and are counted; without, refusal
/// is Error{kUnsupported} with the backend's reason.
class Executor {
 public:
  explicit Executor(Backend& backend, Backend* fallback = nullptr);

  template <class O>
  void run(const O& op, const typename O::Operands& operands) {
    run_op(Op(op), pack<O>(operands));
  }

  /// New matrix; `fill` variants are zero.
  Array make(std::int64_t rows, std::int64_t cols, DType dtype = DType::kF32,
             MemoryUse use = MemoryUse::kGeneral);
  Array zeros(std::int64_t rows, std::int64_t cols, DType dtype = DType::kF32);
  /// New f32 matrix with these contents (rows * cols values).
  Array make_from(std::int64_t rows, std::int64_t cols, std::span<const float> values,
                  MemoryUse use = MemoryUse::kGeneral);
  Array make_from(std::int64_t rows, std::int64_t cols, std::span<const std::int32_t> values);

  void upload(const Tensor& destination, std::span<const float> values);
  void upload(const Tensor& destination, std::span<const std::int32_t> values);
  void upload(const Tensor& destination, std::span<const std::uint32_t> values);
  /// Waits, then returns the elements row by row; the element type must match the tensor's.
  std::vector<float> download_f32(const Tensor& source);
  std::vector<std::int32_t> download_i32(const Tensor& source);
  std::vector<std::uint32_t> download_u32(const Tensor& source);
  void download(const Tensor& source, std::span<float> values);

  void submit() { queue_->submit(); }
  void synchronize() { queue_->synchronize(); }

  Backend& backend() noexcept { return *backend_; }
  /// Ops that ran on the fallback, with counts.
  const std::map<std::string, std::uint64_t>& fallbacks() const noexcept { return fallbacks_; }

 private:
  void run_op(const Op& op, std::span<const Tensor> operands);
  void run_elsewhere(const Op& op, std::span<const Tensor> operands);

  Backend* backend_;
  Backend* fallback_;
  std::unique_ptr<Queue> queue_;
  std::unique_ptr<Queue> fallback_queue_;
  Array workspace_;
  std::map<std::string, std::uint64_t> fallbacks_;
};

}  // namespace polysem
