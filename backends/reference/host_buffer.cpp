#include "backends/reference/host_buffer.hpp"

#include <unistd.h>

#include <new>
#include <string>

#include "polysem/error.hpp"

namespace polysem::reference {

namespace {
constexpr std::align_val_t kAlignment{64};
}  // namespace

std::uint64_t machine_memory() noexcept {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page) : 0;
}

// A system that overcommits grants any size and kills the process later, so the machine's memory is a limit.
std::shared_ptr<HostBuffer> HostBuffer::make(std::uint64_t bytes) {
  const std::uint64_t limit = machine_memory();
  void* data = nullptr;
  if (limit == 0 || bytes <= limit) data = ::operator new(bytes, kAlignment, std::nothrow);
  if (data == nullptr)
    throw Error(ErrorCode::kOutOfMemory, "the reference backend cannot allocate " + std::to_string(bytes) +
                                             " bytes; the machine has " + std::to_string(limit));
  return std::shared_ptr<HostBuffer>(new HostBuffer(static_cast<std::byte*>(data), bytes));
}

HostBuffer::~HostBuffer() { ::operator delete(data_, kAlignment); }

std::byte* data_of(const Tensor& tensor) {
  auto* buffer = dynamic_cast<HostBuffer*>(tensor.buffer);
  if (buffer == nullptr)
    throw Error(ErrorCode::kInvalidArgument, "the reference backend was given memory of another backend");
  return buffer->data() + tensor.offset;
}

}  // namespace polysem::reference
