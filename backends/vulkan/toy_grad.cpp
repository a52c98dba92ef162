#include "backends/vulkan/instance_parts.hpp"
#include "backends/vulkan/ops.hpp"

namespace polysem::vulkan {

namespace {

struct Push {  // as in toy.glsl
  std::uint32_t instances, features, dims, batch;
  std::uint32_t x_first, x_stride, w_first, w_stride, decoder_first, decoder_stride;
  std::uint32_t bias_first, bias_stride, importance_first, importance_stride;
  std::uint32_t hidden_first, hidden_grad_first, output_grad_first, losses_first;
  std::uint32_t loss_first, w_grad_first, w_grad_stride, decoder_grad_first, decoder_grad_stride;
  std::uint32_t bias_grad_first, bias_grad_stride;
  float scale;
};

std::int64_t step_of(const Device& device, const ToyGrad& op) {
  return instances_at_once(device, op.instances, std::max(op.dims, op.features) * op.batch);
}

/// What passes from one shader to the next, for as many instances as go at once.
struct Between {
  Tensor hidden, hidden_grad, output_grad, losses;
};

void record_part(const Scope& s, const ToyGrad& op, const ToyGrad::Operands& t, const Between& between) {
  static const std::size_t to_hidden = shader_index("toy_hidden"), to_output = shader_index("toy_output"),
                           back = shader_index("toy_back"), sums = shader_index("toy_sums");
  const View x = s.view(t.x), w = s.view(t.w), bias = s.view(t.bias), importance = s.view(t.importance);
  const View nothing, decoder = op.tied ? nothing : s.view(t.decoder), used = op.tied ? w : decoder;
  const View loss = s.view(t.loss), w_grad = s.view(t.w_grad), bias_grad = s.view(t.bias_grad),
             decoder_grad = op.tied ? nothing : s.view(t.decoder_grad);
  const View hidden = s.view(between.hidden), hidden_grad = s.view(between.hidden_grad),
             output_grad = s.view(between.output_grad), losses = s.view(between.losses);
  const Push push{u32(op.instances),
                  u32(op.features),
                  u32(op.dims),
                  u32(op.batch),
                  x.first,
                  x.stride,
                  w.first,
                  w.stride,
                  decoder.first,
                  decoder.stride,
                  bias.first,
                  bias.stride,
                  importance.first,
                  importance.stride,
                  hidden.first,
                  hidden_grad.first,
                  output_grad.first,
                  losses.first,
                  loss.first,
                  w_grad.first,
                  w_grad.stride,
                  decoder_grad.first,
                  decoder_grad.stride,
                  bias_grad.first,
                  bias_grad.stride,
                  op.scale};
  const Constants flags{op.tied, op.relu_hidden, op.relu_output, op.absolute_target};
  const Grid by_hidden = s.elements_grid(op.instances * op.dims * op.batch),
             by_output = s.elements_grid(op.instances * op.features * op.batch);
  s.recording.dispatch(to_hidden, flags, {{reads(x), reads(w), writes(hidden)}}, push, by_hidden);
  s.recording.dispatch(to_output, flags,
                       {{reads(x), reads(used), reads(bias), reads(importance), reads(hidden),
                         writes(output_grad), writes(losses)}},
                       push, by_output);
  s.recording.dispatch(back, flags, {{reads(used), reads(hidden), reads(output_grad), writes(hidden_grad)}},
                       push, by_hidden);
  const std::int64_t results = op.instances * (op.dims * op.features + op.features + 1);
  s.recording.dispatch(sums, flags,
                       {{reads(x), reads(hidden), reads(hidden_grad), reads(output_grad), reads(losses),
                         writes(loss), writes(w_grad), writes(decoder_grad), writes(bias_grad)}},
                       push, s.recording.rows_grid(static_cast<std::uint64_t>(results)));
}

}  // namespace

std::uint64_t workspace_of(const Device& device, const ToyGrad& op) {
  const std::int64_t step = step_of(device, op);
  return 2 * workspace_part(step * op.dims * op.batch) + 2 * workspace_part(step * op.features * op.batch);
}

Support limits_of(const Device& device, const ToyGrad& op) {
  if (const Support fits = instance_fits(device, std::max(op.dims, op.features), op.batch); !fits)
    return fits;
  return instance_fits(device, op.dims, op.features);
}

void record(const Scope& s, const ToyGrad& op, const ToyGrad::Operands& t) {
  const std::int64_t step = step_of(s.device, op);
  Between all;
  all.hidden = s.workspace.take(step * op.dims, op.batch);
  all.hidden_grad = s.workspace.take(step * op.dims, op.batch);
  all.output_grad = s.workspace.take(step * op.features, op.batch);
  all.losses = s.workspace.take(step * op.features, op.batch);
  for (std::int64_t i = 0; i < op.instances; i += step) {
    ToyGrad part = op;
    part.instances = std::min(step, op.instances - i);
    const auto of = [&](const Tensor& tensor, std::int64_t rows) {
      return tensor ? tensor.row_range(i * rows, part.instances * rows) : tensor;
    };
    record_part(s, part,
                {.x = of(t.x, op.features),
                 .w = of(t.w, op.dims),
                 .decoder = of(t.decoder, op.features),
                 .bias = of(t.bias, 1),
                 .importance = of(t.importance, 1),
                 .loss = t.loss.col_range(i, part.instances),
                 .w_grad = of(t.w_grad, op.dims),
                 .decoder_grad = of(t.decoder_grad, op.features),
                 .bias_grad = of(t.bias_grad, 1)},
                all);
  }
}

}  // namespace polysem::vulkan
