/* polysem::core: watch, edit and decode the latents of a sparse coder inside another program. C99.

   A model file (.polysem, written by `polysem convert --to core`) is opened where it lies: mapped, in flash,
   in an array. polysem_open() checks every byte of it once; from then on nothing in it is checked again. A
   model is never written to and may be shared between threads. A state is the memory of one stream of
   activations: one thread at a time. The caller gives all memory; nothing is allocated, locked, printed or
   asked of the system.

   Vocabulary. x: an activation vector, [d_in]. A latent i has the pre-activation
   h_i = W_enc[i] . x' + b_enc[i], where x' = input_scale x, less b_dec if the coder was trained so. Its
   activation f_i is 0 but where it passes:
   - ReLU: h_i, where h_i > 0;
   - JumpReLU and BatchTopK: h_i, where h_i > threshold_i (BatchTopK has one threshold at inference);
   - TopK: h_i, for the k largest that are > 0; of equal ones the one with the lower number;
   - Gated: r_i (W_enc[i] . x') + b_mag[i], where h_i > 0 and this is > 0.

   The reconstruction is y = output_scale (W_dec f + b_dec [+ W_skip input_scale x]), [d_out].

   Sources: Rajamanoharan et al., arXiv:2404.16014 (Gated) and arXiv:2407.14435 (JumpReLU); Gao et al.,
   arXiv:2406.04093 (TopK); Bussmann et al., arXiv:2412.06410 (BatchTopK).

   Bits. Sums have a fixed order (16 partial sums, multiply, then add, then a fixed tree), so that the same
   file and input give the same bits on every machine with IEEE arithmetic, x86, ARM or RISC-V, whatever
   vector instructions it has. The one exception: polysem_encode() of several positions with a state made for
   `batch` > 1 may fuse multiply and add, and sums in another order.

   Which library functions are called: memcpy, memset; of libm none.

   Every function that can fail returns a status. Pointers must not be null unless it says so. */
#ifndef POLYSEM_CORE_H_
#define POLYSEM_CORE_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum polysem_status {
  POLYSEM_OK = 0,
  /* The caller's mistakes: nothing was done. */
  POLYSEM_BAD_ARGUMENT,     /* a null pointer, a number that is not finite, a count out of range */
  POLYSEM_BUFFER_TOO_SMALL, /* a vector, a code or the state's memory needs more room */
  POLYSEM_BAD_ALIGNMENT,    /* a file or a state's memory must begin at a multiple of POLYSEM_ALIGNMENT */
  POLYSEM_BAD_LATENT,       /* the number of a latent that the model does not have */
  POLYSEM_BAD_WATCH,        /* a rule or a probe names a watch that there is not, or off > on */
  /* The file's. */
  POLYSEM_TRUNCATED,           /* the file is shorter than it says */
  POLYSEM_NOT_A_MODEL,         /* it does not begin as a .polysem file does */
  POLYSEM_UNSUPPORTED_VERSION, /* written by a later polysem */
  POLYSEM_UNSUPPORTED_DTYPE,   /* a number format or an activation that is not known */
  POLYSEM_BAD_CHECKSUM,        /* damaged */
  POLYSEM_BAD_LAYOUT, /* sections overlap, are missing, or do not have the size that the shape asks for */
  POLYSEM_BAD_VALUE,  /* a weight, scale or threshold that is not finite, or negative where it must not be */
  /* The machine's, and the data's. */
  POLYSEM_BIG_ENDIAN, /* files are little-endian and read in place */
  POLYSEM_NON_FINITE  /* x, or what is computed from it, holds NaN or infinity: that position was counted and
                         skipped */
} polysem_status;

/* A sentence for a status, without a full stop; never null. It lives as long as the program. */
const char* polysem_status_text(polysem_status status);

/* ---- The model ---- */

/* Where a model file and the memory of a state must begin, in bytes. */
#define POLYSEM_ALIGNMENT 64

