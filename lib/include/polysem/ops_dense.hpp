#pragma once

#include <string>

#include "polysem/operand.hpp"
#include "polysem/random.hpp"

/// Dense ops. Every op is plain data (shapes and constants) beside a struct of named operands. `specs()`
/// tells names, access, types and shapes of the operands in order; `check()` returns what is wrong with the
/// op's own numbers, or "". `fields(f)` calls f(name, value) for each number: printing, hashing and test
/// cases come from it. Unless said otherwise outputs may not overlap inputs.
namespace polysem {

/// C = alpha op(A) op(B) + beta C, then + bias (one value a column), then ReLU.
/// `batch` products at once: A, B and C hold their matrices stacked along the rows; `shared_b` uses one B for
/// all.
struct Gemm {
  static constexpr std::string_view kName = "gemm";
  std::int64_t m = 0, n = 0, k = 0;
  std::int64_t batch = 1;
  bool transpose_a = false;  ///< A is stored [k, m]
  bool transpose_b = false;  ///< B is stored [n, k]
  bool shared_b = false;
  bool relu = false;
  float alpha = 1.0f, beta = 0.0f;
  Precision precision = Precision::kF32;  ///< others let a backend round A and B first

  struct Operands {
    Tensor a, b, bias, c;
  };
  std::array<OperandSpec, kOperandCount<Gemm>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("m", m), f("n", n), f("k", k), f("batch", batch), f("ta", transpose_a), f("tb", transpose_b);
    f("shared_b", shared_b), f("relu", relu), f("alpha", alpha), f("beta", beta), f("precision", precision);
  }
};

/// out = f(a, b), element by element. b may have one row (used for every row) or one column. Types convert: a
/// copy between types is a cast. out may be exactly a or b.
struct Elementwise {
  static constexpr std::string_view kName = "elementwise";
  enum class Kind : std::uint8_t {
    kCopy,     ///< alpha a + beta
    kAxpby,    ///< alpha a + beta b
    kMul,      ///< alpha a b
    kRelu,     ///< max(a, 0); NaN stays NaN
    kSqrt,     ///< sqrt(max(alpha a + beta, 0))
    kSiluMul,  ///< a sigmoid(a) b: the gate of SwiGLU (Shazeer, arXiv 2002.05202)
    kGate,     ///< alpha a + beta where b > 0, else 0: what ReLU lets pass of a gradient, with b its output
  };
  Kind kind = Kind::kCopy;
  std::int64_t rows = 0, cols = 0;
  std::int64_t b_rows = 0, b_cols = 0;  ///< shape of b: 0 x 0 without b, else `rows` or 1 by `cols` or 1
  float alpha = 1.0f, beta = 0.0f;

  struct Operands {
    Tensor a, b, out;
  };
  std::array<OperandSpec, kOperandCount<Elementwise>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("kind", kind), f("rows", rows), f("cols", cols), f("b_rows", b_rows), f("b_cols", b_cols),
        f("alpha", alpha);
    f("beta", beta);
  }
};

/// Reduces the rows (out [1, rows]) or the columns (out [1, cols]) of a, with b where the kind takes one; b
/// may have one row. Sums have a fixed order that depends on the shape alone.
struct Reduce {
  static constexpr std::string_view kName = "reduce";
  enum class Kind : std::uint8_t {
    kSum,              ///< sum of a
    kSumSquares,       ///< sum of a^2
    kDot,              ///< sum of a b
    kSquaredDistance,  ///< sum of (a - b)^2
    kMax,              ///< largest a
  };
  enum class Along : std::uint8_t { kRows, kColumns };  ///< what gets one result each
  Kind kind = Kind::kSum;
  Along along = Along::kRows;
  std::int64_t rows = 0, cols = 0;
  std::int64_t b_rows = 0;  ///< 0 without b, else `rows` or 1
  bool accumulate = false;  ///< add to out (not for kMax)

  struct Operands {
    Tensor a, b, out;
  };
  std::array<OperandSpec, kOperandCount<Reduce>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("kind", kind), f("along", along), f("rows", rows), f("cols", cols), f("b_rows", b_rows);
    f("accumulate", accumulate);
  }
};

/// out = value everywhere; for integer types the value is converted.
struct Fill {
  static constexpr std::string_view kName = "fill";
  std::int64_t rows = 0, cols = 0;
  float value = 0.0f;

