#pragma once

/// Each registers the benchmarks of one subject.
namespace polysem::bench {

void add_gemm_benchmarks();
void add_coder_benchmarks();
void add_attention_benchmarks();
void add_row_benchmarks();
void add_train_step_benchmarks();
void add_capture_benchmarks();
void add_core_benchmarks();
void add_toy_benchmarks();

}  // namespace polysem::bench
