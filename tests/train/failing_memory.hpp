#pragma once

#include <cstdint>
#include <memory>

#include "polysem/backend.hpp"
#include "polysem/error.hpp"

namespace polysem::test {

/// While one lives, the requests for memory of this process are counted, and the one with this number (from
/// 1) is refused: operator new throws std::bad_alloc.
class FailingMemory {
 public:
  explicit FailingMemory(std::int64_t refused);
  FailingMemory(const FailingMemory&) = delete;
  FailingMemory& operator=(const FailingMemory&) = delete;
  ~FailingMemory();
  /// Whether it came to that request.
  static bool struck();
};

/// Another backend whose allocation with a number (from 1) fails as for want of memory.
class FailingBackend final : public Backend {
 public:
  FailingBackend(Backend& inner, std::int64_t refused) : inner_(inner), refused_(refused) {}
  bool struck() const { return asked_ >= refused_; }

  const BackendInfo& info() const override { return inner_.info(); }
  std::shared_ptr<Buffer> allocate(std::uint64_t bytes, MemoryUse use) override {
    if (++asked_ == refused_) throw Error(ErrorCode::kOutOfMemory, "the device has no memory left");
    return inner_.allocate(bytes, use);
  }
  Support supports(const Op& op, std::span<const DType> types) const override {
    return inner_.supports(op, types);
  }
  std::uint64_t workspace_bytes(const Op& op) const override { return inner_.workspace_bytes(op); }
  std::unique_ptr<Queue> make_queue() override { return inner_.make_queue(); }

 private:
  Backend& inner_;
  std::int64_t refused_, asked_ = 0;
};

}  // namespace polysem::test
