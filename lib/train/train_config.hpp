#pragma once

#include "lib/train/checkpoint.hpp"
#include "polysem/trainer.hpp"

namespace polysem {

/// Everything in a config that decides the bits of a run, by the option that sets it.
CheckpointText describe(const TrainConfig& config);

}  // namespace polysem