typedef enum polysem_activation {
  POLYSEM_RELU = 0,
  POLYSEM_TOPK = 1,
  POLYSEM_BATCH_TOPK = 2,
  POLYSEM_JUMPRELU = 3,
  POLYSEM_GATED = 4
} polysem_activation;

/* How weights are kept. int8 and int4 have one f32 scale for each latent, of the encoder and of the decoder
 * apart. */
typedef enum polysem_dtype {
  POLYSEM_F32 = 0,
  POLYSEM_F16 = 1,
  POLYSEM_BF16 = 2,
  POLYSEM_INT8 = 3,
  POLYSEM_INT4 = 4
} polysem_dtype;

/* An open model: a view of the file, which must stay where it is and as it is. Filled by polysem_open(); copy
   it as you like, change nothing. The fields after `output_scale` are the library's own. */
typedef struct polysem_model {
  uint32_t d_in, d_out;
  uint32_t latents;        /* of this file */
  uint32_t source_latents; /* of the coder that it was made from: larger where the file holds a subset */
  uint32_t k;              /* TopK: active latents of a position; else 0 */
  uint8_t activation;      /* polysem_activation */
  uint8_t encoder_dtype, decoder_dtype; /* polysem_dtype */
  uint8_t subtracts_b_dec;              /* the encoder sees x' = input_scale x - b_dec */
  float input_scale, output_scale;
  const unsigned char *encoder, *decoder; /* rows of latents, padded */
  const float *encoder_scale, *decoder_scale;
  const float *encoder_bias, *threshold, *magnitude_scale, *magnitude_bias; /* [latents], or null */
  const float *decoder_bias, *skip;           /* [d_out], [d_out, padded d_in] or null */
  const uint32_t *latent_ids, *names, *notes; /* or null */
  const char* source;                         /* or null */
  uint32_t source_length;
} polysem_model;

/* Checks the file in bytes[0, size) and fills `model`. The file may end before `size`, as in a flash
   partition. Reads all of it once. */
polysem_status polysem_open(const void* bytes, size_t size, polysem_model* model);

/* Where in a file a latent of the original coder is. POLYSEM_BAD_LATENT where it is not in the file. */
polysem_status polysem_find_latent(const polysem_model* model, uint32_t source_latent, uint32_t* latent);
/* The number that a latent of the file had in the original coder. */
polysem_status polysem_source_latent(const polysem_model* model, uint32_t latent, uint32_t* source_latent);

/* Text of a file: bytes (UTF-8 if the writer kept to it), not ended by a zero. Empty where the file has none.
 */
typedef struct polysem_text {
  const char* data;
  size_t length;
} polysem_text;
polysem_status polysem_latent_name(const polysem_model* model, uint32_t latent, polysem_text* text);
polysem_status polysem_latent_note(const polysem_model* model, uint32_t latent, polysem_text* text);
/* What the coder was trained on, for instance "HuggingFaceTB/SmolLM2-135M blocks.14.hook_resid_post". */
polysem_text polysem_model_source(const polysem_model* model);

/* ---- The state of one stream ---- */

/* A latent to watch. At each position v = smoothing * f + (1 - smoothing) * v, from v = 0; smoothing lies in
   (0, 1], and 1 is none. It turns active when v > on and stays so until v <= off; off <= on. */
typedef struct polysem_watch {
  uint32_t latent;
  float on, off;
  float smoothing;
} polysem_watch;

/* A condition on which watches are active: all of the terms, or any of them. */
typedef struct polysem_term {
  uint32_t watch;   /* index into polysem_config.watches */
  uint32_t negated; /* 1: the watch must not be active */
} polysem_term;
typedef enum polysem_rule_kind { POLYSEM_ALL = 0, POLYSEM_ANY = 1 } polysem_rule_kind;
typedef struct polysem_rule {
  uint32_t kind; /* polysem_rule_kind */
  const polysem_term* terms;
  size_t term_count; /* at least 1 */
} polysem_rule;

