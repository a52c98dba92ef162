#include <cmath>
#include <vector>

#include "backends/reference/ops.hpp"
#include "backends/reference/views.hpp"

namespace polysem::reference {

namespace {

// One autoencoder: gradients of one sample after the other are added up in double.
class Instance {
 public:
  Instance(const ToyGrad& op, const ToyGrad::Operands& t, std::int64_t number)
      : op_(op),
        x_(t.x),
        w_(t.w),
        decoder_(t.decoder),
        bias_(t.bias),
        importance_(t.importance),
        i_(number),
        hidden_(size(op.dims)),
        hidden_grad_(size(op.dims)),
        output_grad_(size(op.features)),
        w_grad_(size(op.dims * op.features)),
        decoder_grad_(size(op.dims * op.features)),
        bias_grad_(size(op.features)) {}

  void add_sample(std::int64_t s) {
    encode(s);
    for (std::int64_t f = 0; f < op_.features; ++f) decode(f, s);
    for (std::int64_t k = 0; k < op_.dims; ++k) {
      double& g = hidden_grad_[size(k)];
      g = 0;
      for (std::int64_t f = 0; f < op_.features; ++f) g += decoder(f, k) * output_grad_[size(f)];
      if (op_.relu_hidden && !(hidden_[size(k)] > 0)) g = 0;
      for (std::int64_t f = 0; f < op_.features; ++f) {
        w_grad_[size(k * op_.features + f)] += g * x(f, s);
        (op_.tied ? w_grad_ : decoder_grad_)[size(k * op_.features + f)] +=
            hidden_[size(k)] * output_grad_[size(f)];
      }
    }
    for (std::int64_t f = 0; f < op_.features; ++f) bias_grad_[size(f)] += output_grad_[size(f)];
  }

  void store(const ToyGrad::Operands& t) const {
    Floats(t.loss).set(i_, loss_);
    const Floats w_grad(t.w_grad), decoder_grad(t.decoder_grad), bias_grad(t.bias_grad);
    for (std::int64_t f = 0; f < op_.features; ++f) {
      for (std::int64_t k = 0; k < op_.dims; ++k) {
        w_grad.set(i_ * op_.dims + k, f, w_grad_[size(k * op_.features + f)]);
        if (!op_.tied) decoder_grad.set(i_ * op_.features + f, k, decoder_grad_[size(k * op_.features + f)]);
      }
      bias_grad.set(i_, f, bias_grad_[size(f)]);
    }
  }

 private:
  static std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }
  double x(std::int64_t f, std::int64_t s) const { return x_(i_ * op_.features + f, s); }
  double w(std::int64_t k, std::int64_t f) const { return w_(i_ * op_.dims + k, f); }
  double decoder(std::int64_t f, std::int64_t k) const {
    return op_.tied ? w(k, f) : decoder_(i_ * op_.features + f, k);
  }

  void encode(std::int64_t s) {
    for (std::int64_t k = 0; k < op_.dims; ++k) {
      double sum = 0;
      for (std::int64_t f = 0; f < op_.features; ++f) sum += w(k, f) * x(f, s);
      hidden_[size(k)] = op_.relu_hidden && !(sum > 0) ? 0 * sum : sum;
    }
  }

  void decode(std::int64_t f, std::int64_t s) {
    double z = bias_(i_, f);
    for (std::int64_t k = 0; k < op_.dims; ++k) z += decoder(f, k) * hidden_[size(k)];
    const bool passes = !op_.relu_output || z > 0;
    const double y = passes ? z : 0 * z, target = op_.absolute_target ? std::abs(x(f, s)) : x(f, s);
    const double weight = op_.scale * importance_(i_, f);
    loss_ += weight * (y - target) * (y - target);
    output_grad_[size(f)] = passes ? 2 * weight * (y - target) : 0;
  }

  const ToyGrad& op_;
  Floats x_, w_, decoder_, bias_, importance_;
  std::int64_t i_;
  std::vector<double> hidden_, hidden_grad_, output_grad_, w_grad_, decoder_grad_, bias_grad_;
  double loss_ = 0;
};

}  // namespace

void run(const ToyGrad& op, const ToyGrad::Operands& t) {
  for (std::int64_t i = 0; i < op.instances; ++i) {
    Instance instance(op, t, i);
    for (std::int64_t s = 0; s < op.batch; ++s) instance.add_sample(s);
    instance.store(t);
  }
}

}  // namespace polysem::reference
