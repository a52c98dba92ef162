// Exclusive sums over a work group of THREADS threads, a multiple of 16 that the shader defines.
shared uint scan_terms[THREADS];
shared uint scan_blocks[THREADS / 16];

// The sum of what lower threads gave; `total` is that of all.
uint group_scan(uint term, out uint total) {
  const uint t = gl_LocalInvocationIndex;
  scan_terms[t] = term;
  barrier();
  if (t < THREADS / 16) {
    uint sum = 0;
    for (uint i = 0; i < 16; ++i) sum += scan_terms[t * 16 + i];
    scan_blocks[t] = sum;
  }
  barrier();
  uint before = 0;
  total = 0;
  for (uint i = 0; i < THREADS / 16; ++i) {
    if (i == t / 16) before = total;
    total += scan_blocks[i];
  }
  for (uint i = t / 16 * 16; i < t; ++i) before += scan_terms[i];
  barrier();
  return before;
}
