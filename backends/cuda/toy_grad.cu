#include "backends/cuda/instances.cuh"

namespace polysem::cuda {

namespace {

constexpr std::int64_t kTile = 4;  // dims or features whose sums a thread keeps at a time
constexpr std::int64_t kWarps = kThreads / kWarp;
constexpr std::int64_t kBlockFeatures = kWarps * kTile;  // of a block that decodes

__host__ __device__ std::int64_t parts_of(std::int64_t count, std::int64_t each) {
  return (count + each - 1) / each;
}

/// Strips of samples, a lane each.
__host__ __device__ std::int64_t strips_of(const ToyGrad& op) { return parts_of(op.batch, kWarp); }
/// Blocks that decode an instance.
__host__ __device__ std::int64_t decoding(const ToyGrad& op) {
  return parts_of(op.features, kBlockFeatures) * strips_of(op);
}
/// Blocks that sum over an instance's samples: one a tile of weights (of the bias alone where there are no
/// dims), and one for the loss.
__host__ __device__ std::int64_t summing(const ToyGrad& op) {
  const std::int64_t dims = parts_of(op.dims, kTile);
  return parts_of(op.features, kTile) * (dims > 0 ? dims : 1) + 1;
}

/// Between the kernels pass matrices without gaps: the hidden layer [instances dims, batch], its gradient,
/// the gradient of the output [instances features, batch], and the loss of each block that decodes.
struct Arguments {
  ToyGrad op;
  Rows x, w, decoder, bias, importance, w_grad, decoder_grad, bias_grad;
  Rows hidden, hidden_grad, output_grad;
  float* block_losses;
  float* loss;

  /// D[f, k].
  __device__ float decoder_at(std::int64_t instance, std::int64_t f, std::int64_t k) const {
    return op.tied ? w(instance * op.dims + k, f) : decoder(instance * op.features + f, k);
  }
};

// The hidden layer, or with `back` its gradient: a block some dims and a strip of samples. Each warp sums
// every eighth feature; the warps' sums are added in order.
template <bool back>
__global__ void __launch_bounds__(kThreads) toy_hidden_kernel(Arguments g) {
  __shared__ float parts[kWarps][kTile][kWarp];
  const ToyGrad& op = g.op;
  const std::int64_t strips = strips_of(op), groups = parts_of(op.dims, kTile);
  for (std::int64_t block = blockIdx.x; block < op.instances * groups * strips; block += gridDim.x) {
    const Place at = place_of(block, strips), place = place_of(at.row, groups);
    const std::int64_t s = at.col * kWarp + lane(), instance = place.row, first = place.col * kTile;
    const std::int64_t features = instance * op.features;
    float sums[kTile] = {};
    for (std::int64_t f = warp(); s < op.batch && f < op.features; f += kWarps) {
      const float right = back ? g.output_grad(features + f, s) : g.x(features + f, s);
#pragma unroll
      for (int i = 0; i < kTile; ++i) {
        if (first + i >= op.dims) continue;
        const float left =
            back ? g.decoder_at(instance, f, first + i) : g.w(instance * op.dims + first + i, f);
        sums[i] += left * right;
      }
    }
#pragma unroll
    for (int i = 0; i < kTile; ++i) parts[warp()][i][lane()] = sums[i];
    __syncthreads();
    const std::int64_t row = instance * op.dims + first + warp();
    if (warp() < kTile && first + warp() < op.dims && s < op.batch) {
      float sum = 0.0f;
      for (std::int64_t i = 0; i < kWarps; ++i) sum += parts[i][warp()][lane()];
      if (back) {
        g.hidden_grad(row, s) = op.relu_hidden && !(g.hidden(row, s) > 0.0f) ? 0.0f : sum;
      } else {
        g.hidden(row, s) = op.relu_hidden && !(sum > 0.0f) ? 0.0f * sum : sum;
      }
    }
    __syncthreads();
  }
}

// One element of the output: gives its loss, and writes its gradient. z is what goes into the rectifier.
__device__ float finish_output(const Arguments& g, std::int64_t instance, std::int64_t f, std::int64_t s,
                               float z) {
  const std::int64_t row = instance * g.op.features + f;
  const bool passes = !g.op.relu_output || z > 0.0f;
  const float x = g.x(row, s), weight = g.op.scale * g.importance(instance, f);
  const float error = (passes ? z : 0.0f * z) - (g.op.absolute_target ? fabsf(x) : x);
  g.output_grad(row, s) = passes ? 2.0f * weight * error : 0.0f;
  return weight * error * error;
}

// Gradient of the output and loss: a block a strip of samples, each of its warps some features.
__global__ void __launch_bounds__(kThreads) toy_output_kernel(Arguments g) {
  const ToyGrad& op = g.op;
  const std::int64_t strips = strips_of(op), each = decoding(op);
  for (std::int64_t block = blockIdx.x; block < op.instances * each; block += gridDim.x) {
    const Place at = place_of(block, each), place = place_of(at.col, strips);
    const std::int64_t instance = at.row, s = place.col * kWarp + lane();
    const std::int64_t first = place.row * kBlockFeatures + warp() * kTile;
    float loss = 0.0f;
    if (s < op.batch && first < op.features) {
      float z[kTile];
#pragma unroll
      for (int i = 0; i < kTile; ++i) z[i] = first + i < op.features ? g.bias(instance, first + i) : 0.0f;
      for (std::int64_t k = 0; k < op.dims; ++k) {
        const float hidden = g.hidden(instance * op.dims + k, s);
#pragma unroll
        for (int i = 0; i < kTile; ++i)
          if (first + i < op.features) z[i] += g.decoder_at(instance, first + i, k) * hidden;
      }
#pragma unroll
      for (int i = 0; i < kTile; ++i)
        if (first + i < op.features) loss += finish_output(g, instance, first + i, s, z[i]);
    }
    loss = block_sum(loss);
    if (threadIdx.x == 0) g.block_losses[block] = loss;
  }
}

/// Sums over samples of a tile of weights: of the uses of W in the encoder, of D, and of the bias.
struct TileSums {
  float encoder[kTile][kTile] = {}, decoder[kTile][kTile] = {}, bias[kTile] = {};

