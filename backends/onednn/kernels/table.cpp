#include "backends/onednn/kernels/table.hpp"

#define POLYSEM_TEXT_OF(x) #x
#define POLYSEM_TEXT(x) POLYSEM_TEXT_OF(x)

namespace polysem::onednn::POLYSEM_ISA {

const Kernels kTable = {POLYSEM_TEXT(POLYSEM_ISA),
                        kLanes,
                        widen,
                        narrow,
                        round_row,
                        round_to_bf16,
                        elementwise,
                        reduce,
                        reduce_into,
                        epilogue,
                        adam,
                        subtract_scaled,
                        dots,
                        weighted_rows,
                        finish_decode,
                        sum_exp,
                        kl_terms,
                        rope,
                        block_product,
                        softmax_row,
                        multiply,
                        kth_largest,
                        scan,
                        random_words,
                        sparse_uniform,
                        sample_product,
                        toy_error,
                        tied_errors,
                        add_signs};

}  // namespace polysem::onednn::POLYSEM_ISA
