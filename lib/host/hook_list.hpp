#pragma once

#include <optional>
#include <span>

#include "polysem/language_model.hpp"

namespace polysem {

/// The hooks of one run, asked for site by site.
class HookList {
 public:
  /// Throws Error{kInvalidArgument} for a block that the model does not have.
  HookList(std::span<const Hook> hooks, const LlamaShape& shape);

  bool wants(const Site& site) const;
  /// The site furthest on; nothing where there is no hook.
  std::optional<Site> last() const { return last_; }
  /// Calls the site's hooks. They get f32: bf16 activations are converted for them and, as they may have been
  /// changed, converted back, which is exact for unchanged ones.
  void visit(Executor& executor, const Site& site, const Tensor& activations) const;

 private:
  std::span<const Hook> hooks_;
  std::optional<Site> last_;
};

}  // namespace polysem
