#pragma once

#include <span>

#include "bench/program/experiment.hpp"

/// The experiments of `polysem incidental`, each in a file of its own, in the order of the overview: Lecomte,
/// Thaman, Schaeffer, Bashkansky, Chow and Koyejo 2023, "What Causes Polysemanticity?", arXiv 2312.03096.
namespace polysem::program::incidental {

inline constexpr const char* kSchema = "polysem.incidental/1";

const Experiment& collisions();
const Experiment& sparsity();
const Experiment& noise();
const Experiment& regularization();
const Experiment& initialization();
const Experiment& tradeoff();

std::span<const Experiment* const> experiments();

}  // namespace polysem::program::incidental
