#include "backends/cuda/lt_product.hpp"

#include <bit>
#include <utility>

namespace polysem::cuda {

namespace {

/// Owns a descriptor of the library.
template <class T>
class Owned {
 public:
  Owned(T handle, cublasStatus_t (*destroy)(T)) : handle_(handle), destroy_(destroy) {}
  ~Owned() { destroy_(handle_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  operator T() const noexcept { return handle_; }  // NOLINT: used wherever the library wants the handle

 private:
  T handle_;
  cublasStatus_t (*destroy_)(T);
};

/// A matrix as the library stores it, column by column: rows of ours are its columns.
struct Stored {
  const void* data;
  cudaDataType_t type;
  std::int64_t rows, cols, stride;  // stored rows become columns
  std::int64_t batch, step;         // elements from one instance to the next
};

Stored stored(const Tensor& t, std::int64_t rows, std::int64_t batch, bool shared) {
  const cudaDataType_t type = t.dtype == DType::kBF16  ? CUDA_R_16BF
                              : t.dtype == DType::kF16 ? CUDA_R_16F
                                                       : CUDA_R_32F;
  return {data_of(t), type, t.cols, rows, t.stride, batch, shared ? 0 : rows * t.stride};
}

Owned<cublasLtMatrixLayout_t> layout_of(const Stored& m) {
  const CublasLt& lt = cublaslt();
  cublasLtMatrixLayout_t handle = nullptr;
  check(lt.layout_create(&handle, m.type, static_cast<std::uint64_t>(m.rows),
                         static_cast<std::uint64_t>(m.cols), m.stride),
        "cublasLtMatrixLayoutCreate");
  return {handle, lt.layout_destroy};
}

void set_batch(cublasLtMatrixLayout_t layout, const Stored& m) {
  const auto count = static_cast<std::int32_t>(m.batch);
  const CublasLt& lt = cublaslt();
  check(lt.layout_set(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof(count)), "batch count");
  check(lt.layout_set(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &m.step, sizeof(m.step)),
        "batch offset");
}

void set_operation(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t which, bool transpose) {
  const std::int32_t operation = transpose ? CUBLAS_OP_T : CUBLAS_OP_N;
  check(cublaslt().desc_set(desc, which, &operation, sizeof(operation)), "cublasLtMatmulDescSetAttribute");
}

/// The largest power of two, up to 256, that an address is a multiple of.
std::uint32_t alignment_of(const void* data) {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  return address == 0 ? 256u : std::uint32_t{1} << std::min(8, std::countr_zero(address));
}

/// One product as the library is asked for it. C^T = op(B)^T op(A)^T: what it calls A is our B.
class Product {
 public:
  Product(const Gemm& op, const Gemm::Operands& t)
      : op_(op),
        a_(stored(t.b, op.transpose_b ? op.n : op.k, op.batch, op.shared_b)),
        b_(stored(t.a, op.transpose_a ? op.k : op.m, op.batch, false)),
        c_(stored(t.c, op.m, op.batch, false)),
        c_data_(data_of(t.c)),
        desc_(make_desc(op.precision)),
        a_layout_(layout_of(a_)),
        b_layout_(layout_of(b_)),
        c_layout_(layout_of(c_)) {
    set_operation(desc_, CUBLASLT_MATMUL_DESC_TRANSA, op.transpose_b);
    set_operation(desc_, CUBLASLT_MATMUL_DESC_TRANSB, op.transpose_a);
    set_batch(a_layout_, a_), set_batch(b_layout_, b_), set_batch(c_layout_, c_);
  }

  /// All that the choice of an algorithm depends on.
  std::vector<std::int64_t> key() const {
    return {op_.m,
            op_.n,
            op_.k,
            op_.batch,
            op_.transpose_a,
            op_.transpose_b,
            op_.shared_b,
            op_.beta != 0.0f,
            static_cast<std::int64_t>(op_.precision),
            a_.type,
            b_.type,
            c_.type,
            a_.stride,
            b_.stride,
            c_.stride,
            alignment_of(a_.data),
            alignment_of(b_.data),
            alignment_of(c_.data)};
  }

  std::optional<cublasLtMatmulAlgo_t> choose(Stream& stream) const {
    const CublasLt& lt = cublaslt();
    cublasLtMatmulPreference_t handle = nullptr;
    check(lt.preference_create(&handle), "cublasLtMatmulPreferenceCreate");
    const Owned<cublasLtMatmulPreference_t> preference(handle, lt.preference_destroy);
    const auto set = [&](cublasLtMatmulPreferenceAttributes_t which, const auto& value) {
      check(lt.preference_set(preference, which, &value, sizeof(value)),
            "cublasLtMatmulPreferenceSetAttribute");
    };
    // Sums in a fixed order: parts of k, if any, go through the workspace in f32.
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
        static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, Stream::kProductWorkspace);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_of(a_.data));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_of(b_.data));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_of(c_.data));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_of(c_.data));

    cublasLtMatmulHeuristicResult_t found{};
    int count = 0;
    const cublasStatus_t status = lt.heuristic(stream.lt(), desc_, a_layout_, b_layout_, c_layout_, c_layout_,
                                               preference, 1, &found, &count);
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE || count == 0)
      return {};
    check(status, "cublasLtMatmulAlgoGetHeuristic");
    check(found.state, "cublasLtMatmulAlgoGetHeuristic");
    return found.algo;
  }

  void run(Stream& stream, const cublasLtMatmulAlgo_t& algorithm) const {
    check(cublaslt().matmul(stream.lt(), desc_, &op_.alpha, a_.data, a_layout_, b_.data, b_layout_, &op_.beta,
                            c_data_, c_layout_, c_data_, c_layout_, &algorithm, stream.product_workspace(),
                            Stream::kProductWorkspace, stream.handle()),
          "cublasLtMatmul");
  }

 private:
  // Both accumulate in f32; the first uses every bit of f32 inputs.
  static Owned<cublasLtMatmulDesc_t> make_desc(Precision precision) {
    cublasLtMatmulDesc_t handle = nullptr;
    const cublasComputeType_t compute =
        precision == Precision::kTF32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    check(cublaslt().desc_create(&handle, compute, CUDA_R_32F), "cublasLtMatmulDescCreate");
    return {handle, cublaslt().desc_destroy};
  }

  const Gemm& op_;
  Stored a_, b_, c_;
  void* c_data_;
  Owned<cublasLtMatmulDesc_t> desc_;
  Owned<cublasLtMatrixLayout_t> a_layout_, b_layout_, c_layout_;
};

// What the library takes: 32-bit sizes, and nothing empty.
bool within_limits(const Gemm& op) {
  constexpr std::int64_t kMost = 0x7fffffff;
  return op.m <= kMost && op.n <= kMost && op.k <= kMost && op.batch <= kMost && op.k > 0 && op.alpha != 0.0f;
}

}  // namespace

bool lt_product(Stream& stream, const Gemm& op, const Gemm::Operands& t) {
  const DType wanted = storage_type(op.precision);
  if (t.a.dtype != wanted || t.b.dtype != wanted || !within_limits(op)) return false;
  if (wanted == DType::kF32 && t.c.dtype != DType::kF32) return false;  // not among the library's types
  const Product product(op, t);
  auto [choice, fresh] = stream.choices().try_emplace(product.key());
  if (fresh) {
    try {
      choice->second = product.choose(stream);
    } catch (...) {
      stream.choices().erase(choice);
      throw;
    }
  }
  if (!choice->second) return false;
  product.run(stream, *choice->second);
  return true;
}

}  // namespace polysem::cuda