  struct Operands {
    Tensor out;
  };
  std::array<OperandSpec, kOperandCount<Fill>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("cols", cols), f("value", value);
  }
};

/// out[r, c] = shift + scale * Random(seed, stream, substream).{uniform, normal}(first + r cols + c).
struct RandomFill {
  static constexpr std::string_view kName = "random_fill";
  enum class Kind : std::uint8_t { kUniform, kNormal };
  Kind kind = Kind::kUniform;
  std::int64_t rows = 0, cols = 0;
  float scale = 1.0f, shift = 0.0f;
  std::uint64_t seed = 0;
  RandomStream stream = RandomStream::kData;
  std::uint32_t substream = 0;
  std::uint64_t first = 0;

  struct Operands {
    Tensor out;
  };
  std::array<OperandSpec, kOperandCount<RandomFill>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("kind", kind), f("rows", rows), f("cols", cols), f("scale", scale), f("shift", shift), f("seed", seed);
    f("stream", stream), f("substream", substream), f("first", first);
  }
};

/// out[i] = table[ids[i]]; rows convert between types. Ids outside the table are the caller's error: a
/// backend reads nothing outside and writes zeros for them.
struct GatherRows {
  static constexpr std::string_view kName = "gather_rows";
  std::int64_t rows = 0, cols = 0, table_rows = 0;

  struct Operands {
    Tensor table, ids, out;
  };
  std::array<OperandSpec, kOperandCount<GatherRows>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("cols", cols), f("table_rows", table_rows);
  }
};

/// table[ids[i]] = source[i]; ids are distinct, those outside the table are skipped.
struct ScatterRows {
  static constexpr std::string_view kName = "scatter_rows";
  std::int64_t rows = 0, cols = 0, table_rows = 0;

  struct Operands {
    Tensor source, ids, table;
  };
  std::array<OperandSpec, kOperandCount<ScatterRows>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("cols", cols), f("table_rows", table_rows);
  }
};

/// Constants of one Adam step (Kingma & Ba, arXiv 1412.6980, algorithm 1; weight decay decoupled as in
/// Loshchilov & Hutter, arXiv 1711.05101): m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, w -= rate (m / (1
/// - b1^step) / (sqrt(v / (1 - b2^step)) + epsilon) + weight_decay w).
struct AdamStep {
  float rate = 1e-3f, beta1 = 0.9f, beta2 = 0.999f, epsilon = 1e-8f, weight_decay = 0.0f;
  std::int64_t step = 1;  ///< counts from 1
};

/// One Adam step on a dense parameter. The gradient is multiplied by `grad_scale` first (clipping).
struct AdamUpdate {
  static constexpr std::string_view kName = "adam_update";
  std::int64_t rows = 0, cols = 0;
  float grad_scale = 1.0f;
  AdamStep adam{};

  struct Operands {
    Tensor gradient, parameter, m, v;
  };
  std::array<OperandSpec, kOperandCount<AdamUpdate>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("cols", cols), f("grad_scale", grad_scale), f("rate", adam.rate),
        f("beta1", adam.beta1);
    f("beta2", adam.beta2), f("epsilon", adam.epsilon), f("weight_decay", adam.weight_decay),
        f("step", adam.step);
  }
};

/// Removes from each row of `gradient` its part along the same row of `direction`, whose rows have length 1:
/// g -= (g . w) w. Keeps a unit-norm decoder on its sphere to first order (Bricken et al. 2023).
struct ProjectRows {
  static constexpr std::string_view kName = "project_rows";
  std::int64_t rows = 0, cols = 0;

  struct Operands {
    Tensor direction, gradient;
  };
  std::array<OperandSpec, kOperandCount<ProjectRows>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("cols", cols);
  }
};

/// Divides each row by its length; a row of zeros stays.
struct NormalizeRows {
  static constexpr std::string_view kName = "normalize_rows";
  std::int64_t rows = 0, cols = 0;

  struct Operands {
    Tensor matrix;
  };
  std::array<OperandSpec, kOperandCount<NormalizeRows>> specs() const;
  std::string check() const;
  template <class F>
  void fields(F&& f) const {
    f("rows", rows), f("cols", cols);
  }
};

}  // namespace polysem
