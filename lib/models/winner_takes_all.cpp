#include "polysem/winner_takes_all.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "polysem/error.hpp"
#include "polysem/random.hpp"

namespace polysem {

namespace {

void check(const WinnerConfig& config, const std::vector<double>& times) {
  const auto need = [](bool good, const char* what) {
    if (!good) throw Error(ErrorCode::kInvalidArgument, what);
  };
  need(config.neurons >= 1 && config.neurons <= std::int64_t{1} << 30, "neurons must be between 1 and 2^30");
  need(config.lambda > 0 && config.lambda < 1, "lambda must be between 0 and 1");
  need(config.step > 0 && config.step < 2, "the time step must be between 0 and 2");
  need(config.spread > 0 && config.spread < 1.5, "the spread must be between 0 and 1.5");
  for (std::size_t i = 0; i < times.size(); ++i)
    need(times[i] >= 0 && times[i] <= 1e9 && (i == 0 || times[i] >= times[i - 1]),
         "times must ascend, from 0 to 1e9 at most");
}

struct Sums {
  double l1 = 0, squares = 0;
};

// Several running sums: their additions do not wait for each other.
Sums sums_of(const std::vector<float>& w) {
  constexpr std::size_t kLanes = 8;
  double l1[kLanes] = {}, squares[kLanes] = {};
  for (std::size_t i = 0; i < w.size(); ++i) {
    l1[i % kLanes] += w[i];
    squares[i % kLanes] += double{w[i]} * w[i];
  }
  Sums sums;
  for (std::size_t k = 0; k < kLanes; ++k) sums.l1 += l1[k], sums.squares += squares[k];
  return sums;
}

// Weights are positive; those that reach 0 stay there and are let go of.
void advance(std::vector<float>& w, const WinnerConfig& config, double squares) {
  const auto growth = static_cast<float>(1 + config.step * (1 - squares));
  const auto decay = static_cast<float>(config.step * config.lambda);
  std::size_t kept = 0;
  for (const float old : w) {
    const float value = growth * old - decay;
    w[kept] = value;
    kept += value > 0 ? 1 : 0;
  }
  w.resize(kept);
}

}  // namespace

WinnerPoint predict_winners(const WinnerConfig& config, double time) {
  WinnerPoint point;
  point.time = time;
  point.predicted_l1 = 1 / (1 / std::sqrt(static_cast<double>(config.neurons)) + config.lambda * time);
  point.predicted_nonzero = point.predicted_l1 * point.predicted_l1;
  return point;
}

std::vector<WinnerPoint> winner_takes_all(const WinnerConfig& config, const std::vector<double>& times) {
  check(config, times);
  const Random random(config.seed, RandomStream::kInitialisation);
  const double scale = config.spread / std::sqrt(static_cast<double>(config.neurons));
  std::vector<float> w;
  w.reserve(static_cast<std::size_t>(config.neurons));
  for (std::int64_t k = 0; k < config.neurons; ++k) {
    const auto value = static_cast<float>(std::abs(scale * random.normal(static_cast<std::uint64_t>(k))));
    if (value > 0) w.push_back(value);
  }
  std::vector<WinnerPoint> points;
  std::int64_t step = 0;
  for (const double time : times) {
    Sums sums = sums_of(w);
    for (; static_cast<double>(step) * config.step < time - 1e-9; ++step) {
      advance(w, config, sums.squares);
      sums = sums_of(w);
    }
    WinnerPoint point = predict_winners(config, time);
    point.nonzero = static_cast<std::int64_t>(w.size());
    point.l1 = sums.l1;
    points.push_back(point);
  }
  return points;
}

}  // namespace polysem
