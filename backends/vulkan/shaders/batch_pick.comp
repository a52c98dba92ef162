// One work group: the next eight bits of the key of the last entry that is kept, and how many of what begins so are
// kept. Without positive pre-activations nothing is: the key is above all there are.
#version 450

layout(local_size_x = 256) in;
layout(std430, binding = 0) readonly buffer Histograms { uint histograms[]; };  // [count, 256]
layout(std430, binding = 1) readonly buffer Before { uint before[]; };
layout(std430, binding = 2) writeonly buffer State { uint state[]; };
layout(push_constant) uniform Push { uint shift, count, histograms_first, before_first, state_first, total; };
shared uint bins[256];

void main() {
  const uint t = gl_LocalInvocationIndex;
  uint sum = 0;
  for (uint i = 0; i < count; ++i) sum += histograms[histograms_first + i * 256 + t];
  bins[t] = sum;
  barrier();
  if (t != 0) return;
  uint key = 0, left = 0;
  if (shift == 24u) {
    for (uint i = 0; i < 256 && left < total; ++i) left += min(bins[i], total - left);
    if (left == 0u) key = 0xffffffffu;
  } else {
    key = before[before_first];
    left = before[before_first + 1];
  }
  if (left > 0u) {
    uint digit = 255;
    while (digit > 0u && bins[digit] < left) left -= bins[digit--];
    key |= digit << shift;
  }
  state[state_first] = key;
  state[state_first + 1] = left;
}
