#pragma once

#include "polysem/ops_dense.hpp"

namespace polysem {

/// Loss and gradient of `instances` autoencoders that share one matrix between encoder and decoder and see
/// every one-hot vector once (Lecomte et al. 2023, arXiv 2312.03096). With w_i row i of an instance's w:
///   z_ij = (w_i + noise) . w_j,  y = f(z),  loss = sum over i, j of (y_ij - [i = j])^2 + l1 sum |w|.
/// The gradient of |w| at 0 is 0, and so is that of f where its input is not above 0 (kLeaky: the slope).
struct TiedGrad {
  static constexpr std::string_view kName = "tied_grad";
  enum class Output : std::uint8_t {
    kRelu,    ///< max(z, 0)
    kLinear,  ///< z
    kAbs,     ///< |z|
    kLeaky,   ///< z, or slope z below 0
  };
  std::int64_t instances = 0, features = 0, neurons = 0;
  Output output = Output::kRelu;
  float slope = 0.0f;
  float l1 = 0.0f;

  struct Operands {
    Tensor w;      ///< [instances features, neurons]
    Tensor noise;  ///< [instances, neurons], added to the hidden layer of every sample; or absent
    Tensor loss;   ///< [1, instances]
    Tensor grad;   ///< [instances features, neurons]
  };
  std::array<OperandSpec, kOperandCount<TiedGrad>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("instances", instances), f("features", features), f("neurons", neurons), f("output", output);
    f("slope", slope), f("l1", l1);
  }
};

}  // namespace polysem
