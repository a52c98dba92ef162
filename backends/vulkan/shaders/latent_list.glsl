// Who fired a latent (TransposeCodes), and a sum over its list in ascending order. LIST(1, 0, main) declares
// bindings 0 to 4 and main_sum(latent, column); its push constants are those of LIST_PUSH(main).
#define LIST_PUSH(name)                                                                                         \
  uint name##_begin_first, name##_entries_first, name##_rows_first, name##_weights_first, name##_source_first, \
      name##_source_stride;                                                                                     \
  float name##_scale

#define LIST_BINDINGS(slot0, slot1, slot2, slot3, slot4, name)                                   \
  layout(std430, binding = slot0) readonly buffer name##_Begin { uint name##_begin[]; };         \
  layout(std430, binding = slot1) readonly buffer name##_Entries { uint name##_entries[]; };     \
  layout(std430, binding = slot2) readonly buffer name##_Rows { uint name##_rows[]; };           \
  layout(std430, binding = slot3) readonly buffer name##_Weights { float name##_weights[]; };    \
  layout(std430, binding = slot4) readonly buffer name##_Source { float name##_source[]; };

// A list is never longer than its binding, whatever `begin` says.
#define LIST_SUMS(name)                                                                              \
  uint name##_end(uint j) {                                                                          \
    return min(name##_begin[name##_begin_first + j + 1], uint(name##_entries.length()));             \
  }                                                                                                  \
  float name##_sum(uint j, uint c) {                                                                 \
    float sum = 0.0;                                                                                 \
    const uint end = name##_end(j);                                                                  \
    for (uint i = name##_begin[name##_begin_first + j]; i < end; ++i)                                \
      sum += name##_scale * name##_weights[name##_weights_first + name##_entries[name##_entries_first + i]] * \
             name##_source[name##_source_first +                                                     \
                           name##_rows[name##_rows_first + i] * name##_source_stride + c];           \
    return sum;                                                                                      \
  }                                                                                                  \
  float name##_plain_sum(uint j) {                                                                   \
    float sum = 0.0;                                                                                 \
    const uint end = name##_end(j);                                                                  \
    for (uint i = name##_begin[name##_begin_first + j]; i < end; ++i)                                \
      sum += name##_weights[name##_weights_first + name##_entries[name##_entries_first + i]];        \
    return sum;                                                                                      \
  }