/* A linear probe: score = 1 / (1 + exp(-(bias + sum of weight * v))), a probability if the weights are those
   of a calibrated logistic regression. On and off as of a watch, of the score. */
typedef struct polysem_weight {
  uint32_t watch;
  float weight;
} polysem_weight;
typedef struct polysem_probe {
  const polysem_weight* weights;
  size_t weight_count; /* at least 1 */
  float bias;
  float on, off;
} polysem_probe;

/* What a state is for. All zero is a state that encodes, decodes and edits. What it points to is copied. */
typedef struct polysem_config {
  size_t batch; /* positions that polysem_encode() takes at once; 0 or 1: one by one, in fixed bits */
  const polysem_watch* watches;
  size_t watch_count; /* this and the next two: at most 65535 */
  const polysem_rule* rules;
  size_t rule_count;
  const polysem_probe* probes;
  size_t probe_count;
} polysem_config;

typedef struct polysem_state polysem_state;

/* Bytes that a state needs. `config` may be null. */
polysem_status polysem_state_size(const polysem_model* model, const polysem_config* config, size_t* bytes);
/* Makes a state in the caller's memory, aligned to POLYSEM_ALIGNMENT, which holds all of it: there is nothing
   to free. The model is not copied. */
polysem_status polysem_state_init(const polysem_model* model, const polysem_config* config, void* memory,
                                  size_t bytes, polysem_state** state);

typedef struct polysem_counters {
  uint64_t positions;  /* that polysem_observe() has seen, skipped ones too */
  uint64_t non_finite; /* positions that any function skipped because of NaN or infinity */
} polysem_counters;
polysem_status polysem_get_counters(const polysem_state* state, polysem_counters* counters);

/* ---- Vectors ---- */

/* Positions of a tensor: number i of position p is data[p * position_stride + i * stride]. `size` is how many
   floats from `data` on belong to the caller: what would lie behind is refused, not touched. */
typedef struct polysem_in {
  const float* data;
  size_t size;
  size_t positions;
  size_t position_stride;
  size_t stride;
} polysem_in;
typedef struct polysem_out {
  float* data;
  size_t size;
  size_t positions; /* the same as of the input */
  size_t position_stride;
  size_t stride;
} polysem_out;

/* One position, its numbers side by side. */
static inline polysem_in polysem_one(const float* data, size_t size) {
  polysem_in in;
  in.data = data, in.size = size, in.positions = 1, in.position_stride = 0, in.stride = 1;
  return in;
}
static inline polysem_out polysem_one_out(float* data, size_t size) {
  polysem_out out;
  out.data = data, out.size = size, out.positions = 1, out.position_stride = 0, out.stride = 1;
  return out;
}
/* Positions behind each other, each of `width` numbers side by side. */
static inline polysem_in polysem_many(const float* data, size_t positions, size_t width) {
  polysem_in in;
  in.data = data, in.size = positions * width, in.positions = positions, in.position_stride = width,
  in.stride = 1;
  return in;
}
static inline polysem_out polysem_many_out(float* data, size_t positions, size_t width) {
  polysem_out out;
  out.data = data, out.size = positions * width, out.positions = positions, out.position_stride = width,
  out.stride = 1;
  return out;
}

/* Sparse codes: of each position, up to `capacity` latents in ascending order and their activations. Position
   p has its counts[p] entries at latents + p * capacity and values + p * capacity. */
typedef struct polysem_codes {
  uint32_t* latents; /* [positions, capacity] */
  float* values;     /* [positions, capacity] */
  uint32_t* counts;  /* [positions] */
  size_t positions;
  size_t capacity;
} polysem_codes;

/* ---- Encode and decode ----
   A position that is not finite gets zeros (no codes), the others are computed, and the status is
   POLYSEM_NON_FINITE. */

/* Activations of all latents: f [positions, latents]. */
polysem_status polysem_encode(polysem_state* state, polysem_in x, polysem_out f);
/* Activations of some latents, f [positions, count], in the order of the list. It costs what the list is
   long, except with TopK, where every latent decides about every other: convert such a coder to thresholds.
 */
