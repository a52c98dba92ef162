#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace polysem {

/// AdamW on the host in double (Loshchilov & Hutter, arXiv 1711.05101), for models of a few thousand
/// parameters.
class HostAdam {
 public:
  explicit HostAdam(std::size_t size) : m_(size), v_(size) {}

  void step(std::vector<double>& parameters, const std::vector<double>& gradient, double rate,
            double weight_decay = 0) {
    constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;
    ++steps_;
    const double scale1 = 1 / (1 - std::pow(kBeta1, steps_)), scale2 = 1 / (1 - std::pow(kBeta2, steps_));
    for (std::size_t i = 0; i < m_.size(); ++i) {
      m_[i] = kBeta1 * m_[i] + (1 - kBeta1) * gradient[i];
      v_[i] = kBeta2 * v_[i] + (1 - kBeta2) * gradient[i] * gradient[i];
      parameters[i] -=
          rate * (m_[i] * scale1 / (std::sqrt(v_[i] * scale2) + kEpsilon) + weight_decay * parameters[i]);
    }
  }

 private:
  std::vector<double> m_, v_;
  int steps_ = 0;
};

}  // namespace polysem
