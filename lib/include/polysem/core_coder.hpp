#pragma once

#include "polysem/coder_folder.hpp"
#include "polysem/core_file.hpp"

namespace polysem {

/// A trained coder as polysem::core takes it, decoder norms folded in. `source` becomes "MODEL SITE".
CoreCoder to_core(LoadedCoder coder);

/// The other way round. Throws Error{kBadInput} that begins with `origin`, the file, for what a SparseCoder
/// cannot be: Gated, a skip connection, scales.
LoadedCoder from_core(CoreCoder coder, const std::string& origin);

/// Whether a path is a .polysem file rather than a coder's folder: a regular file.
bool is_core_file(const std::filesystem::path& path);

/// Throws Error{kBadInput} where there is neither a file nor a folder.
void expect_coder(const std::filesystem::path& path);

/// A coder's folder, or a .polysem file with its weights as they were rounded.
CoreCoder load_core_coder(const std::filesystem::path& path);
/// The same as an open model: the file itself, or the folder's weights in f32.
CoreModel open_core_model(const std::filesystem::path& path);

}  // namespace polysem
