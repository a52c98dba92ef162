// Sparse codes (SparseCodes): k entries a row, or as many as row_offsets says. Bounds are kept even where
// offsets make no sense, so that loops end. To be included after the push constants that CODES_PUSH is part of.
uint row_begin(uint r) { return min(codes_k > 0 ? r * codes_k : row_offsets[offsets_first + r], capacity); }
uint row_end(uint r) { return row_begin(r + 1); }
float code_value(uint e) { return values[values_first + e]; }
uint code_latent(uint e) { return ids[ids_first + e]; }
