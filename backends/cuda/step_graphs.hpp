#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace polysem::cuda {

/// Runs the work that a stream gets between two waits, a step, as a CUDA graph: one launch instead of one for
/// each kernel. A step that comes for the first time runs as it is, which also makes the libraries load and
/// choose what they need; from then on it is captured each time, and the graph of that shape takes over its
/// numbers and addresses.
class StepGraphs {
 public:
  /// All that tells steps apart whose graphs have other nodes.
  using Shape = std::vector<std::int64_t>;

  StepGraphs() = default;
  ~StepGraphs();
  StepGraphs(const StepGraphs&) = delete;
  StepGraphs& operator=(const StepGraphs&) = delete;

  /// `enqueue` puts the step's work on `stream`, without waiting for anything. It is called again where the
  /// step cannot be captured; then the step runs as it is.
  void run(cudaStream_t stream, Shape shape, const std::function<void()>& enqueue);

 private:
  struct Known {
    cudaGraphExec_t graph = nullptr;
    bool refused = false;  ///< cannot be captured
    std::uint64_t last_use = 0;
  };
  bool replay(cudaStream_t stream, Known& known, const std::function<void()>& enqueue);
  bool take_over(cudaStream_t stream, Known& known, cudaGraph_t step);
  void forget_oldest(cudaStream_t stream);

  static constexpr std::size_t kMostKnown = 16;
  std::map<Shape, Known> known_;
  std::uint64_t uses_ = 0;
};

}  // namespace polysem::cuda
