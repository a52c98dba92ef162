#include "backends/cuda/queue.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "backends/cuda/errors.hpp"
#include "backends/cuda/ops.hpp"
#include "polysem/error.hpp"

namespace polysem::cuda {

namespace {

// Calls f with parts of a tensor that one piece of staging memory holds, and their bytes on the host. A part
// is some rows, or some columns of one row where a row is longer than that.
template <class Bytes, class F>
void in_pieces(const Tensor& tensor, Bytes host, F&& f) {
  const std::size_t element = size_of(tensor.dtype);
  const auto fits = static_cast<std::int64_t>(Staging::kBlock / element);  // elements
  const std::int64_t rows = std::max<std::int64_t>(fits / tensor.cols, 1);
  const std::int64_t cols = std::min(fits, tensor.cols);
  for (std::int64_t r = 0; r < tensor.rows; r += rows) {
    for (std::int64_t c = 0; c < tensor.cols; c += cols) {
      const Tensor part =
          tensor.row_range(r, std::min(rows, tensor.rows - r)).col_range(c, std::min(cols, tensor.cols - c));
      f(part, host.subspan(static_cast<std::size_t>(r * tensor.cols + c) * element,
                           static_cast<std::size_t>(part.elements()) * element));
    }
  }
}

struct Extent {
  std::size_t row, pitch, rows;  // bytes of a row, and from one to the next on the device
};

// Rows without gaps between count as one.
Extent extent_of(const Tensor& t) {
  const std::size_t element = size_of(t.dtype), row = static_cast<std::size_t>(t.cols) * element;
  const auto rows = static_cast<std::size_t>(t.rows);
  if (t.contiguous()) return {row * rows, row * rows, 1};
  return {row, static_cast<std::size_t>(t.stride) * element, rows};
}

// More than the ops of a step: who never submits gets a start, too.
constexpr std::size_t kMostWaiting = 128;

// An op is refused here, where the caller can see which one, not when the step runs.
void expect_possible(const Op& op, const Tensor& workspace) {
  std::visit(
      [&](const auto& o) {
        using O = std::decay_t<decltype(o)>;
        if constexpr (Enqueued<O>) {
          if (static_cast<std::uint64_t>(workspace.cols) < workspace_of(o))
            throw Error(ErrorCode::kInvalidArgument, "the workspace has " + std::to_string(workspace.cols) +
                                                         " bytes, too few for " + to_string(op));
        } else {
          throw Error(ErrorCode::kUnsupported, "the cuda backend does not have " + std::string(O::kName));
        }
      },
      op);
}

void enqueue_op(const Scope& scope, const Op& op, std::span<const Tensor> operands) {
  std::visit(
      [&](const auto& o) {
        using O = std::decay_t<decltype(o)>;
        if constexpr (Enqueued<O>) enqueue(scope, o, unpack<O>(operands));
      },
      op);
}

}  // namespace

CudaQueue::CudaQueue(std::shared_ptr<Context> context)
    : context_(std::move(context)),
      stream_(context_->take_stream()),
      wait_for_each_op_(std::getenv("POLYSEM_CUDA_SYNC") != nullptr) {}

CudaQueue::~CudaQueue() {
  try {
    context_->use();
    stream_->synchronize();
    if (broken_.empty()) context_->give_back(std::move(stream_));
  } catch (const std::exception&) {  // a lost device: nothing more can be waited for
  }
}

void CudaQueue::expect_usable() const {
  if (!broken_.empty())
    throw Error(ErrorCode::kFailed, "the queue cannot be used any more since this happened: " + broken_);
}

// An op that failed half-way has left its outputs undefined, and later ones may be waiting for them.
template <class F>
void CudaQueue::guarded(F&& f) {
  expect_usable();
  try {
    context_->use();
    f();
  } catch (const Error& error) {
    waiting_.clear(), held_.clear();
    broken_ = error.what();
    if (last_op_) {
      broken_ += " (last op: " + to_string(*last_op_);
      broken_ += wait_for_each_op_ ? ")" : "; with POLYSEM_CUDA_SYNC set it is the one that failed)";
    }
    throw Error(error.code(), broken_);
  }
}

Tensor CudaQueue::hold(Tensor tensor) {
  if (tensor) tensor.buffer = &held_.emplace_back(buffer_of(tensor));
  return tensor;
}

void CudaQueue::send() {
  if (waiting_.empty()) return;
  StepGraphs::Shape shape;
  for (const Waiting& w : waiting_) {
    shape.push_back(static_cast<std::int64_t>(w.op.index()));
    for (const Tensor& t : w.operands) {
      if (!t)
        shape.push_back(-1);
      else
        shape.insert(shape.end(), {t.rows, t.cols, static_cast<std::int64_t>(t.dtype)});
    }
  }
  const auto enqueue_all = [&] {
    for (const Waiting& w : waiting_) {
      last_op_ = w.op;
      enqueue_op({*stream_, Workspace(w.workspace)}, w.op, w.operands);
    }
  };
  if (wait_for_each_op_) {
    enqueue_all();
    stream_->synchronize();
  } else {
    stream_->graphs().run(stream_->handle(), std::move(shape), enqueue_all);
  }
  waiting_.clear(), held_.clear();
}

void CudaQueue::submit() {
  guarded([&] { send(); });
}

void CudaQueue::synchronize() {
  guarded([&] {
    send();
    stream_->synchronize();
  });
}

void CudaQueue::do_run(const Op& op, std::span<const Tensor> operands, Tensor workspace) {
  expect_usable();
  expect_possible(op, workspace);
  Waiting next{op, {}, hold(workspace)};
  for (const Tensor& t : operands) next.operands.push_back(hold(t));
  guarded([&] {
    waiting_.push_back(std::move(next));
    if (wait_for_each_op_ || waiting_.size() >= kMostWaiting) send();
  });
}

void CudaQueue::do_upload(Tensor to, std::span<const std::byte> source) {
  guarded([&] {
    send();
    in_pieces(to, source, [&](const Tensor& part, std::span<const std::byte> bytes) {
      const auto piece = stream_->staging().take(bytes.size(), stream_->handle());
      std::memcpy(piece.data(), bytes.data(), bytes.size());
      const Extent e = extent_of(part);
      check(cudaMemcpy2DAsync(data_of(part), e.pitch, piece.data(), e.row, e.row, e.rows,
                              cudaMemcpyHostToDevice, stream_->handle()),
            "upload");
    });
  });
}

void CudaQueue::do_download(Tensor from, std::span<std::byte> destination) {
  guarded([&] {
    send();
    in_pieces(from, destination, [&](const Tensor& part, std::span<std::byte> bytes) {
      const auto piece = stream_->staging().take(bytes.size(), stream_->handle());
      const Extent e = extent_of(part);
      check(cudaMemcpy2DAsync(piece.data(), e.row, data_of(part), e.pitch, e.row, e.rows,
                              cudaMemcpyDeviceToHost, stream_->handle()),
            "download");
      stream_->synchronize();
      std::memcpy(bytes.data(), piece.data(), bytes.size());
    });
  });
}

}  // namespace polysem::cuda
