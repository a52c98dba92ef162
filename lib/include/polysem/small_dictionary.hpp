#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace polysem {

/// A sparse coder for a few distinct points, trained on the host in double: what dictionaries make of worlds
/// that are small enough to count. f = s(W_enc (x - b_dec) + b_enc), x^ = W_dec^T f + b_dec; s is ReLU, and
/// with k > 0 only the k largest stay. Loss: mean over samples of |x - x^|^2, and without k + lambda sum f.
/// Rows of W_dec keep the length 1. It starts with random ones, W_enc the same, b_dec the mean of the points.
struct SmallDictionaryConfig {
  std::int64_t latents = 64;
  std::int64_t k = 0;  ///< 0: ReLU with L1
  double lambda = 0.1;
  double rate = 3e-3;  ///< of Adam; falls to 0 over the last 30 % of the steps
  std::int64_t batch = 256, steps = 3000;
  std::uint64_t seed = 0;
};

struct SmallDictionary {
  std::int64_t dim = 0, latents = 0, k = 0;
  /// W_enc [latents, dim], b_enc [latents], W_dec [latents, dim], b_dec [dim].
  std::vector<double> parameters;

  std::span<const double> decoder_row(std::int64_t latent) const;
};

/// `points` [count, dim]; each step draws a batch of them with replacement. Throws Error{kInvalidArgument}
/// for numbers out of range.
SmallDictionary train_small_dictionary(const std::vector<double>& points, std::int64_t dim,
                                       const SmallDictionaryConfig& config);

/// Codes [count, latents] and reconstructions [count, dim].
struct DictionaryOutput {
  std::vector<double> codes, reconstruction;
};
DictionaryOutput apply(const SmallDictionary& dictionary, const std::vector<double>& points);

/// The loss where point i has weight weights[i], and its gradient by the parameters.
double small_dictionary_loss(const SmallDictionary& dictionary, double lambda,
                             const std::vector<double>& points, const std::vector<double>& weights,
                             std::vector<double>& gradient);

}  // namespace polysem
