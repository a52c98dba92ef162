#pragma once

#include <cublasLt.h>

#include <string>

#include "polysem/backend.hpp"

namespace polysem::cuda {

/// The functions of cuBLASLt that are used. The library is half a gigabyte and absent where there is no card,
/// so it is opened when a device is, and nothing is linked to it.
struct CublasLt {
  decltype(&cublasLtCreate) create;
  decltype(&cublasLtDestroy) destroy;
  decltype(&cublasLtGetVersion) version;
  decltype(&cublasLtGetStatusString) status_string;
  decltype(&cublasLtMatmul) matmul;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic;
  decltype(&cublasLtMatmulDescCreate) desc_create;
  decltype(&cublasLtMatmulDescDestroy) desc_destroy;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set;
  decltype(&cublasLtMatrixLayoutCreate) layout_create;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy;
  decltype(&cublasLtMatrixLayoutSetAttribute) layout_set;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set;
};

/// Opens the library once. Throws Error{kBackendUnavailable} that says why it cannot be opened.
const CublasLt& cublaslt();

/// Throws Error{kFailed}, or kOutOfMemory where the library says so.
void check(cublasStatus_t status, const char* call);

}  // namespace polysem::cuda
