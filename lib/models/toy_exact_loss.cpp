#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "lib/models/double_double.hpp"
#include "polysem/error.hpp"
#include "polysem/toy_loss.hpp"

namespace polysem {

namespace {

using Wide = DoubleDouble;
constexpr std::size_t kMost = static_cast<std::size_t>(kMostExactFeatures);
/// A coefficient this small moves a pre-activation by its mean, up to the square of the coefficient.
constexpr double kNegligible = 1e-8;
/// Corners may cancel to this part of themselves: double-double leaves twelve digits then.
constexpr double kMostCancellation = 1e18;

// E over sparse x of powers of (c + a . x)_+ for one list of features.
class SparseSum {
 public:
  void add(double coefficient, double density) {
    features_[count_] = {coefficient, density};
    ++count_;
  }

  /// To be called after the last add(). Where corners would cancel beyond repair, the smallest coefficients
  /// leave the sum; their mean and variance stand for them, up to the cube of the coefficient.
  void prepare() {
    std::sort(features_.begin(), features_.begin() + static_cast<std::ptrdiff_t>(count_),
              [](const Feature& x, const Feature& y) { return std::abs(x.a) > std::abs(y.a); });
    while (count_ > 0 &&
           (std::abs(features_[count_ - 1].a) < kNegligible || cancellation() > kMostCancellation)) {
      const auto [a, p] = features_[--count_];
      shift_ += a * p / 2;
      variance_ += a * a * (p / 3 - p * p / 4);
    }
    for (std::size_t i = count_; i-- > 0;) {
      active_[i] = divided(features_[i].density, features_[i].a);
      reach_[i] = reach_[i + 1] + std::max(0.0, features_[i].a);
    }
  }

  /// E[(c + a . x)_+^power], power 1 to 3.
  double moment(Wide c, int power) {
    const double mean = plain_moment(c + shift_, power);
    if (variance_ == 0 || power < 2) return mean;
    return mean + variance_ / 2 * power * (power - 1) * plain_moment(c + shift_, power - 2);
  }

 private:
  struct Feature {
    double a = 0, density = 0;
  };

  // About how much larger the corners' terms are than what they add up to.
  double cancellation() const {
    double reach = 1, product = 1;
    for (std::size_t i = 0; i < count_; ++i) reach += std::abs(features_[i].a);
    for (std::size_t i = 0; i < count_; ++i)
      product *= reach * features_[i].density / (std::abs(features_[i].a) * static_cast<double>(i + 1));
    return product;
  }

  double plain_moment(Wide c, int power) {
    power_ = power;
    total_ = Wide();
    descend(0, c, Wide(1.0), 0);
    return total_.value();
  }

  // Feature by feature: silent, or active with the corner at 0 or at 1.
  void descend(std::size_t feature, Wide c, Wide weight, int active) {
    if (!(c.high + reach_[feature] > 0)) return;
    if (feature == count_) {
      leaf(c, weight, active);
      return;
    }
    const double silent = 1 - features_[feature].density;
    if (silent > 0) descend(feature + 1, c, weight * Wide(silent), active);
    const Wide factor = weight * active_[feature];
    descend(feature + 1, c, -factor, active + 1);
    descend(feature + 1, c + Wide(features_[feature].a), factor, active + 1);
  }

  void leaf(Wide c, Wide weight, int active) {
    Wide term = weight;
    double ratio = 1;  // power! / (power + active)!
    for (int i = 0; i < power_ + active; ++i) {
      term = term * c;
      if (i >= power_) ratio /= i + 1;
    }
    total_ = total_ + term * Wide(ratio);
  }

