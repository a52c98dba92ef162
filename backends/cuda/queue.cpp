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

// An op that failed half-way has left its outputs undefined, and later ones may be waiting for them.
template <class F>
void CudaQueue::guarded(F&& f) {
  if (!broken_.empty())
    throw Error(ErrorCode::kFailed, "the queue cannot be used any more since this happened: " + broken_);
  try {
    context_->use();
    f();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kUnsupported || error.code() == ErrorCode::kInvalidArgument) throw;
    broken_ = error.what();
    if (!last_op_.empty()) {
      broken_ += " (last op: " + last_op_;
      broken_ += wait_for_each_op_ ? ")" : "; with POLYSEM_CUDA_SYNC set it is the one that failed)";
    }
    throw Error(error.code(), broken_);
  }
}

void CudaQueue::synchronize() {
  guarded([&] { stream_->synchronize(); });
}

void CudaQueue::do_run(const Op& op, std::span<const Tensor> operands, Tensor workspace) {
  guarded([&] {
    last_op_ = to_string(op);
    const Scope scope{*stream_, Workspace(workspace)};
    std::visit(
        [&](const auto& o) {
          using O = std::decay_t<decltype(o)>;
          if constexpr (Enqueued<O>) {
            enqueue(scope, o, unpack<O>(operands));
          } else {
            throw Error(ErrorCode::kUnsupported, "the cuda backend does not have " + std::string(O::kName));
          }
        },
        op);
    if (wait_for_each_op_) stream_->synchronize();
  });
}

void CudaQueue::do_upload(Tensor to, std::span<const std::byte> source) {
  guarded([&] {
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
