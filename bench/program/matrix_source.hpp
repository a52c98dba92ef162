#pragma once

#include <memory>
#include <string>

#include "polysem/row_source.hpp"

namespace polysem::program {

/// Rows of a store's folder, or of a matrix in a .npy, .npz (its only array, or "x") or .safetensors
/// (likewise) file.
std::unique_ptr<RowSource> open_rows(const std::string& path);

}  // namespace polysem::program
