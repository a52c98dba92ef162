#include "backends/cuda/step_graphs.hpp"

#include <algorithm>
#include <exception>
#include <mutex>

#include "backends/cuda/errors.hpp"
#include "backends/cuda/memory.hpp"

namespace polysem::cuda {

namespace {

// Whether a call went well; if not, the runtime forgets about it.
bool succeeds(cudaError_t result) {
  if (result == cudaSuccess) return true;
  cudaGetLastError();
  return false;
}

class Graph {
 public:
  Graph() = default;
  ~Graph() {
    if (handle_ != nullptr) cudaGraphDestroy(handle_);
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  cudaGraph_t handle() const noexcept { return handle_; }
  /// Nothing of it runs. False where it cannot be captured, whatever the reason: running it will tell.
  bool capture(cudaStream_t stream, const std::function<void()>& enqueue) {
    const std::lock_guard lock(device_wide_calls());
    if (!succeeds(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal))) return false;
    bool whole = true;
    try {
      enqueue();
    } catch (const std::exception&) {
      whole = false;
    }
    return succeeds(cudaStreamEndCapture(stream, &handle_)) && handle_ != nullptr && whole;
  }

 private:
  cudaGraph_t handle_ = nullptr;
};

// Not while it may still run.
void destroy(cudaStream_t stream, cudaGraphExec_t& graph) {
  if (graph == nullptr) return;
  succeeds(cudaStreamSynchronize(stream));
  cudaGraphExecDestroy(graph);
  graph = nullptr;
}

}  // namespace

StepGraphs::~StepGraphs() {
  for (auto& [shape, known] : known_) {
    if (known.graph != nullptr) cudaGraphExecDestroy(known.graph);
  }
}

void StepGraphs::run(cudaStream_t stream, Shape shape, const std::function<void()>& enqueue) {
  const auto [place, fresh] = known_.try_emplace(std::move(shape));
  Known& known = place->second;
  known.last_use = ++uses_;
  if (known_.size() > kMostKnown) forget_oldest(stream);
  if (fresh || known.refused || !replay(stream, known, enqueue)) enqueue();
}

bool StepGraphs::replay(cudaStream_t stream, Known& known, const std::function<void()>& enqueue) {
  Graph step;
  known.refused = !step.capture(stream, enqueue) || !take_over(stream, known, step.handle());
  if (known.refused) return false;
  check(cudaGraphLaunch(known.graph, stream), "cudaGraphLaunch");
  return true;
}

// A graph that may be running goes on with its old numbers.
bool StepGraphs::take_over(cudaStream_t stream, Known& known, cudaGraph_t step) {
  if (known.graph != nullptr) {
    cudaGraphExecUpdateResultInfo why{};
    if (succeeds(cudaGraphExecUpdate(known.graph, step, &why))) return true;
    destroy(stream, known.graph);
  }
  return succeeds(cudaGraphInstantiate(&known.graph, step, 0));
}

void StepGraphs::forget_oldest(cudaStream_t stream) {
  const auto oldest = std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) {
    return a.second.last_use < b.second.last_use;
  });
  destroy(stream, oldest->second.graph);
  known_.erase(oldest);
}

}  // namespace polysem::cuda
