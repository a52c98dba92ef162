// Products of the emulated cuBLASLt: one sum after another, in f32.
#include "backends/cuda/cublaslt.hpp"

#include <bit>
#include <cstring>

#include "polysem/dtype.hpp"
#include "tests/cuda/emulated/capture.hpp"
#include "tests/cuda/emulated/faults.hpp"

struct EmulatedLt {};
struct EmulatedDesc {
  cublasComputeType_t compute;
  std::int32_t transpose_a = 0, transpose_b = 0;
};
struct EmulatedLayout {
  cudaDataType_t type;
  std::int64_t rows, cols, stride;
  std::int32_t batch = 1;
  std::int64_t step = 0;
};
struct EmulatedPreference {};

namespace {

float load(const void* data, const EmulatedLayout& m, std::int64_t instance, std::int64_t r, std::int64_t c) {
  const std::int64_t at = instance * m.step + c * m.stride + r;
  if (m.type == CUDA_R_32F) return static_cast<const float*>(data)[at];
  const std::uint16_t bits = static_cast<const std::uint16_t*>(data)[at];
  return m.type == CUDA_R_16BF ? polysem::from_bf16(bits) : polysem::from_f16(bits);
}

void store(void* data, const EmulatedLayout& m, std::int64_t instance, std::int64_t r, std::int64_t c,
           float value) {
  const std::int64_t at = instance * m.step + c * m.stride + r;
  if (m.type == CUDA_R_32F) {
    static_cast<float*>(data)[at] = value;
  } else {
    static_cast<std::uint16_t*>(data)[at] =
        m.type == CUDA_R_16BF ? polysem::to_bf16(value) : polysem::to_f16(value);
  }
}

// Tensor cores may leave out the bits that TF32 does not have, which is worse than rounding them away.
float input(const EmulatedDesc& desc, float value) {
  if (desc.compute != CUBLAS_COMPUTE_32F_FAST_TF32) return value;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & ~0x1fffu);
}

// Rules of the real library: shapes fit, columns do not overlap, and the types are a combination it has.
bool fits(const EmulatedDesc& desc, const EmulatedLayout& a, const EmulatedLayout& b,
          const EmulatedLayout& d) {
  const std::int64_t k = desc.transpose_a ? a.rows : a.cols;
  return (desc.transpose_a ? a.cols : a.rows) == d.rows && (desc.transpose_b ? b.rows : b.cols) == d.cols &&
         (desc.transpose_b ? b.cols : b.rows) == k && a.stride >= a.rows && b.stride >= b.rows &&
         d.stride >= d.rows && a.batch == d.batch && b.batch == d.batch && a.type == b.type &&
         (a.type == d.type || d.type == CUDA_R_32F) && d.rows > 0 && d.cols > 0 && k > 0;
}

void multiply(const EmulatedDesc& desc, float by, const void* a, const EmulatedLayout& ma, const void* b,
              const EmulatedLayout& mb, float keep, const void* c, const EmulatedLayout& mc, void* d,
              const EmulatedLayout& md) {
  const std::int64_t depth = desc.transpose_a ? ma.rows : ma.cols;
  for (std::int64_t i = 0; i < md.batch; ++i) {
    for (std::int64_t col = 0; col < md.cols; ++col) {
      for (std::int64_t row = 0; row < md.rows; ++row) {
        float sum = 0;
        for (std::int64_t p = 0; p < depth; ++p)
          sum += input(desc, desc.transpose_a ? load(a, ma, i, p, row) : load(a, ma, i, row, p)) *
                 input(desc, desc.transpose_b ? load(b, mb, i, col, p) : load(b, mb, i, p, col));
        float value = by * sum;
        if (keep != 0.0f) value += keep * load(c, mc, i, row, col);
        store(d, md, i, row, col, value);
      }
    }
  }
}

}  // namespace

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  if (emulated::next_call()) return CUBLAS_STATUS_ALLOC_FAILED;
  *handle = new EmulatedLt;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
std::size_t cublasLtGetVersion() { return 130000; }
const char* cublasLtGetStatusString(cublasStatus_t) { return "an emulated status"; }

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                              const void* beta, const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t*, void*,
                              std::size_t, cudaStream_t stream) {
  if (!fits(*desc, *a_layout, *b_layout, *d_layout)) return CUBLAS_STATUS_INVALID_VALUE;
  // Descriptors and factors may go before a graph runs.
  const auto work = [=, desc = *desc, ma = *a_layout, mb = *b_layout, mc = *c_layout, md = *d_layout,
                     by = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta)] {
    multiply(desc, by, a, ma, b, mb, keep, c, mc, d, md);
    return cudaSuccess;
  };
  return emulated::enqueue(stream, emulated::Work::kProduct, work) == cudaSuccess
             ? CUBLAS_STATUS_SUCCESS
             : CUBLAS_STATUS_EXECUTION_FAILED;
}

// Odd strides of bf16 and f16 matrices have no algorithm, so that tests see what happens then.
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t desc,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t, int,
                                              cublasLtMatmulHeuristicResult_t results[], int* found) {
  if (!fits(*desc, *a, *b, *d)) return CUBLAS_STATUS_INVALID_VALUE;
  *found = a->type != CUDA_R_32F && a->stride % 2 != 0 ? 0 : 1;
  if (*found == 0) return CUBLAS_STATUS_NOT_SUPPORTED;
  results[0] = {};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* desc, cublasComputeType_t compute,
                                        cudaDataType_t) {
  *desc = new EmulatedDesc{compute};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
  delete desc;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t which,
                                              const void* value, std::size_t bytes) {
  if (bytes != 4) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(which == CUBLASLT_MATMUL_DESC_TRANSA ? &desc->transpose_a : &desc->transpose_b, value, 4);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type,
                                          std::uint64_t rows, std::uint64_t cols, std::int64_t stride) {
  *layout =
      new EmulatedLayout{type, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(cols), stride};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t which, const void* value,
                                                std::size_t bytes) {
  const bool count = which == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT;
  if (bytes != (count ? 4u : 8u)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(count ? static_cast<void*>(&layout->batch) : &layout->step, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  *preference = new EmulatedPreference;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  delete preference;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t,
                                                    cublasLtMatmulPreferenceAttributes_t which, const void*,
                                                    std::size_t bytes) {
  const bool wide = which == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
  return bytes == (wide ? 8u : 4u) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

namespace polysem::cuda {

const CublasLt& cublaslt() {
  static const CublasLt lt = {cublasLtCreate,
                              cublasLtDestroy,
                              cublasLtGetVersion,
                              cublasLtGetStatusString,
                              cublasLtMatmul,
                              cublasLtMatmulAlgoGetHeuristic,
                              cublasLtMatmulDescCreate,
                              cublasLtMatmulDescDestroy,
                              cublasLtMatmulDescSetAttribute,
                              cublasLtMatrixLayoutCreate,
                              cublasLtMatrixLayoutDestroy,
                              cublasLtMatrixLayoutSetAttribute,
                              cublasLtMatmulPreferenceCreate,
                              cublasLtMatmulPreferenceDestroy,
                              cublasLtMatmulPreferenceSetAttribute};
  return lt;
}

}  // namespace polysem::cuda
