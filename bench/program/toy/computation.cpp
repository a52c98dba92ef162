// polysem toy computation: absolute values of more numbers than there are neurons for (Elhage et al. 2022).
#include "bench/program/toy/experiments.hpp"
#include "bench/program/toy/neuron_study.hpp"
#include "bench/program/toy/options.hpp"

namespace polysem::program::toy {

namespace {

Outcome run(const Arguments& a, Session& session) {
  const ToySize size{a.integer("features", 1, 1 << 20), a.integer("neurons", 1, 1 << 16)};
  NeuronStudy study;
  study.config = {.features = size.features, .dims = size.dims};
  study.config.symmetric = study.config.absolute_target = study.config.relu_hidden = true;
  study.config.tied = false;
  study.importance = a.number("importance", 1e-3, 1);
  study.label = "training";
  return run_neuron_study(a, session, study);
}

const Command& command() {
  static const Command only = {
      .name = "toy computation",
      .summary = "absolute values computed in superposition",
      .positional = "",
      .details =
          "y = ReLU(W2 ReLU(W1 x) + b) is to be |x|, x in [-1, 1], feature i of importance DECAY^i. A neuron "
          "is "
          "polysemantic where a second feature has more than 0.2 of its largest weight. Dense features get "
          "neurons "
          "of their own, two each; sparse ones share them. With --quick 30 features and 12 neurons, of which "
          "at most "
          "a quarter is polysemantic at density 1, and at least three quarters at 0.003.",
      .example = "polysem toy computation --out computation",
      .options = joined(
          {
              {.name = "features", .value_name = "N", .value = "100", .help = "numbers", .quick = "30"},
              {.name = "neurons", .value_name = "M", .value = "40", .help = "hidden neurons", .quick = "12"},
              {.name = "importance",
               .value_name = "DECAY",
               .value = "0.8",
               .help = "feature i counts DECAY^i"},
              {.name = "density",
               .value_name = "P",
               .value = "1,0.3,0.1,0.03,0.01,0.003,0.001",
               .help = "probability that a number is not 0",
               .list = true,
               .quick = "1,0.1,0.003"},
              {.name = "instances",
               .value_name = "K",
               .value = "5",
               .help = "instances, the best of which counts",
               .quick = "3"},
              {.name = "samples",
               .value_name = "N",
               .value = "20000",
               .help = "samples of a loss",
               .quick = "5000"},
          },
          training_options({.steps = "20000",
                            .quick_steps = "5000",
                            .lr = "1e-3",
                            .quick_lr = "3e-3",
                            .decay = "0.3",
                            .weight_decay = "0"})),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& computation() {
  static const Experiment only = {
      &command(), "Computing in superposition",
      "A network computes absolute values of more numbers than it has neurons for. Dense numbers: every "
      "neuron reads "
      "one. Sparse numbers: neurons read several, and more of the numbers are computed.",
      run};
  return only;
}

}  // namespace polysem::program::toy
