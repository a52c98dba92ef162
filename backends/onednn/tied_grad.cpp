#include <algorithm>

#include "backends/onednn/matmul.hpp"
#include "backends/onednn/ops.hpp"
#include "backends/onednn/views.hpp"

namespace polysem::onednn {

namespace {

constexpr std::int64_t kTile = 64;               // rows and columns of a piece of W W^T
constexpr std::int64_t kGradCols = 256;          // columns of a piece of the gradient
constexpr std::int64_t kShortProduct = 1 << 14;  // n n m below which calling oneDNN costs more than it saves

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
        pieces_((m_ + kGradCols - 1) / kGradCols),
        products_(context.scratch.take<float>(op.instances * n_ * n_)),
        shifts_(context.scratch.take<float>(op.instances * n_)),
        sums_(context.scratch.take<float>(op.instances * n_)),
        losses_(context.scratch.take<float>(op.instances * n_)),
        lengths_(context.scratch.take<float>(op.instances * pieces_)),
        tile_(context.per_thread<float>(kTile * kTile)) {}

  void run() {
    const std::int64_t pairs = tiles_ * (tiles_ + 1) / 2;
    Context::parallel(op_.instances * pairs, [&](std::int64_t i) { multiply(i / pairs, i % pairs); });
    Context::parallel(op_.instances * tiles_, [&](std::int64_t i) { errors(i / tiles_, i % tiles_); });
    Context::parallel(op_.instances * pieces_, [&](std::int64_t i) { gradient(i / pieces_, i % pieces_); });
    for (std::int64_t i = 0; i < op_.instances; ++i) {
      float total = 0;
      for (std::int64_t j = 0; j < n_; ++j) total += losses_[i * n_ + j];
      for (std::int64_t j = 0; j < pieces_; ++j) total += op_.l1 * lengths_[i * pieces_ + j];
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
    const float* shift = t_.noise ? shifts_ + instance * n_ : nullptr;
    for (std::int64_t j = tile * kTile; j < std::min(n_, (tile + 1) * kTile); ++j) {
      float* row = product(instance, j);
      const float own = shift != nullptr ? shift[j] : 0.0f, z = row[j] + own;
      const auto part = [&](std::int64_t from, std::int64_t to) {
        return kernels().tied_errors(row + from, shift != nullptr ? shift + from : nullptr, own, to - from,
                                     op_.negative_slope);
      };
      const ErrorSums before = part(0, j), behind = part(j + 1, n_);
      const float slope = z > 0 ? 1.0f : op_.negative_slope, error = slope * z - 1, back = 2 * error * slope;
      row[j] = 2 * back;
      losses_[instance * n_ + j] = before.loss + behind.loss + error * error;
      sums_[instance * n_ + j] = before.back + behind.back + back;
    }
  }

  void gradient(std::int64_t instance, std::int64_t piece) const {
    const std::int64_t col = piece * kGradCols, cols = std::min(kGradCols, m_ - col), whole = cols / 16 * 16;
    float* grad = row_of(t_.grad, instance * n_) + col;
    kernels().block_product(product(instance, 0), n_, w(instance, 0) + col, t_.w.stride, grad, t_.grad.stride,
                            n_, whole, n_, false);
    float length = 0;
    for (std::int64_t j = 0; j < n_; ++j) {
      float* to = grad + j * t_.grad.stride;
      const float* factors = product(instance, j);
      for (std::int64_t k = whole; k < cols; ++k) {
        to[k] = 0;
        for (std::int64_t i = 0; i < n_; ++i) to[k] += factors[i] * w(instance, i)[col + k];
      }
      if (t_.noise)
        kernels().subtract_scaled(to, row_of(t_.noise, instance) + col, -sums_[instance * n_ + j], cols);
      if (op_.l1 != 0) length += kernels().add_signs(to, w(instance, j) + col, op_.l1, cols);
    }
    lengths_[instance * pieces_ + piece] = length;
  }

  const TiedGrad& op_;
  const TiedGrad::Operands& t_;
  std::int64_t n_, m_, tiles_, pieces_;
  float *products_, *shifts_, *sums_, *losses_, *lengths_;
  PerThread<float> tile_;
};

}  // namespace

void run(Context& context, const TiedGrad& op, const TiedGrad::Operands& t) {
  if (op.instances > 0) Gradients(context, op, t).run();
}

}  // namespace polysem::onednn
