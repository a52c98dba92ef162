#pragma once

#include "bench/program/toy/neurons.hpp"
#include "bench/program/toy/trained.hpp"

namespace polysem::program::toy {

/// Models with a ReLU hidden layer, one (the best of some) for each density: what their neurons read.
struct NeuronStudy {
  ToyConfig config;       ///< without density and importance
  double importance = 1;  ///< feature i counts importance^i
  std::string label;
};

/// Trains with --density, --instances (of which the best counts), --samples and the training options.
Outcome run_neuron_study(const Arguments& arguments, Session& session, const NeuronStudy& study);

}  // namespace polysem::program::toy
