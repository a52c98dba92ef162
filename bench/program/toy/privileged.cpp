// polysem toy privileged: a ReLU hidden layer makes neurons a basis (Elhage et al. 2022).
#include "bench/program/toy/experiments.hpp"
#include "bench/program/toy/neuron_study.hpp"
#include "bench/program/toy/options.hpp"

namespace polysem::program::toy {

namespace {

Outcome run(const Arguments& a, Session& session) {
  const ToySize size = size_of(a);
  NeuronStudy study;
  study.config = {.features = size.features, .dims = size.dims};
  study.config.relu_hidden = true;
  study.importance = a.number("importance", 1e-3, 1);
  study.label = "training";
  return run_neuron_study(a, session, study);
}

const Command& command() {
  static const Command only = {
      .name = "toy privileged",
      .summary = "ReLU in the hidden layer: neurons turn from monosemantic to polysemantic",
      .positional = "",
      .details =
          "x' = ReLU(W^T ReLU(W x) + b), feature i of importance DECAY^i; the best of many instances at each "
          "density. A neuron is polysemantic where a second feature has more than 0.2 of its largest weight; "
          "negative weights only silence it. Dense features align with neurons, one each; sparse ones share "
          "neurons. With --quick at least three neurons of five are monosemantic at density 1, and none at "
          "0.01.",
      .example = "polysem toy privileged --out privileged",
      .options = joined(
          {
              {.name = "features", .value_name = "N", .value = "10", .help = "features"},
              {.name = "dims", .value_name = "M", .value = "5", .help = "hidden neurons"},
              {.name = "importance",
               .value_name = "DECAY",
               .value = "0.75",
               .help = "feature i counts DECAY^i"},
              {.name = "density",
               .value_name = "P",
               .value = "1,0.5,0.3,0.2,0.1,0.05,0.03,0.01",
               .help = "probability that a feature is active",
               .list = true,
               .quick = "1,0.1,0.01"},
              {.name = "instances",
               .value_name = "K",
               .value = "1000",
               .help = "instances, the best of which counts",
               .quick = "40"},
              {.name = "samples",
               .value_name = "N",
               .value = "50000",
               .help = "samples of a loss",
               .quick = "10000"},
          },
          training_options(
              {.steps = "4000", .quick_steps = "2000", .lr = "1e-2", .decay = "0.5", .weight_decay = "0"})),
      .run = [](const Arguments& a) { return run_experiment(a, kSchema, run); },
  };
  return only;
}

}  // namespace

const Experiment& privileged() {
  static const Experiment only = {&command(), "Neurons as a privileged basis",
                                  "With ReLU in the hidden layer directions of neurons are special. Dense "
                                  "features align with them, one each; "
                                  "sparse features are packed several to a neuron.",
                                  run};
  return only;
}

}  // namespace polysem::program::toy
