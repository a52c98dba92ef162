#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace polysem::onednn {

/// How the right matrix of a product lies in memory.
enum class RightLayout : std::uint8_t {
  kPlain,       ///< [k, n]
  kTransposed,  ///< [n, k]
  kPacked,      ///< as Matmul::pack() made it
};

/// Shape of one single-threaded product C[m, n] = A[m, k] B[k, n]; A and B are both f32 or both bf16, C is
/// f32 unless `bf16_out`.
struct MatmulShape {
  std::int64_t m = 0, n = 0, k = 0;
  std::int64_t lda = 0, ldb = 0, ldc = 0;
  bool transpose_a = false;  ///< A is stored [k, m]
  RightLayout right = RightLayout::kPlain;
  bool bf16 = false;
  bool accumulate = false;  ///< C += A B
  bool bf16_out = false;
  bool operator==(const MatmulShape&) const = default;
};

/// oneDNN's product of one shape. Runs on the calling thread; any number of threads may use one object at
/// once.
class Matmul {
 public:
  virtual ~Matmul() = default;
  virtual void operator()(const void* a, const void* b, void* c) const = 0;
  /// Whether oneDNN has real code for this shape, and not only its reference implementation.
  virtual bool fast() const = 0;

  /// For RightLayout::kPacked: bytes of a packed B, and how to make one from B stored as `from` says (ldb: of
  /// that).
  virtual std::size_t packed_bytes() const = 0;
  virtual void pack(const void* b, RightLayout from, std::int64_t ldb, void* packed) const = 0;

  /// Made once for each shape in this process.
  static std::shared_ptr<const Matmul> of(const MatmulShape& shape);
};

/// "oneDNN 2.6.3".
const char* library_version();

}  // namespace polysem::onednn
