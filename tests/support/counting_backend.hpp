#pragma once

#include <map>
#include <memory>
#include <string>

#include "polysem/backend.hpp"
#include "polysem/op.hpp"

namespace polysem::test {

/// Hands everything to another backend and counts the ops by name.
class CountingBackend final : public Backend {
 public:
  explicit CountingBackend(std::unique_ptr<Backend> inner) : inner_(std::move(inner)) {}

  std::map<std::string, int> counts;

  const BackendInfo& info() const override { return inner_->info(); }
  std::shared_ptr<Buffer> allocate(std::uint64_t bytes, MemoryUse use) override {
    return inner_->allocate(bytes, use);
  }
  Support supports(const Op& op, std::span<const DType> types) const override {
    return inner_->supports(op, types);
  }
  std::uint64_t workspace_bytes(const Op& op) const override { return inner_->workspace_bytes(op); }
  std::unique_ptr<Queue> make_queue() override {
    return std::make_unique<CountingQueue>(inner_->make_queue(), counts);
  }

 private:
  class CountingQueue final : public Queue {
   public:
    CountingQueue(std::unique_ptr<Queue> inner, std::map<std::string, int>& counts)
        : inner_(std::move(inner)), counts_(counts) {}
    void submit() override { inner_->submit(); }
    void synchronize() override { inner_->synchronize(); }

   private:
    void do_run(const Op& op, std::span<const Tensor> operands, Tensor workspace) override {
      ++counts_[std::string(name(op))];
      inner_->run(op, operands, workspace);
    }
    void do_upload(Tensor destination, std::span<const std::byte> source) override {
      inner_->upload(destination, source);
    }
    void do_download(Tensor source, std::span<std::byte> destination) override {
      inner_->download(source, destination);
    }
    std::unique_ptr<Queue> inner_;
    std::map<std::string, int>& counts_;
  };

  std::unique_ptr<Backend> inner_;
};

}  // namespace polysem::test
