#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backends/cuda/context.hpp"

namespace polysem::cuda {

/// Keeps ops until submit(), a transfer or a wait, then puts them on a stream of its own, as one graph where
/// such work has come before. The first error makes the queue unusable.
class CudaQueue final : public Queue {
 public:
  explicit CudaQueue(std::shared_ptr<Context> context);
  ~CudaQueue() override;

  void submit() override;
  void synchronize() override;

 protected:
  void do_run(const Op& op, std::span<const Tensor> operands, Tensor workspace) override;
  void do_upload(Tensor to, std::span<const std::byte> source) override;
  void do_download(Tensor from, std::span<std::byte> destination) override;

 private:
  struct Waiting {
    Op op;
    std::vector<Tensor> operands;
    Tensor workspace;
  };
  void expect_usable() const;
  void send();
  Tensor hold(Tensor tensor);
  template <class F>
  void guarded(F&& f);

  std::shared_ptr<Context> context_;
  std::unique_ptr<Stream> stream_;
  bool wait_for_each_op_;  ///< POLYSEM_CUDA_SYNC: an error names the very op
  std::vector<Waiting> waiting_;
  std::deque<CudaBuffer> held_;  ///< operands of what waits, whose buffers may go
  std::optional<Op> last_op_;
  std::string broken_;  ///< why the queue cannot be used any more
};

}  // namespace polysem::cuda
