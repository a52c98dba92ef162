#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "polysem/random.hpp"
#include "polysem/toy_loss.hpp"
#include "polysem/toy_model.hpp"

/// Given samples of toy models, as columns of [features, count]: what ToyObserver::samples trains on.
namespace polysem {

/// Sparse samples of length 1 (Henighan et al. 2023, "Superposition, memorization, and double descent"): each
/// feature is active with probability `density` and uniform on (0, 1], then the sample is divided by its
/// length. A sample in which nothing would be active has one feature, any with the same probability. Sets of
/// different `number` have nothing in common. Throws Error{kInvalidArgument} for sizes below 1 or a density
/// outside (0, 1].
std::vector<float> unit_samples(std::int64_t features, double density, std::int64_t count, std::uint64_t seed,
                                std::uint32_t number, RandomStream stream = RandomStream::kData);

/// Samples of the distribution that an instance of the model is about. Throws Error{kInvalidArgument} for a
/// count below 1.
std::vector<float> toy_samples(const ToyConfig& config, std::int64_t instance, std::int64_t count,
                               std::uint64_t seed);

/// Hidden vectors, rectified where the model does: [count, dims]. Throws Error{kInvalidArgument} where
/// samples are not whole columns.
std::vector<float> hidden_vectors(const ToyConfig& config, const ToyWeights& weights, std::int64_t instance,
                                  std::span<const float> samples);

/// Mean of the loss over the samples, summed over features. With `fresh` the samples stand for a
/// distribution: the loss has the standard error of their mean, and is not exact.
ToyLoss loss_on_samples(const ToyConfig& config, const ToyWeights& weights, std::int64_t instance,
                        std::span<const float> samples, bool fresh);

}  // namespace polysem
