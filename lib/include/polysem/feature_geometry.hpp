#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace polysem {

/// Directions of features, one a row: W_i of the papers on superposition, which is a column of their W.
/// Any dictionary is one: columns of a toy model, decoder rows of a trained coder.
struct Directions {
  std::span<const float> values;  ///< [features, dims], row-major
  std::int64_t features = 0, dims = 0;
  std::span<const float> row(std::int64_t i) const {
    return values.subspan(static_cast<std::size_t>(i * dims), static_cast<std::size_t>(dims));
  }
};

/// [dims, features] -> [features, dims]: from the W of a toy model to rows for Directions.
std::vector<float> transposed(std::span<const float> matrix, std::int64_t rows, std::int64_t cols);

/// How features share the dimensions. u_i is W_i / |W_i|; a feature of length 0 has 0 everywhere.
struct FeatureGeometry {
  std::vector<double> norms;  ///< |W_i|
  /// |W_i|^2 / sum_j (u_i . W_j)^2: the part of a dimension that the feature has for itself (Elhage et al.
  /// 2022, arXiv 2209.10652; the capacity of Scherlis et al. 2022, arXiv 2210.01892). In [0, 1].
  std::vector<double> dimensionality;
  std::vector<double> interference;  ///< sum over j != i of (u_i . W_j)^2
  /// W_i^T (W W^T)^+ W_i: at least the dimensionality, equal to it exactly where W_i is an eigenvector of
  /// W W^T. Sums to the rank.
  std::vector<double> leverage;
  std::vector<double> max_cosine;  ///< largest u_i . u_j over j != i; 0 where there is no other
  std::int64_t rank = 0;           ///< of W, singular values below 1e-6 of the largest taken as 0
  double squared_norm = 0;         ///< |W|_F^2, about the number of features represented
  double dims_per_feature = 0;     ///< D* = dims / |W|_F^2; 0 where W is zero
  double capacity = 0;             ///< sum of the dimensionalities; at most the rank
  double frame_potential = 0;      ///< sum over i, j of (W_i . W_j)^2
  /// |W|_F^4 / min(features, dims): its least value, reached by tight frames (Benedetto & Fickus 2003).
  double frame_potential_bound = 0;
  double coherence = 0;       ///< largest |u_i . u_j|
  double mean_coherence = 0;  ///< mean |u_i . u_j| over pairs of features that are not zero
};

/// Throws Error{kInvalidArgument} where sizes do not fit or a value is not finite. In double precision;
/// features^2 dims + features dims^2 operations.
FeatureGeometry feature_geometry(const Directions& directions);

/// Features whose length exceeds `least_norm`.
std::int64_t features_represented(const FeatureGeometry& geometry, double least_norm = 0.5);

/// Least possible largest |cosine| of n directions in m dimensions: sqrt((n - m) / (m (n - 1))), 0 for n <= m
/// (Welch 1974). Reached by equiangular tight frames alone, which need n <= m (m + 1) / 2.
double welch_bound(std::int64_t n, std::int64_t m);

/// Least possible largest signed cosine (Rankin 1955): -1 / (n - 1) for n <= m + 1, the simplex; 0 up to 2 m,
/// where pairs of opposite directions reach it; above 2 m it is positive and only the bound 0 is returned.
double rankin_bound(std::int64_t n, std::int64_t m);

/// Sum over pairs of 1 / |u_i - u_j|: the energy of Thomson's problem for directions in three dimensions.
/// Infinite where two directions agree. Throws as feature_geometry(), and for a direction of length 0.
double thomson_energy(const Directions& directions);
/// The least energy known for 2 to 12 points on the unit sphere in three dimensions; NaN for other numbers.
double thomson_minimum(std::int64_t points);

}  // namespace polysem
