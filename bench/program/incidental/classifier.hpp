#pragma once

#include "bench/program/incidental/seeds.hpp"
#include "polysem/fashion_mnist.hpp"

namespace polysem::program::incidental {

/// A small classifier of images (SmallClassifier) with one regulariser at one strength.
struct ClassifierPoint {
  std::string varied;  ///< "L1 of activations", "weight decay", "bipolar noise", "Gaussian noise"
  double strength = 0;
  double l1 = 0, weight_decay = 0;
  TiedNoise noise = {};
  /// Over seeds, on the test images: accuracy, and of the neurons that are active at all the share that
  /// stands for two classes or more.
  Mean accuracy = {}, polysemantic = {}, live = {};
};

struct ClassifierRun {
  std::int64_t hidden = 64, steps = 2000, seeds = 3, batch = 256;
  double rate = 1e-3;
  std::uint64_t seed = 0;
};

void measure_classifiers(const Arguments& arguments, Session& session, const FashionMnist& images,
                         const ClassifierRun& run, std::vector<ClassifierPoint>& points);

}  // namespace polysem::program::incidental