  __device__ void add(const Arguments& g, std::int64_t instance, std::int64_t k, std::int64_t f,
                      std::int64_t s) {
    float x[kTile], output_grad[kTile], hidden[kTile], hidden_grad[kTile];
#pragma unroll
    for (int i = 0; i < kTile; ++i) {
      const std::int64_t row = instance * g.op.features + f + i, dim = instance * g.op.dims + k + i;
      const bool feature = f + i < g.op.features, there = k + i < g.op.dims;
      x[i] = feature ? g.x(row, s) : 0.0f, output_grad[i] = feature ? g.output_grad(row, s) : 0.0f;
      hidden[i] = there ? g.hidden(dim, s) : 0.0f, hidden_grad[i] = there ? g.hidden_grad(dim, s) : 0.0f;
    }
#pragma unroll
    for (int j = 0; j < kTile; ++j) {
      bias[j] += output_grad[j];
#pragma unroll
      for (int i = 0; i < kTile; ++i) {
        encoder[i][j] += hidden_grad[i] * x[j];
        decoder[i][j] += hidden[i] * output_grad[j];
      }
    }
  }
};

// A block a tile of weights; the first dims' blocks do the bias too.
__device__ void sum_tile(const Arguments& g, std::int64_t instance, std::int64_t k, std::int64_t f) {
  constexpr unsigned kWeights = kTile * kTile;
  __shared__ float encoder[kWarps][kWeights], decoder[kWarps][kWeights], bias[kWarps][kTile];
  TileSums sums;
  for (std::int64_t s = threadIdx.x; s < g.op.batch; s += kThreads) sums.add(g, instance, k, f, s);
#pragma unroll
  for (int j = 0; j < kTile; ++j) {
    const float of_bias = warp_sum(sums.bias[j]);
    if (lane() == 0) bias[warp()][j] = of_bias;
#pragma unroll
    for (int i = 0; i < kTile; ++i) {
      const float of_encoder = warp_sum(sums.encoder[i][j]), of_decoder = warp_sum(sums.decoder[i][j]);
      if (lane() != 0) continue;
      encoder[warp()][i * kTile + j] = of_encoder, decoder[warp()][i * kTile + j] = of_decoder;
    }
  }
  __syncthreads();
  const auto total = [](const auto& list, unsigned i) {
    float sum = 0.0f;
    for (int of_warp = 0; of_warp < kWarps; ++of_warp) sum += list[of_warp][i];
    return sum;
  };
  const unsigned t = threadIdx.x;
  const std::int64_t dim = k + t / kTile, feature = f + t % kTile;
  if (t < kWeights && dim < g.op.dims && feature < g.op.features) {
    const float use = total(decoder, t), sum = total(encoder, t);
    g.w_grad(instance * g.op.dims + dim, feature) = g.op.tied ? sum + use : sum;
    if (!g.op.tied) g.decoder_grad(instance * g.op.features + feature, dim) = use;
  }
  if (k == 0 && t < kTile && feature < g.op.features) g.bias_grad(instance, feature) = total(bias, t);
  __syncthreads();
}

__global__ void __launch_bounds__(kThreads) toy_sums_kernel(Arguments g) {
  const std::int64_t each = summing(g.op), groups = parts_of(g.op.features, kTile), losses = decoding(g.op);
  for (std::int64_t block = blockIdx.x; block < g.op.instances * each; block += gridDim.x) {
    const Place at = place_of(block, each);
    if (at.col < each - 1) {
      const Place tile = place_of(at.col, groups);
      sum_tile(g, at.row, tile.row * kTile, tile.col * kTile);
      continue;
    }
    const float loss = block_sum_of(g.block_losses + at.row * losses, losses);
    if (threadIdx.x == 0) g.loss[at.row] = loss;
  }
}

std::int64_t step_of(const ToyGrad& op) {
  return instances_at_once(op.instances, std::max(op.dims, op.features) * op.batch);
}

void enqueue_part(const Scope& s, const ToyGrad& op, const ToyGrad::Operands& t, Arguments g) {
  g.op = op;
  g.x = Rows(t.x), g.w = Rows(t.w), g.decoder = Rows(t.decoder);
  g.bias = Rows(t.bias), g.importance = Rows(t.importance);
  g.w_grad = Rows(t.w_grad), g.decoder_grad = Rows(t.decoder_grad), g.bias_grad = Rows(t.bias_grad);
  g.loss = pointer_of<float>(t.loss);
  const dim3 hidden = blocks_for(op.instances * parts_of(op.dims, kTile) * strips_of(op));
  launch(s, toy_hidden_kernel<false>, hidden, kThreads, g);
  launch(s, toy_output_kernel, blocks_for(op.instances * decoding(op)), kThreads, g);
  launch(s, toy_hidden_kernel<true>, hidden, kThreads, g);
  launch(s, toy_sums_kernel, blocks_for(op.instances * summing(op)), kThreads, g);
}

}  // namespace

std::uint64_t workspace_of(const ToyGrad& op) {
  const std::int64_t step = step_of(op);
  return 2 * workspace_part(step * op.dims * op.batch * 4) +
         workspace_part(step * op.features * op.batch * 4) + workspace_part(step * decoding(op) * 4);
}

Support limits_of(const ToyGrad& op) {
  if (const Support fits = instance_fits(std::max(op.dims, op.features), op.batch); !fits) return fits;
  return instance_fits(op.dims, op.features);
}

void enqueue(const Scope& s, const ToyGrad& op, const ToyGrad::Operands& t) {
  const std::int64_t step = step_of(op);
  const auto between = [&](std::int64_t rows) {
    return Rows(s.workspace.take<float>(step * rows * op.batch), op.batch);
  };
  Arguments g{};
  g.hidden = between(op.dims), g.hidden_grad = between(op.dims), g.output_grad = between(op.features);
  g.block_losses = s.workspace.take<float>(step * decoding(op));
  each_part(op.instances, step, [&](std::int64_t first, std::int64_t count) {
    ToyGrad part = op;
    part.instances = count;
    enqueue_part(s, part,
                 {.x = part_of(t.x, op.features, first, count),
                  .w = part_of(t.w, op.dims, first, count),
                  .decoder = part_of(t.decoder, op.features, first, count),
                  .bias = part_of(t.bias, 1, first, count),
                  .importance = part_of(t.importance, 1, first, count),
                  .loss = t.loss.col_range(first, count),
                  .w_grad = part_of(t.w_grad, op.dims, first, count),
                  .decoder_grad = part_of(t.decoder_grad, op.features, first, count),
                  .bias_grad = part_of(t.bias_grad, 1, first, count)},
                 g);
  });
}

}  // namespace polysem::cuda
