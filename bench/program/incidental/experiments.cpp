#include "bench/program/incidental/experiments.hpp"

namespace polysem::program {

namespace incidental {

std::span<const Experiment* const> experiments() {
  static const Experiment* const list[] = {&collisions(),     &sparsity(),       &noise(),
                                           &regularization(), &initialization(), &tradeoff()};
  return list;
}

}  // namespace incidental

std::span<const Command* const> incidental_commands() {
  static const std::vector<const Command*> commands = [] {
    std::vector<const Command*> list;
    for (const Experiment* experiment : incidental::experiments()) list.push_back(experiment->command);
    return list;
  }();
  return commands;
}

}  // namespace polysem::program
