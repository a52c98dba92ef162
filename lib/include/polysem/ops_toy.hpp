#pragma once

#include "polysem/ops_dense.hpp"

/// Ops of toy models: many small autoencoders side by side (Elhage et al. 2022, arXiv 2209.10652). Samples
/// are columns, so that a matrix of a few features still has long rows.
namespace polysem {

/// Sparse features: out[i, f, s] is 0, or, where feature f of instance i is active in sample s, uniform.
/// With u(e) = Random(seed, stream, 0).bits(e), d(e) the same of substream 1, e = first + (i features + f)
/// batch + s and T(p) = round(p 2^32):
///  - kIndependent: active where u(e) < T(density[i, f]); the value is then u(e) / T.
///  - kTogether, kOneOf: features come in sets of `set_size`; e0 and p are those of the set's first feature.
///  A
///    set is active where d(e0) < T(p); then all its features are (kTogether), or its member number
///    floor(d(e0) set_size / T) alone is (kOneOf). The value is u(e) / 2^32.
/// With `symmetric` a value t becomes 2 t - 1.
struct FeatureFill {
  static constexpr std::string_view kName = "feature_fill";
  enum class Sets : std::uint8_t { kIndependent, kTogether, kOneOf };
  std::int64_t instances = 0, features = 0, batch = 0;
  Sets sets = Sets::kIndependent;
  std::int64_t set_size = 1;  ///< divides features
  bool symmetric = false;
  std::uint64_t seed = 0;
  RandomStream stream = RandomStream::kData;
  std::uint64_t first = 0;

  struct Operands {
    Tensor density, out;
  };
  std::array<OperandSpec, kOperandCount<FeatureFill>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("instances", instances), f("features", features), f("batch", batch), f("sets", sets);
    f("set_size", set_size), f("symmetric", symmetric), f("seed", seed), f("stream", stream),
        f("first", first);
  }
};

/// Loss and gradients of `instances` autoencoders at once:
///   h = W x, rectified with `relu_hidden`;  y = D h + b, rectified with `relu_output`, D = W^T without
///   decoder; loss = scale sum over samples and features of importance (t - y)^2,  t = x, or |x| with
///   `absolute_target`.
/// A rectifier passes no gradient where its input is not above 0. Gradients overwrite what was there.
struct ToyGrad {
  static constexpr std::string_view kName = "toy_grad";
  std::int64_t instances = 0, features = 0, dims = 0, batch = 0;
  bool relu_hidden = false, relu_output = true, absolute_target = false;
  bool tied = true;  ///< D = W^T, and w_grad is the sum over both uses
  float scale = 1.0f;

  struct Operands {
    Tensor x;           ///< [instances features, batch]
    Tensor w;           ///< [instances dims, features]
    Tensor decoder;     ///< [instances features, dims]; absent when tied
    Tensor bias;        ///< [instances, features]
    Tensor importance;  ///< [instances, features]
    Tensor loss;        ///< [1, instances]
    Tensor w_grad, decoder_grad, bias_grad;
  };
  std::array<OperandSpec, kOperandCount<ToyGrad>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("instances", instances), f("features", features), f("dims", dims), f("batch", batch);
    f("relu_hidden", relu_hidden), f("relu_output", relu_output), f("absolute_target", absolute_target);
    f("tied", tied), f("scale", scale);
  }
};

}  // namespace polysem
