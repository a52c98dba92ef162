#include "lib/host/hook_list.hpp"

#include <algorithm>

#include "polysem/error.hpp"

namespace polysem {

namespace {

void copy(Executor& executor, const Tensor& from, const Tensor& to) {
  executor.run(Elementwise{.rows = from.rows, .cols = from.cols}, {.a = from, .b = {}, .out = to});
}

}  // namespace

HookList::HookList(std::span<const Hook> hooks, const LlamaShape& shape) : hooks_(hooks) {
  for (const Hook& hook : hooks) {
    if (hook.site.block < 0 || hook.site.block >= shape.blocks || !hook.callback)
      throw Error(ErrorCode::kInvalidArgument, "hook at " + hook.site.name() + ": the model has " +
                                                   std::to_string(shape.blocks) +
                                                   " blocks, and a hook needs a callback");
    last_ = last_ ? std::max(*last_, hook.site) : hook.site;
  }
}

bool HookList::wants(const Site& site) const {
  return std::any_of(hooks_.begin(), hooks_.end(), [&](const Hook& hook) { return hook.site == site; });
}

void HookList::visit(Executor& executor, const Site& site, const Tensor& activations) const {
  if (!wants(site)) return;
  Array converted;
  if (activations.dtype != DType::kF32) {
    converted = executor.make(activations.rows, activations.cols);
    copy(executor, activations, converted);
  }
  const Tensor& shown = converted ? converted.view() : activations;
  for (const Hook& hook : hooks_)
    if (hook.site == site) hook.callback(executor, shown);
  if (converted) copy(executor, converted, activations);
}

}  // namespace polysem
