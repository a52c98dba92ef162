// The k largest of each row of pre-activations, a work group a row: exact, ties to the lowest latent, in ascending
// order of the latent. The k groups of neighbouring latents with the largest maxima hold the k largest; so the row is
// read once and the search runs over maxima, then over the members of the chosen groups.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "floats.glsl"

#define THREADS 64
layout(local_size_x = THREADS) in;
#include "scan.glsl"
layout(std430, binding = 0) readonly buffer H { float h[]; };
layout(std430, binding = 1) readonly buffer Scale { float scale[]; };
layout(std430, binding = 2) readonly buffer Candidates { uint candidates[]; };
layout(std430, binding = 3) writeonly buffer Values { float values[]; };
layout(std430, binding = 4) writeonly buffer Ids { uint ids[]; };
layout(std430, binding = 5) buffer Nonfinite { uint nonfinite[]; };
layout(push_constant) uniform Push {
  uint rows, n, k;
  uint h_first, h_stride, scale_first, candidates_first, values_first, ids_first, nonfinite_first;
  uint group, groups;  // latents in a group; number of groups, 0 to search all latents at once
  uint has_scale, has_candidates, has_nonfinite;
};

const uint kMostGroups = 2048, kMostChosen = 1024;
const uint kGroups = 0, kMembers = 1, kAll = 2;  // what is searched
shared uint maxima[kMostGroups];
shared uint chosen[kMostChosen];
shared uint histogram[256];
shared uint blocks[16];
shared uint prefix, wanted, bad;

uint latent_of(uint i) { return has_candidates != 0u ? candidates[candidates_first + i] : i; }

// Unsigned numbers in the order of the ranks; -0 and +0 are equal, NaN (of an infinite product with a scale) counts
// as minus infinity.
uint key_of(uint row, uint i) {
  float rank = h[row + i];
  if (has_scale != 0u) rank *= scale[scale_first + latent_of(i)];
  uint bits = floatBitsToUint(rank);
  if (bits == 0x80000000u) bits = 0u;
  if (is_nan(rank)) bits = 0xff800000u;
  return (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
}

uint member(uint what, uint i) { return what == kMembers ? chosen[i / group] * group + i % group : i; }

// Beyond the last latent lies what nothing is below.
uint key_at(uint what, uint row, uint i) {
  if (what == kGroups) return maxima[i];
  const uint at = member(what, i);
  return at < n ? key_of(row, at) : 0u;
}

// The k-th largest key, eight bits at a time; `wanted` becomes how many of those equal to it are taken.
void find_threshold(uint what, uint row, uint count) {
  const uint t = gl_LocalInvocationIndex;
  if (t == 0) {
    prefix = 0;
    wanted = k;
  }
  for (int shift = 24; shift >= 0; shift -= 8) {
    for (uint i = t; i < 256; i += THREADS) histogram[i] = 0;
    barrier();
    for (uint i = t; i < count; i += THREADS) {
      const uint key = key_at(what, row, i);
      if (shift == 24 || (key >> (shift + 8)) == prefix >> (shift + 8)) atomicAdd(histogram[(key >> shift) & 255u], 1u);
    }
    barrier();
    if (t < 16) {
      uint sum = 0;
      for (uint i = 0; i < 16; ++i) sum += histogram[t * 16 + i];
      blocks[t] = sum;
    }
    barrier();
    if (t == 0) {
      uint block = 15, digit = 15, left = wanted;
      while (block > 0 && blocks[block] < left) left -= blocks[block--];
      while (digit > 0 && histogram[block * 16 + digit] < left) left -= histogram[block * 16 + digit--];
      wanted = left;
      prefix |= (block * 16 + digit) << shift;
    }
    barrier();
  }
}

// Writes what is above the threshold, and the first `wanted` of those equal to it, in order. Each thread has a
// stretch of the list; two sums over threads tell it where to write.
void take(uint what, uint row, uint count, uint r) {
  const uint t = gl_LocalInvocationIndex, part = (count + THREADS - 1) / THREADS;
  const uint first = min(t * part, count), end = min(first + part, count), threshold = prefix, ties = wanted;
  uint above = 0, equal = 0, total;
  for (uint i = first; i < end; ++i) {
    const uint key = key_at(what, row, i);
    above += key > threshold ? 1 : 0;
    equal += key == threshold ? 1 : 0;
  }
  uint ties_before = group_scan(equal, total);
  uint place = group_scan(above + min(equal, ties - min(ties, ties_before)), total);
  for (uint i = first; i < end; ++i) {
    const uint key = key_at(what, row, i);
    if (key < threshold || key == threshold && ties_before++ >= ties || place >= k) continue;
    if (what == kGroups) {
      chosen[place++] = i;
    } else {
      const uint at = member(what, i);
      ids[ids_first + r * k + place] = latent_of(at);
      values[values_first + r * k + place++] = max(h[row + at], 0.0);
    }
  }
  barrier();
}

void main() {
  const uint r = group_number(), t = gl_LocalInvocationIndex;
  if (r >= rows) return;
  const uint row = h_first + r * h_stride;
  if (t == 0) bad = 0;
  barrier();
  bool finite = true;
  if (groups > 0) {
    for (uint q = t; q < groups; q += THREADS) {
      uint most = 0;
      for (uint i = q * group; i < min(q * group + group, n); ++i) {
        finite = finite && is_finite(h[row + i]);
        most = max(most, key_of(row, i));
      }
      maxima[q] = most;
    }
  } else {
    for (uint i = t; i < n; i += THREADS) finite = finite && is_finite(h[row + i]);
  }
  if (!finite) bad = 1;
  barrier();

  if (bad != 0u) {
    for (uint i = t; i < k; i += THREADS) {
      ids[ids_first + r * k + i] = latent_of(i);
      values[values_first + r * k + i] = 0.0;
    }
    if (t == 0 && has_nonfinite != 0u) atomicAdd(nonfinite[nonfinite_first], 1u);
    return;
  }
  if (groups > 0) {
    find_threshold(kGroups, row, groups);
    take(kGroups, row, groups, r);
    find_threshold(kMembers, row, k * group);
    take(kMembers, row, k * group, r);
  } else {
    find_threshold(kAll, row, n);
    take(kAll, row, n, r);
  }
}
