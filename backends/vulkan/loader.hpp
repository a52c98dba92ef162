#pragma once

// Before volk: gives its symbols names of our own.
#include <volk_names.h>
//
#include <volk.h>

#include "polysem/backend.hpp"

namespace polysem::vulkan {

/// Opens the Vulkan loader once; no with the reason where there is none.
const Support& loader();

/// Fills the functions that take an instance. Once for the process: the loader's entry points serve every
/// instance.
void load_instance(VkInstance instance);

/// Whether the process ends and drivers may have been taken down, before the last of our objects: one in a
/// static variable must not call them any more.
bool drivers_are_gone() noexcept;

}  // namespace polysem::vulkan
