#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "polysem/sparse_coder.hpp"

namespace polysem {

/// The part of a coder between pre-activations and codes, with its own backward pass.
class Activation {
 public:
  virtual ~Activation() = default;
  /// Entries a row, or 0 where they vary.
  virtual std::int64_t row_length() const = 0;
  /// Most entries that `rows` rows can have.
  virtual std::int64_t capacity(std::int64_t rows) const = 0;
  /// Codes of centred inputs, f32 (or bf16 in bf16 runs) [rows, d_in].
  virtual void encode(Executor& executor, const CoderTensors& coder, const Tensor& centred,
                      const SparseCodes& codes) const = 0;
  /// Gradient with respect to the pre-activation of each entry: scale * d(|error|^2 / 2) / dh.
  virtual void backward(Executor& executor, const CoderTensors& coder, const Tensor& error,
                        const SparseCodes& codes, float scale, const Tensor& gradient) const = 0;
};

/// A number of a recipe that `polysem train --list-recipes` shows.
struct RecipeParameter {
  std::string_view option;  ///< as typed on the command line, without dashes
  double value;             ///< default
  std::string_view help;
};

/// A named way to train a sparse coder. The table in lib/models/recipes.cpp lists them all.
struct Recipe {
  std::string_view name;
  std::string_view summary;
  std::string_view source;        ///< paper
  std::string_view architecture;  ///< under which name SAELens loads the result
  std::span<const RecipeParameter> parameters;
  std::unique_ptr<Activation> (*make_activation)(const CoderConfig& config);
};

std::span<const Recipe* const> recipes();
/// Throws Error{kInvalidArgument} that lists the names there are.
const Recipe& find_recipe(std::string_view name);

}  // namespace polysem