polysem_status polysem_encode_list(polysem_state* state, polysem_in x, const uint32_t* latents, size_t count,
                                   polysem_out f);
/* Only the active latents, and of them the `capacity` largest (TopK: the min(capacity, k) largest). */
polysem_status polysem_encode_sparse(polysem_state* state, polysem_in x, polysem_codes* codes);
/* y [positions, d_out] = output_scale (W_dec f + b_dec). Without a skip connection, which would need x. Codes
   must be in ascending order of latents: POLYSEM_BAD_LATENT otherwise. */
polysem_status polysem_decode(polysem_state* state, const polysem_codes* codes, polysem_out y);
/* Encode and decode, with the skip connection: y [positions, d_out]. */
polysem_status polysem_reconstruct(polysem_state* state, polysem_in x, polysem_out y);
/* What the coder does not explain: e = target - reconstruction. The target of an autoencoder is x, of a
   transcoder the output [positions, d_out] that it stands for. `e` may be the target's memory if both have
   the same strides. */
polysem_status polysem_error_term(polysem_state* state, polysem_in x, polysem_in target, polysem_out e);

/* ---- Edit ---- */

typedef enum polysem_edit_kind {
  POLYSEM_SET = 0,   /* f' = value */
  POLYSEM_SCALE = 1, /* f' = value * f */
  POLYSEM_ADD = 2,   /* f' = f + value, also where that is negative */
  POLYSEM_CAP = 3,   /* f' = min(f, value) */
  POLYSEM_FLOOR = 4, /* f' = max(f, value) */
  POLYSEM_ABLATE = 5 /* f' = 0 */
} polysem_edit_kind;
typedef struct polysem_edit {
  uint32_t latent;
  uint32_t kind; /* polysem_edit_kind */
  float value;   /* finite; ignored by POLYSEM_ABLATE */
} polysem_edit;

/* y += output_scale * sum (f' - f) W_dec: what the coder does not explain, and a skip connection, stay. For
   an autoencoder y is usually x itself, in place; for a transcoder it is the output that it stands for.
   Several edits of one latent are applied in their order. Where the edits change no activation, y keeps its
   bits. A position that is not finite keeps its y. */
polysem_status polysem_apply_edits(polysem_state* state, polysem_in x, const polysem_edit* edits,
                                   size_t count, polysem_out y);

/* ---- Monitor ---- */

typedef enum polysem_subject { POLYSEM_WATCH = 0, POLYSEM_RULE = 1, POLYSEM_PROBE = 2 } polysem_subject;
/* A watch, rule or probe has turned active. */
typedef struct polysem_hit {
  uint32_t position; /* of this call's input */
  uint16_t subject;  /* polysem_subject */
  uint16_t index;    /* into the config's watches, rules or probes */
  float value;       /* v of a watch, score of a probe, 1 of a rule */
} polysem_hit;

/* Looks at the positions of x in order: watches, then rules and probes. Writes the first `capacity` hits to
   `hits` (null if capacity is 0), and how many there were in all to `count`. Positions that are not finite
   change nothing but the counters. Always in fixed bits. */
polysem_status polysem_observe(polysem_state* state, polysem_in x, polysem_hit* hits, size_t capacity,
                               size_t* count);

/* What a watch, rule or probe has come to. */
typedef struct polysem_reading {
  float value;               /* as in polysem_hit; of a rule 0 or 1 */
  uint32_t active;           /* 1 or 0 */
  uint64_t hits;             /* how often it turned active */
  uint64_t active_positions; /* at how many positions it was active */
} polysem_reading;
polysem_status polysem_read(const polysem_state* state, polysem_subject subject, size_t index,
                            polysem_reading* reading);
/* Begins a new stream: values and counters as after polysem_state_init(). */
polysem_status polysem_reset(polysem_state* state);

#ifdef __cplusplus
}
#endif

#endif
