#pragma once

#include <filesystem>

namespace polysem {

/// Where the downloaded model and the prepared text live: $POLYSEM_CACHE, else $XDG_CACHE_HOME/polysem, else
/// ~/.cache/polysem. The folder need not exist. Throws Error (kFailed) where none of these is set.
std::filesystem::path cache_folder();

}  // namespace polysem
