#include <algorithm>
#include <cmath>

#include "backends/onednn/matmul.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

constexpr std::int64_t kTile = 64;               // rows and columns of a piece of W W^T
constexpr std::int64_t kGradCols = 256;          // columns of a piece of the gradient
constexpr std::int64_t kShortProduct = 1 << 14;  // n n m below which calling oneDNN costs more than it saves

float output(const TiedGrad& op, float z) {
  switch (op.output) {
    case TiedGrad::Output::kRelu:
      return z > 0 ? z : 0 * z;
    case TiedGrad::Output::kLinear:
      return z;
    case TiedGrad::Output::kAbs:
      return std::abs(z);
    case TiedGrad::Output::kLeaky:
      return z > 0 ? z : op.slope * z;
  }
  return z;
}

float slope(const TiedGrad& op, float z) {
  switch (op.output) {
    case TiedGrad::Output::kRelu:
      return z > 0 ? 1.0f : 0.0f;
    case TiedGrad::Output::kLinear:
      return 1.0f;
    case TiedGrad::Output::kAbs:
      return z > 0 ? 1.0f : z < 0 ? -1.0f : 0.0f;
    case TiedGrad::Output::kLeaky:
      return z > 0 ? 1.0f : op.slope;
  }
  return 1.0f;
}

// Every output's error depends on W W^T and on noise . w_j alone, so three steps do: the products, each of a
// pair once; what the errors make of them; one more product with W.
class Gradients {
 public:
  Gradients(Context& context, const TiedGrad& op, const TiedGrad::Operands& t)
      : op_(op),
        t_(t),
        n_(op.features),
        m_(op.neurons),
        tiles_((n_ + kTile - 1) / kTile),
        products_(context.scratch.take<float>(op.instances * n_ * n_)),
        shifts_(context.scratch.take<float>(op.instances * n_)),
        sums_(context.scratch.take<float>(op.instances * n_)),
        losses_(context.scratch.take<float>(op.instances * n_)),
        tile_(context.per_thread<float>(kTile * kTile)) {}

  void run() {
    const std::int64_t pairs = tiles_ * (tiles_ + 1) / 2;
    Context::parallel(op_.instances * pairs, [&](std::int64_t i) { multiply(i / pairs, i % pairs); });
    Context::parallel(op_.instances * tiles_, [&](std::int64_t i) { errors(i / tiles_, i % tiles_); });
    const std::int64_t pieces = (m_ + kGradCols - 1) / kGradCols;
    Context::parallel(op_.instances * pieces, [&](std::int64_t i) { gradient(i / pieces, i % pieces); });
    for (std::int64_t i = 0; i < op_.instances; ++i) {
      float total = 0;
      for (std::int64_t j = 0; j < n_; ++j) total += losses_[i * n_ + j];
      row_of(t_.loss, 0)[i] = total;
    }
  }

 private:
  const float* w(std::int64_t instance, std::int64_t i) const { return row_of(t_.w, instance * n_ + i); }
  float* product(std::int64_t instance, std::int64_t i) const { return products_ + (instance * n_ + i) * n_; }

  // Tile number `pair` of the lower half, and its mirror image.
  void multiply(std::int64_t instance, std::int64_t pair) const {
    std::int64_t row_tile = 0;
    while (pair > row_tile) pair -= ++row_tile;
    const std::int64_t row = row_tile * kTile, col = pair * kTile;
    const std::int64_t rows = std::min(kTile, n_ - row), cols = std::min(kTile, n_ - col);
    float* tile = tile_.of(Context::thread());
    if (rows * cols * m_ < kShortProduct) {
      for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t j = 0; j < cols; ++j)
          tile[i * cols + j] =
              kernels().reduce(ReduceKind::kDot, w(instance, row + i), w(instance, col + j), m_);
    } else {
      const MatmulShape shape{rows,        cols, m_,    t_.w.stride,
                              t_.w.stride, cols, false, RightLayout::kTransposed};
      (*Matmul::of(shape))(w(instance, row), w(instance, col), tile);
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      std::copy_n(tile + i * cols, cols, product(instance, row + i) + col);
      if (row == col) continue;
      for (std::int64_t j = 0; j < cols; ++j) product(instance, col + j)[row + i] = tile[i * cols + j];
    }
    if (t_.noise && col == 0)
      for (std::int64_t i = 0; i < rows; ++i)
        shifts_[instance * n_ + row + i] =
            kernels().reduce(ReduceKind::kDot, w(instance, row + i), row_of(t_.noise, instance), m_);
  }

  // Row j of the products becomes what w_j's gradient takes of every w_i: as output j of sample i, and as
  // sample j with output i.
  void errors(std::int64_t instance, std::int64_t tile) const {
    const float* shift = shifts_ + instance * n_;
    for (std::int64_t j = tile * kTile; j < std::min(n_, (tile + 1) * kTile); ++j) {
      float* row = product(instance, j);
      float loss = 0, sum = 0;
      for (std::int64_t i = 0; i < n_; ++i) {
        const float own = t_.noise ? row[i] + shift[j] : row[i], target = i == j ? 1.0f : 0.0f;
        const float error = output(op_, own) - target;
        const float back = 2 * error * slope(op_, own);
        loss += error * error;
        sum += back;
        if (t_.noise) {
          const float other = row[i] + shift[i];
          row[i] = back + 2 * (output(op_, other) - target) * slope(op_, other);
        } else {
          row[i] = 2 * back;
        }
      }
      if (op_.l1 != 0) loss += op_.l1 * length(w(instance, j));
      losses_[instance * n_ + j] = loss;
      sums_[instance * n_ + j] = sum;
    }
  }

  float length(const float* row) const {
    float total = 0;
    for (std::int64_t k = 0; k < m_; ++k) total += std::abs(row[k]);
    return total;
  }

  void gradient(std::int64_t instance, std::int64_t piece) const {
    const std::int64_t col = piece * kGradCols, cols = std::min(kGradCols, m_ - col), whole = cols / 16 * 16;
    float* grad = row_of(t_.grad, instance * n_) + col;
    kernels().block_product(product(instance, 0), n_, w(instance, 0) + col, t_.w.stride, grad, t_.grad.stride,
                            n_, whole, n_, false);
    for (std::int64_t j = 0; j < n_; ++j) {
      float* to = grad + j * t_.grad.stride;
      const float *own = w(instance, j) + col, *factors = product(instance, j);
      for (std::int64_t k = whole; k < cols; ++k) {
        to[k] = 0;
        for (std::int64_t i = 0; i < n_; ++i) to[k] += factors[i] * w(instance, i)[col + k];
      }
      if (t_.noise)
        kernels().subtract_scaled(to, row_of(t_.noise, instance) + col, -sums_[instance * n_ + j], cols);
      if (op_.l1 != 0)
        for (std::int64_t k = 0; k < cols; ++k) to[k] += own[k] > 0 ? op_.l1 : own[k] < 0 ? -op_.l1 : 0.0f;
    }
  }

  const TiedGrad& op_;
  const TiedGrad::Operands& t_;
  std::int64_t n_, m_, tiles_;
  float *products_, *shifts_, *sums_, *losses_;
  PerThread<float> tile_;
};

}  // namespace

void run(Context& context, const TiedGrad& op, const TiedGrad::Operands& t) {
  if (op.instances > 0) Gradients(context, op, t).run();
}

}  // namespace polysem::onednn
