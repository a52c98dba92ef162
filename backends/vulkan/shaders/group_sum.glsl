// Sums over a work group of 64 threads, by a tree that is the same on every device.
shared float group_terms[64];

float group_sum(float term) {
  const uint t = gl_LocalInvocationIndex;
  group_terms[t] = term;
  barrier();
  for (uint step = 32; step > 0; step >>= 1) {
    if (t < step) group_terms[t] += group_terms[t + step];
    barrier();
  }
  const float sum = group_terms[0];
  barrier();
  return sum;
}
