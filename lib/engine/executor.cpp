#include "polysem/executor.hpp"

#include <algorithm>

#include "polysem/error.hpp"

namespace polysem {

namespace {

template <class T>
std::span<const std::byte> bytes_of(std::span<const T> values) {
  return std::as_bytes(values);
}

template <class T>
std::vector<T> download_as(Queue& queue, const Tensor& source, DType expected) {
  if (source.dtype != expected)
    throw Error(ErrorCode::kInvalidArgument, "download: the tensor holds " + std::string(name(source.dtype)) +
                                                 ", asked for as " + std::string(name(expected)));
  std::vector<T> values(static_cast<std::size_t>(source.elements()));
  queue.download(source, std::as_writable_bytes(std::span<T>(values)));
  return values;
}

std::vector<DType> types_of(std::span<const Tensor> operands) {
  std::vector<DType> list;
  for (const Tensor& t : operands) list.push_back(t.dtype);
  return list;
}

void copy_between(Queue& from, const Tensor& source, Queue& to, const Tensor& destination) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(source.elements()) * size_of(source.dtype));
  from.download(source, bytes);
  to.upload(destination, bytes);
}

}  // namespace

Executor::Executor(Backend& backend, Backend* fallback)
    : backend_(&backend), fallback_(fallback), queue_(backend.make_queue()) {
  if (fallback_ != nullptr) fallback_queue_ = fallback_->make_queue();
}

Array Executor::make(std::int64_t rows, std::int64_t cols, DType dtype, MemoryUse use) {
  if (rows < 0 || cols < 0) throw Error(ErrorCode::kInvalidArgument, "make: sizes must not be negative");
  __extension__ using Wide = unsigned __int128;
  const Wide bytes =
      Wide(static_cast<std::uint64_t>(rows)) * static_cast<std::uint64_t>(cols) * size_of(dtype);
  if (bytes > Wide(std::uint64_t{1} << 62))
    throw Error(ErrorCode::kOutOfMemory, "make: the matrix is too large");
  auto buffer = backend_->allocate(static_cast<std::uint64_t>(bytes), use);
  const Tensor view{buffer.get(), 0, rows, cols, cols, dtype};
  return {std::move(buffer), view};
}

Array Executor::zeros(std::int64_t rows, std::int64_t cols, DType dtype) {
  Array array = make(rows, cols, dtype);
  run(Fill{rows, cols, 0.0f}, {.out = array});
  return array;
}

Array Executor::make_from(std::int64_t rows, std::int64_t cols, std::span<const float> values,
                          MemoryUse use) {
  Array array = make(rows, cols, DType::kF32, use);
  upload(array, values);
  return array;
}

Array Executor::make_from(std::int64_t rows, std::int64_t cols, std::span<const std::int32_t> values) {
  Array array = make(rows, cols, DType::kI32);
  upload(array, values);
  return array;
}

void Executor::upload(const Tensor& destination, std::span<const float> values) {
  queue_->upload(destination, bytes_of(values));
}
void Executor::upload(const Tensor& destination, std::span<const std::int32_t> values) {
  queue_->upload(destination, bytes_of(values));
}
void Executor::upload(const Tensor& destination, std::span<const std::uint32_t> values) {
  queue_->upload(destination, bytes_of(values));
}

std::vector<float> Executor::download_f32(const Tensor& source) {
  return download_as<float>(*queue_, source, DType::kF32);
}
std::vector<std::int32_t> Executor::download_i32(const Tensor& source) {
  return download_as<std::int32_t>(*queue_, source, DType::kI32);
}
std::vector<std::uint32_t> Executor::download_u32(const Tensor& source) {
  return download_as<std::uint32_t>(*queue_, source, DType::kU32);
}
void Executor::download(const Tensor& source, std::span<float> values) {
  queue_->download(source, std::as_writable_bytes(values));
}

void Executor::run_op(const Op& op, std::span<const Tensor> operands) {
  // The queue validates all; but no backend should be asked about numbers that make no sense.
  if (!std::visit([](const auto& o) { return o.check().empty(); }, op)) validate(op, operands);
  if (const Support support = backend_->supports(op, types_of(operands)); !support) {
    if (fallback_ == nullptr)
      throw Error(ErrorCode::kUnsupported,
                  backend_->info().name + " cannot run " + to_string(op) + ": " + support.reason);
    run_elsewhere(op, operands);
    return;
  }
  const std::uint64_t needed = backend_->workspace_bytes(op);
  if (needed > static_cast<std::uint64_t>(workspace_.cols())) {
    workspace_ = make(1, static_cast<std::int64_t>(std::max(needed, needed + needed / 4)), DType::kU8);
  }
  queue_->run(op, operands, needed > 0 ? workspace_.view() : Tensor{});
}

// Every operand crosses over and, where written, comes back: slow, but exact, and only when the caller
// allowed it.
void Executor::run_elsewhere(const Op& op, std::span<const Tensor> operands) {
  validate(op, operands);
  const auto list = specs(op);
  std::vector<std::shared_ptr<Buffer>> buffers;
  std::vector<Tensor> there(operands.begin(), operands.end());
  for (std::size_t i = 0; i < there.size(); ++i) {
    if (!there[i]) continue;
    const auto bytes = static_cast<std::uint64_t>(there[i].elements()) * size_of(there[i].dtype);
    buffers.push_back(fallback_->allocate(bytes));
    there[i].buffer = buffers.back().get();
    there[i].offset = 0;
    there[i].stride = there[i].cols;
    if (list[i].access != Access::kWrite) copy_between(*queue_, operands[i], *fallback_queue_, there[i]);
  }
  const auto workspace = fallback_->allocate(fallback_->workspace_bytes(op));
  const auto size = static_cast<std::int64_t>(workspace->bytes());
  fallback_queue_->run(op, there,
                       size > 0 ? Tensor{workspace.get(), 0, 1, size, size, DType::kU8} : Tensor{});
  for (std::size_t i = 0; i < there.size(); ++i) {
    if (there[i] && list[i].access != Access::kRead)
      copy_between(*fallback_queue_, there[i], *queue_, operands[i]);
  }
  ++fallbacks_[std::string(name(op))];
}

}  // namespace polysem
