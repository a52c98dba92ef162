#include "bench/program/toy/experiments.hpp"

namespace polysem::program {

namespace toy {

std::span<const Experiment* const> experiments() {
  static const Experiment* const list[] = {&superposition(), &phase(),       &geometry(),     &deform(),
                                           &thomson(),       &correlation(), &dynamics(),     &computation(),
                                           &privileged(),    &adversarial(), &memorization(), &composition()};
  return list;
}

}  // namespace toy

std::span<const Command* const> toy_commands() {
  static const std::vector<const Command*> commands = [] {
    std::vector<const Command*> list;
    for (const Experiment* experiment : toy::experiments()) list.push_back(experiment->command);
    list.push_back(&toy::gallery_command());
    return list;
  }();
  return commands;
}

}  // namespace polysem::program