  std::array<Feature, kMost> features_{};
  std::array<Wide, kMost> active_{};
  std::array<double, kMost + 1> reach_{};  ///< most that the features from here on add
  std::size_t count_ = 0;
  double shift_ = 0, variance_ = 0;  ///< of what left the sum
  int power_ = 1;
  Wide total_;
};

// What one output costs: the row of W^T W, its bias.
struct Output {
  std::vector<double> row;
  double bias = 0;
  std::size_t own = 0;
};

// E[u (c + a u + rest)_+] with u uniform on [0, 1]: by parts over u.
double weighted_mean(SparseSum& rest, double c, double a) {
  if (std::abs(a) < kNegligible) return rest.moment(Wide(c) + Wide(2 * a / 3), 1) / 2;
  const Wide end = Wide(c) + Wide(a);
  const double square = rest.moment(end, 2);
  const double cubes = rest.moment(end, 3) - rest.moment(Wide(c), 3);
  return square / (2 * a) - cubes / (6 * a * a);
}

double output_loss(const Output& o, const std::vector<double>& density) {
  SparseSum all, others;
  for (std::size_t j = 0; j < o.row.size(); ++j) {
    all.add(o.row[j], density[j]);
    if (j != o.own) others.add(o.row[j], density[j]);
  }
  all.prepare(), others.prepare();
  const double p = density[o.own];
  return p / 3 - 2 * p * weighted_mean(others, o.bias, o.row[o.own]) + all.moment(Wide(o.bias), 2);
}

Output output_of(const ToyInstance& t, std::size_t i) {
  const auto n = static_cast<std::size_t>(t.features), m = static_cast<std::size_t>(t.dims);
  Output o{std::vector<double>(n), t.bias[i], i};
  for (std::size_t k = 0; k < m; ++k)
    for (std::size_t j = 0; j < n; ++j) o.row[j] += t.w[k * n + i] * t.w[k * n + j];
  return o;
}

void check_size(const ToyInstance& t) {
  if (t.features > kMostExactFeatures)
    throw Error(ErrorCode::kInvalidArgument, "the exact loss takes up to " +
                                                 std::to_string(kMostExactFeatures) + " features, found " +
                                                 std::to_string(t.features) + "; sample it instead");
}

}  // namespace

double exact_relu_loss(const ToyInstance& t) {
  check_size(t);
  double loss = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(t.features); ++i)
    loss += t.importance[i] * output_loss(output_of(t, i), t.density);
  return loss;
}

ToyLossGradient exact_relu_loss_gradient(const ToyInstance& t) {
  check_size(t);
  constexpr double kStep = 1e-5;
  const auto n = static_cast<std::size_t>(t.features), m = static_cast<std::size_t>(t.dims);
  ToyLossGradient g{0, std::vector<double>(m * n), std::vector<double>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    Output o = output_of(t, i);
    g.loss += t.importance[i] * output_loss(o, t.density);
    const auto slope = [&](double& number) {
      const double before = number;
      number = before + kStep;
      const double above = output_loss(o, t.density);
      number = before - kStep;
      const double below = output_loss(o, t.density);
      number = before;
      return t.importance[i] * (above - below) / (2 * kStep);
    };
    g.bias[i] = slope(o.bias);
    for (std::size_t j = 0; j < n; ++j) {
      const double d = slope(o.row[j]);
      for (std::size_t k = 0; k < m; ++k) {
        g.w[k * n + i] += d * t.w[k * n + j];
        g.w[k * n + j] += d * t.w[k * n + i];
      }
    }
  }
  return g;
}

double exact_linear_loss(const ToyInstance& t) {
  const auto n = static_cast<std::size_t>(t.features);
  double loss = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Output o = output_of(t, i);
    double mean = o.bias, variance = 0;
    for (std::size_t j = 0; j < n; ++j) {
      const double p = t.density[j], c = o.row[j] - (j == i ? 1 : 0);
      mean += c * p / 2;
      variance += c * c * (p / 3 - p * p / 4);
    }
    loss += t.importance[i] * (mean * mean + variance);
  }
  return loss;
}

double one_hot_loss(const ToyInstance& t) {
  const auto n = static_cast<std::size_t>(t.features);
  double loss = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const Output o = output_of(t, i);
    for (std::size_t j = 0; j < n; ++j) {
      SparseSum one;
      one.add(o.row[j], 1.0);
      one.prepare();
      double term = one.moment(Wide(o.bias), 2);
      SparseSum none;
      if (j == i) term += 1.0 / 3 - 2 * weighted_mean(none, o.bias, o.row[j]);
      loss += t.importance[i] * term;
    }
  }
  return loss / static_cast<double>(n);
}

OneDimensionShort one_dimension_short(double p, double r) {
  const double variance = p / 3 - p * p / 4;
  return {r * variance, variance, (1 + r) * p * p / 6};
}

}  // namespace polysem
