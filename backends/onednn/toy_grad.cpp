#include <algorithm>
#include <cstring>

#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

// Samples a tile: as many as keep its matrices in the second cache, a multiple of every vector's width.
std::int64_t tile_samples(const ToyGrad& op) {
  constexpr std::int64_t kCacheFloats = 256 * 1024, kGrain = 64;
  const std::int64_t fitting = kCacheFloats / (2 * (op.features + op.dims)) / kGrain * kGrain;
  return std::clamp<std::int64_t>(fitting, kGrain, 1024);
}

// Where a tile works and what it leaves: sums over its samples.
struct Space {
  float *x, *z, *hidden, *hidden_grad, *decoder, *decoder_transposed;
};
struct Sums {
  float *w_grad, *decoder_grad, *bias_grad, *loss;
};

class Tiles {
 public:
  Tiles(Context& context, const ToyGrad& op, const ToyGrad::Operands& t)
      : op_(op),
        t_(t),
        n_(op.features),
        m_(op.dims),
        width_(tile_samples(op)),
        tiles_((op.batch + width_ - 1) / width_),
        sums_size_((op.tied ? 1 : 2) * n_ * m_ + n_ + 1),
        space_(context.per_thread<float>(2 * n_ * width_ + 2 * m_ * width_ + 2 * n_ * m_)),
        sums_(context.scratch.take<float>(op.instances * tiles_ * sums_size_)) {}

  void run() {
    Context::parallel(op_.instances * tiles_, [&](std::int64_t i) { tile(i / tiles_, i % tiles_); });
    Context::parallel(op_.instances, [&](std::int64_t i) { add_up(i); });
  }

 private:
  Space space_of(int thread) const {
    float* at = space_.of(thread);
    Space s{};
    s.x = at, at += n_ * width_;
    s.z = at, at += n_ * width_;
    s.hidden = at, at += m_ * width_;
    s.hidden_grad = at, at += m_ * width_;
    s.decoder = at, at += n_ * m_;
    s.decoder_transposed = at;
    return s;
  }

  Sums sums_of(std::int64_t instance, std::int64_t tile) const {
    float* at = sums_ + (instance * tiles_ + tile) * sums_size_;
    Sums s{};
    s.w_grad = at, at += n_ * m_;
    s.decoder_grad = op_.tied ? nullptr : at, at += op_.tied ? 0 : n_ * m_;
    s.bias_grad = at, at += n_;
    s.loss = at;
    return s;
  }

  // The tile's samples, n_ rows of `width`: in place, or copied with zeros behind the last.
  const float* samples(const Space& s, std::int64_t instance, std::int64_t first, std::int64_t count,
                       std::int64_t width, std::int64_t& ld) const {
    if (count == width) {
      ld = t_.x.stride;
      return row_of(t_.x, instance * n_) + first;
    }
    ld = width;
    for (std::int64_t f = 0; f < n_; ++f) {
      float* to = s.x + f * width;
      std::memcpy(to, row_of(t_.x, instance * n_ + f) + first,
                  static_cast<std::size_t>(count) * sizeof(float));
      std::fill(to + count, to + width, 0.0f);
    }
    return s.x;
  }

  // D [n, m] and D^T [m, n] without gaps.
  void copy_decoder(const Space& s, std::int64_t instance) const {
    for (std::int64_t f = 0; f < n_; ++f) {
      for (std::int64_t k = 0; k < m_; ++k) {
        const float value =
            op_.tied ? row_of(t_.w, instance * m_ + k)[f] : row_of(t_.decoder, instance * n_ + f)[k];
        s.decoder[f * m_ + k] = value;
        s.decoder_transposed[k * n_ + f] = value;
      }
    }
  }

