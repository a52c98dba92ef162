// Streams, and graphs that are captured from them.
#include "tests/cuda/emulated/capture.hpp"

#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "tests/cuda/emulated/faults.hpp"

using Node = std::pair<emulated::Work, std::function<cudaError_t()>>;

struct EmulatedGraph {
  std::vector<Node> nodes;
};
struct EmulatedGraphExec {
  std::vector<Node> nodes;
};
struct EmulatedStream {
  bool captured = false, broken = false;
  std::thread::id thread;
  std::vector<Node> nodes;
};

using emulated::faults;
using emulated::next_call;

namespace {

std::mutex mutex;
std::set<EmulatedStream*> captures;

}  // namespace

namespace emulated {

cudaError_t enqueue(cudaStream_t stream, Work kind, std::function<cudaError_t()> work) {
  if (const cudaError_t error = next_call()) return error;
  if (!stream->captured) return work();
  if (stream->broken) return cudaErrorStreamCaptureInvalidated;
  stream->nodes.emplace_back(kind, std::move(work));
  return cudaSuccess;
}

cudaError_t not_captured(bool device_wide) {
  const std::lock_guard lock(mutex);
  cudaError_t result = cudaSuccess;
  for (EmulatedStream* stream : captures) {
    if (!device_wide && stream->thread != std::this_thread::get_id()) continue;
    stream->broken = true;
    result = cudaErrorStreamCaptureUnsupported;
  }
  return result;
}

}  // namespace emulated

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  if (const cudaError_t error = next_call()) return error;
  *stream = new EmulatedStream;
  ++faults().allocations;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  --faults().allocations;
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (const cudaError_t error = next_call()) return error;
  if (!stream->captured) return cudaSuccess;
  stream->broken = true;
  return cudaErrorStreamCaptureUnsupported;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  if (const cudaError_t error = next_call()) return error;
  const std::lock_guard lock(mutex);
  captures.insert(stream);
  stream->captured = true, stream->broken = faults().break_captures;
  stream->thread = std::this_thread::get_id();
  stream->nodes.clear();
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  {
    const std::lock_guard lock(mutex);
    captures.erase(stream);
    stream->captured = false;
  }
  if (const cudaError_t error = next_call()) return error;
  if (stream->broken) return cudaErrorStreamCaptureInvalidated;
  *graph = new EmulatedGraph{std::exchange(stream->nodes, {})};
  ++faults().allocations;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  if (const cudaError_t error = next_call()) return error;
  *exec = new EmulatedGraphExec{graph->nodes};
  ++faults().allocations;
  ++faults().graphs_made;
  return cudaSuccess;
}
cudaError_t cudaGraphExecUpdate(cudaGraphExec_t exec, cudaGraph_t graph, cudaGraphExecUpdateResultInfo*) {
  if (const cudaError_t error = next_call()) return error;
  bool same = exec->nodes.size() == graph->nodes.size();
  for (std::size_t i = 0; same && i < graph->nodes.size(); ++i)
    same = exec->nodes[i].first == graph->nodes[i].first;
  if (!same) return cudaErrorGraphExecUpdateFailure;
  exec->nodes = graph->nodes;
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  if (const cudaError_t error = next_call()) return error;
  if (stream->captured) return cudaErrorStreamCaptureUnsupported;
  ++faults().graph_launches;
  for (const Node& node : exec->nodes)
    if (const cudaError_t error = node.second()) return error;
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  --faults().allocations;
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  --faults().allocations;
  delete exec;
  return cudaSuccess;
}
