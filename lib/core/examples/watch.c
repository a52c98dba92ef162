/* Watches latent 4 of a coder: watch MODEL.polysem <ACTIVATIONS, vectors of f32 behind each other. */
#include <polysem/core.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* C99 has no aligned memory: the begin of the block, to free it, stands before what it returns. */
static void* aligned(size_t bytes) {
  char* block = malloc(bytes + 2 * POLYSEM_ALIGNMENT);
  if (block == NULL) exit(1);
  char* at = block + 2 * POLYSEM_ALIGNMENT - (uintptr_t)block % POLYSEM_ALIGNMENT;
  ((char**)(void*)at)[-1] = block;
  return at;
}
static void release(void* at) { free(((char**)at)[-1]); }

static void check(polysem_status status) {
  if (status == POLYSEM_OK) return;
  fprintf(stderr, "watch: %s\n", polysem_status_text(status));
  exit(1);
}

int main(int argc, char** argv) {
  FILE* file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  long size = 0;
  if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) return 1;
  rewind(file);
  void* bytes = aligned((size_t)size);
  if (fread(bytes, 1, (size_t)size, file) != (size_t)size || fclose(file) != 0) return 1;

  polysem_model model;
  check(polysem_open(bytes, (size_t)size, &model)); /* everything in the file is checked here */
  polysem_watch watch = {0, 0.5f, 0.25f, 1.0f};     /* on above 0.5, off at 0.25, no smoothing */
  check(polysem_find_latent(&model, 4, &watch.latent));
  polysem_config config = {0};
  config.watches = &watch, config.watch_count = 1;

  size_t state_size;
  polysem_state* state;
  check(polysem_state_size(&model, &config, &state_size));
  void* memory = aligned(state_size);
  check(polysem_state_init(&model, &config, memory, state_size, &state));

  float* x = aligned(model.d_in * sizeof *x); /* from here on nothing is allocated */
  for (unsigned position = 0; fread(x, sizeof *x, model.d_in, stdin) == model.d_in; ++position) {
    polysem_hit hit;
    size_t hits;
    polysem_status status = polysem_observe(state, polysem_one(x, model.d_in), &hit, 1, &hits);
    if (status == POLYSEM_NON_FINITE) continue; /* it counts those itself */
    check(status);
    if (hits > 0) printf("position %u: latent 4 at %.3f\n", position, hit.value);
  }
  polysem_reading reading;
  check(polysem_read(state, POLYSEM_WATCH, 0, &reading));
  printf("%lu hits, active at %lu positions\n", (unsigned long)reading.hits,
         (unsigned long)reading.active_positions);
  release(x), release(memory), release(bytes);
  return 0;
}
