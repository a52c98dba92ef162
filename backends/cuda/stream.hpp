#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "backends/cuda/cublaslt.hpp"
#include "backends/cuda/memory.hpp"
#include "backends/cuda/staging.hpp"
#include "backends/cuda/step_graphs.hpp"

namespace polysem::cuda {

/// A stream of one device with all that work on it needs: staging memory, cuBLASLt and its workspace,
/// graphs of steps.
class Stream {
 public:
  static constexpr std::uint64_t kProductWorkspace = std::uint64_t{32} << 20;

  explicit Stream(int device);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  cudaStream_t handle() const noexcept { return stream_; }
  int device() const noexcept { return device_; }
  Staging& staging() noexcept { return staging_; }
  StepGraphs& graphs() noexcept { return graphs_; }
  cublasLtHandle_t lt() const noexcept { return lt_; }
  std::byte* product_workspace() const noexcept { return product_workspace_->data(); }

  /// What cuBLASLt chose for a product, by the numbers that describe it; nothing where it has no algorithm.
  using Choices = std::map<std::vector<std::int64_t>, std::optional<cublasLtMatmulAlgo_t>>;
  Choices& choices() noexcept { return choices_; }

  void synchronize();

 private:
  int device_;
  cudaStream_t stream_ = nullptr;
  cublasLtHandle_t lt_ = nullptr;
  Staging staging_;
  std::unique_ptr<CudaBuffer> product_workspace_;
  Choices choices_;
  StepGraphs graphs_;
};

}  // namespace polysem::cuda