  void tile(std::int64_t instance, std::int64_t number) const {
    const std::int64_t first = number * width_, count = std::min(width_, op_.batch - first);
    const std::int64_t width = (count + 15) / 16 * 16;
    const Space s = space_of(Context::thread());
    const Sums sums = sums_of(instance, number);
    std::int64_t ldx = 0;
    const float* x = samples(s, instance, first, count, width, ldx);
    copy_decoder(s, instance);
    const float* w = row_of(t_.w, instance * m_);
    kernels().block_product(w, t_.w.stride, x, ldx, s.hidden, width, m_, width, n_, false);
    if (op_.relu_hidden)
      kernels().elementwise(ElementKind::kRelu, s.hidden, nullptr, 0, s.hidden, m_ * width, 1, 0);
    kernels().block_product(s.decoder, m_, s.hidden, width, s.z, width, n_, width, m_, false);
    errors(s, sums, instance, x, ldx, count, width);
    kernels().block_product(s.decoder_transposed, n_, s.z, width, s.hidden_grad, width, m_, width, n_, false);
    if (op_.relu_hidden)
      kernels().elementwise(ElementKind::kGate, s.hidden_grad, s.hidden, 0, s.hidden_grad, m_ * width, 1, 0);
    std::fill_n(sums.w_grad, n_ * m_, 0.0f);
    kernels().sample_product({s.hidden_grad, width, x, ldx, sums.w_grad, n_, m_, n_, width});
    if (op_.tied) {
      kernels().sample_product({s.hidden, width, s.z, width, sums.w_grad, n_, m_, n_, width});
    } else {
      std::fill_n(sums.decoder_grad, n_ * m_, 0.0f);
      kernels().sample_product({s.z, width, s.hidden, width, sums.decoder_grad, m_, n_, m_, width});
    }
  }

  // Turns outputs into their gradients; columns past the last sample get none.
  void errors(const Space& s, const Sums& sums, std::int64_t instance, const float* x, std::int64_t ldx,
              std::int64_t count, std::int64_t width) const {
    const float *bias = row_of(t_.bias, instance), *importance = row_of(t_.importance, instance);
    *sums.loss = 0.0f;
    for (std::int64_t f = 0; f < n_; ++f) {
      float* z = s.z + f * width;
      // x is 0 behind the last sample; with this z the output and so the gradient are 0, too.
      std::fill(z + count, z + width, -bias[f]);
      const OutputError error = kernels().toy_error(z, x + f * ldx, width, bias[f], op_.scale * importance[f],
                                                    op_.relu_output, op_.absolute_target);
      sums.bias_grad[f] = error.bias_grad;
      *sums.loss += error.loss;
    }
  }

  // Tiles in order, so that the number of threads plays no part.
  void add_up(std::int64_t instance) const {
    const Sums total = sums_of(instance, 0);
    for (std::int64_t tile = 1; tile < tiles_; ++tile) {
      const float* more = sums_of(instance, tile).w_grad;
      kernels().elementwise(ElementKind::kAxpby, total.w_grad, more, 0, total.w_grad, sums_size_, 1, 1);
    }
    copy_rows(t_.w_grad, instance * m_, m_, n_, total.w_grad);
    if (!op_.tied) copy_rows(t_.decoder_grad, instance * n_, n_, m_, total.decoder_grad);
    copy_rows(t_.bias_grad, instance, 1, n_, total.bias_grad);
    row_of(t_.loss, 0)[instance] = *total.loss;
  }

  static void copy_rows(const Tensor& to, std::int64_t first, std::int64_t rows, std::int64_t cols,
                        const float* from) {
    for (std::int64_t r = 0; r < rows; ++r) std::copy_n(from + r * cols, cols, row_of(to, first + r));
  }

  const ToyGrad& op_;
  const ToyGrad::Operands& t_;
  std::int64_t n_, m_, width_, tiles_, sums_size_;
  PerThread<float> space_;
  float* sums_;
};

void zero_rows(const Tensor& t) {
  for (std::int64_t r = 0; t && r < t.rows; ++r) std::fill_n(row_of(t, r), t.cols, 0.0f);
}

}  // namespace

void run(Context& context, const ToyGrad& op, const ToyGrad::Operands& t) {
  if (op.instances == 0) return;
  if (op.batch == 0) {
    for (const Tensor& out : {t.loss, t.w_grad, t.decoder_grad, t.bias_grad}) zero_rows(out);
    return;
  }
  Tiles(context, op, t).run();
}

}  // namespace polysem::onednn
