#pragma once

#include <span>

#include "bench/program/experiment.hpp"

/// The experiments of `polysem toy`, each in a file of its own, in the order of the overview.
namespace polysem::program::toy {

inline constexpr const char* kSchema = "polysem.toy/1";

const Experiment& superposition();
const Experiment& phase();
const Experiment& geometry();
const Experiment& deform();
const Experiment& thomson();
const Experiment& correlation();
const Experiment& dynamics();
const Experiment& computation();
const Experiment& privileged();
const Experiment& adversarial();
const Experiment& memorization();
const Experiment& composition();

std::span<const Experiment* const> experiments();

/// All of them on one page; not an experiment itself.
const Command& gallery_command();

}  // namespace polysem::program::toy
