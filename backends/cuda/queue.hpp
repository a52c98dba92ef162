#pragma once

#include <memory>
#include <string>

#include "backends/cuda/context.hpp"

namespace polysem::cuda {

/// Enqueues ops on a stream of its own as they come. The first error makes the queue unusable.
class CudaQueue final : public Queue {
 public:
  explicit CudaQueue(std::shared_ptr<Context> context);
  ~CudaQueue() override;

  void submit() override {}  // what is enqueued starts by itself
  void synchronize() override;

 protected:
  void do_run(const Op& op, std::span<const Tensor> operands, Tensor workspace) override;
  void do_upload(Tensor to, std::span<const std::byte> source) override;
  void do_download(Tensor from, std::span<std::byte> destination) override;

 private:
  template <class F>
  void guarded(F&& f);

  std::shared_ptr<Context> context_;
  std::unique_ptr<Stream> stream_;
  bool wait_for_each_op_;         ///< POLYSEM_CUDA_SYNC: an error names the very op
  std::string last_op_, broken_;  ///< why the queue cannot be used any more
};

}  // namespace polysem::cuda
