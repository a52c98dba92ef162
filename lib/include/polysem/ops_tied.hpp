#pragma once

#include "polysem/ops_dense.hpp"

namespace polysem {

/// Loss and gradient of `instances` autoencoders that share one matrix between encoder and decoder and see
/// every one-hot vector once (Lecomte et al. 2023, arXiv 2312.03096). With w_i row i of an instance's w:
///   z_ij = (w_i + noise) . w_j,  y = z where z > 0, negative_slope z elsewhere,
///   loss = sum over i, j of (y_ij - [i = j])^2 + l1 sum |w|.
/// The gradient of |w| at 0 is 0, that of y at 0 the one from below.
struct TiedGrad {
  static constexpr std::string_view kName = "tied_grad";
  std::int64_t instances = 0, features = 0, neurons = 0;
  float negative_slope = 0.0f;  ///< 0: ReLU, 1: linear, -1: absolute value
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
    f("instances", instances), f("features", features), f("neurons", neurons), f("slope", negative_slope);
    f("l1", l1);
  }
};

}  // namespace polysem
