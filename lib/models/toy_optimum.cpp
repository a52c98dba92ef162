#include "polysem/toy_optimum.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace polysem {

namespace {

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double largest(const Vector& a) {
  double most = 0;
  for (const double x : a) most = std::max(most, std::abs(x));
  return most;
}

// W and b as one list, and back.
Vector parameters(const ToyInstance& t) {
  Vector x = t.w;
  x.insert(x.end(), t.bias.begin(), t.bias.end());
  return x;
}

ToyInstance with(const ToyInstance& t, const Vector& x) {
  ToyInstance changed = t;
  const auto split = x.begin() + static_cast<std::ptrdiff_t>(t.w.size());
  changed.w.assign(x.begin(), split);
  changed.bias.assign(split, x.end());
  return changed;
}

struct Point {
  Vector x, gradient;
  double loss = 0;
};

Point evaluate(const ToyInstance& t, const Vector& x) {
  const ToyLossGradient g = exact_relu_loss_gradient(with(t, x));
  Point p{x, g.w, g.loss};
  p.gradient.insert(p.gradient.end(), g.bias.begin(), g.bias.end());
  return p;
}

// Approximation of the inverse Hessian.
class Inverse {
 public:
  explicit Inverse(std::size_t n) : n_(n), h_(n * n) { reset(1); }

  void reset(double scale) {
    std::fill(h_.begin(), h_.end(), 0.0);
    for (std::size_t i = 0; i < n_; ++i) h_[i * n_ + i] = scale;
  }

  Vector times(const Vector& v) const {
    Vector out(n_);
    for (std::size_t i = 0; i < n_; ++i)
      for (std::size_t j = 0; j < n_; ++j) out[i] += h_[i * n_ + j] * v[j];
    return out;
  }

  void update(const Vector& step, const Vector& change, bool first) {
    const double curvature = dot(step, change);
    if (!(curvature > 1e-14 * std::sqrt(dot(step, step) * dot(change, change)))) return;
    if (first) reset(curvature / dot(change, change));
    const Vector hy = times(change);
    const double factor = (1 + dot(change, hy) / curvature) / curvature;
    for (std::size_t i = 0; i < n_; ++i)
      for (std::size_t j = 0; j < n_; ++j)
        h_[i * n_ + j] += factor * step[i] * step[j] - (step[i] * hy[j] + hy[i] * step[j]) / curvature;
  }

 private:
  std::size_t n_;
  Vector h_;
};

Vector moved(const Vector& x, const Vector& direction, double length) {
  Vector out = x;
  for (std::size_t i = 0; i < x.size(); ++i) out[i] += length * direction[i];
  return out;
}

Vector difference(const Vector& a, const Vector& b) { return moved(a, b, -1); }

// The longest step of 1, 1/2, 1/4, ... that lowers the loss enough (Armijo); false where there is none.
bool descend(const ToyInstance& t, const Point& from, const Vector& direction, Point& to) {
  const double slope = dot(from.gradient, direction);
  for (double length = std::min(1.0, 0.5 / largest(direction)); length > 1e-12; length /= 2) {
    const Vector x = moved(from.x, direction, length);
    if (exact_relu_loss(with(t, x)) > from.loss + 1e-4 * length * slope) continue;
    to = evaluate(t, x);
    return to.loss < from.loss;
  }
  return false;
}

}  // namespace

ToyOptimum minimise_relu_loss(const ToyInstance& start, double tolerance, std::int64_t most_iterations) {
  Point now = evaluate(start, parameters(start));
  Inverse inverse(now.x.size());
  std::int64_t iteration = 0;
  bool fresh = true;  // the inverse is a multiple of the identity
  while (iteration < most_iterations && largest(now.gradient) > tolerance) {
    Vector direction = inverse.times(now.gradient);
    for (double& d : direction) d = -d;
    Point next;
    if (dot(direction, now.gradient) >= 0 || !descend(start, now, direction, next)) {
      if (fresh) break;
      inverse.reset(1), fresh = true;
      continue;
    }
    inverse.update(difference(next.x, now.x), difference(next.gradient, now.gradient), fresh);
    fresh = false;
    now = std::move(next);
    ++iteration;
  }
  return {with(start, now.x), now.loss, largest(now.gradient), iteration};
}

ToyInstance polygon_instance(std::int64_t features, std::int64_t polygon, double norm, double bias,
                             double density) {
  const auto n = static_cast<std::size_t>(features);
  ToyInstance t{features, 2, Vector(2 * n), Vector(n, bias), Vector(n, density), Vector(n, 1.0)};
  for (std::int64_t i = 0; i < features; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (i >= polygon) {
      t.bias[at] = density / 2;
      continue;
    }
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(polygon);
    t.w[at] = norm * std::cos(angle), t.w[n + at] = norm * std::sin(angle);
  }
  return t;
}

ToyInstance digons_instance(std::int64_t features, std::int64_t dims, std::int64_t pairs, double density) {
  const auto n = static_cast<std::size_t>(features), m = static_cast<std::size_t>(dims);
  ToyInstance t{features, dims, Vector(m * n), Vector(n, 0.0), Vector(n, density), Vector(n, 1.0)};
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t pair = i / 2;
    if (pair < static_cast<std::size_t>(pairs) && pair < m) {
      t.w[pair * n + i] = i % 2 == 0 ? 1 : -1;
    } else {
      t.bias[i] = density / 2;
    }
  }
  return t;
}

}  // namespace polysem
