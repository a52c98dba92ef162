#include "backends/vulkan/queue.hpp"

#include "backends/vulkan/messages.hpp"
#include "backends/vulkan/ops.hpp"
#include "polysem/error.hpp"

namespace polysem::vulkan {

namespace {

// Drivers kill what runs for seconds without an end, and a device without work waits.
constexpr std::uint64_t kMostWork = 200'000'000'000;
constexpr std::uint64_t kMostStaged = std::uint64_t{256} << 20;
constexpr std::size_t kMostRunning = 3;
// Transfers go in pieces, so that staging memory stays small.
constexpr std::uint64_t kPiece = std::uint64_t{16} << 20;

// Under the validation layer its messages are errors.
void check_messages(const Device& device) {
  if (!device.settings().validate) return;
  std::string all;
  for (const std::string& message : Messages::take()) all += "\n" + message;
  if (!all.empty()) throw Error(ErrorCode::kFailed, "the validation layer says:" + all);
}

// Calls f with row ranges (or, in a long vector, column ranges) of a tensor and their bytes on the host.
template <class Bytes, class F>
void in_pieces(const Tensor& tensor, Bytes host, F&& f) {
  const std::uint64_t element = size_of(tensor.dtype);
  const bool vector = tensor.rows == 1;
  const std::uint64_t unit = vector ? element : static_cast<std::uint64_t>(tensor.cols) * element;
  const std::int64_t total = vector ? tensor.cols : tensor.rows;
  const auto step = static_cast<std::int64_t>(std::max<std::uint64_t>(1, kPiece / unit));
  for (std::int64_t first = 0; first < total; first += step) {
    const std::int64_t count = std::min(step, total - first);
    f(vector ? tensor.col_range(first, count) : tensor.row_range(first, count),
      host.subspan(static_cast<std::size_t>(first) * unit, static_cast<std::size_t>(count) * unit));
  }
}

}  // namespace

VulkanQueue::~VulkanQueue() {
  if (drivers_are_gone()) return;
  try {
    retire(0);
    if (current_) context_->give_back(std::move(current_));
  } catch (const std::exception&) {  // what may still run must end before its memory goes
    context_->device().wait_for_all();
  }
}

// An op that failed half-way has left its outputs undefined, and later ones may be waiting for them.
template <class F>
void VulkanQueue::guarded(F&& f) {
  if (!broken_.empty())
    throw Error(ErrorCode::kFailed, "the queue cannot be used any more since this happened: " + broken_);
  try {
    f();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kUnsupported || error.code() == ErrorCode::kInvalidArgument) throw;
    broken_ = error.what() + (last_op_.empty() ? "" : " (last op: " + last_op_ + ")");
    throw Error(error.code(), broken_);
  }
}

Recording& VulkanQueue::current() {
  if (!current_) current_ = context_->take_recording();
  return *current_;
}

void VulkanQueue::send() {
  if (!current_ || current_->empty()) return;
  current_->submit();
  running_.push_back(std::move(current_));
  work_ = 0;
}

void VulkanQueue::retire(std::size_t keep) {
  while (!running_.empty() && (running_.size() > keep || running_.front()->done())) {
    running_.front()->wait();
    context_->give_back(std::move(running_.front()));
    running_.pop_front();
  }
}

void VulkanQueue::submit() {
  guarded([&] {
    send();
    retire(kMostRunning);
  });
}

void VulkanQueue::synchronize() {
  guarded([&] {
    send();
    retire(0);
    check_messages(context_->device());
  });
}

void VulkanQueue::do_run(const Op& op, std::span<const Tensor> operands, Tensor workspace) {
  guarded([&] {
    last_op_ = to_string(op);
    const Scope scope{context_->device(), current(), Workspace(workspace)};
    std::visit(
        [&](const auto& o) {
          using O = std::decay_t<decltype(o)>;
          if constexpr (Recorded<O>) {
            record(scope, o, unpack<O>(operands));
            work_ += work_of(o);
          } else {
            throw Error(ErrorCode::kUnsupported, "the vulkan backend does not have " + std::string(O::kName));
          }
        },
        op);
    const std::uint64_t most = context_->device().settings().max_work.value_or(kMostWork);
    if (work_ > static_cast<double>(most)) {
      send();
      retire(kMostRunning);
    }
  });
}

void VulkanQueue::do_upload(Tensor to, std::span<const std::byte> source) {
  guarded([&] {
    in_pieces(to, source, [&](const Tensor& part, std::span<const std::byte> bytes) {
      current().upload(part, bytes);
      if (current_->staged_bytes() < kMostStaged) return;
      send();
      retire(1);
    });
  });
}

void VulkanQueue::do_download(Tensor from, std::span<std::byte> destination) {
  guarded([&] {
    in_pieces(from, destination, [&](const Tensor& part, std::span<std::byte> bytes) {
      current().download(part);
      send();
      running_.back()->wait();
      running_.back()->read(bytes);
      retire(0);
    });
    check_messages(context_->device());
  });
}

}  // namespace polysem::vulkan
