#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "polysem/coder_step.hpp"

namespace polysem {

/// Text of a checkpoint beside its arrays: configuration and counters by name.
using CheckpointText = std::map<std::string, std::string>;

/// Replaces the checkpoint at once: a crash leaves the old one. Refuses to save values that are not finite.
void write_checkpoint(Executor& executor, const std::filesystem::path& file, std::vector<NamedTensor> arrays,
                      const CheckpointText& text);

/// The text alone. Throws Error{kBadInput} where the file is no checkpoint, or where one bit of its text or
/// its arrays is not what was written.
CheckpointText read_checkpoint_text(const std::filesystem::path& file);

/// Arrays back to where they came from; every name, type and shape must match.
void read_checkpoint_arrays(Executor& executor, const std::filesystem::path& file,
                            const std::vector<NamedTensor>& arrays);

/// Throws Error{kBadInput} that names the first entry in which a checkpoint's text differs from `expected`.
void expect_same(const std::filesystem::path& file, const CheckpointText& found,
                 const CheckpointText& expected);

/// Exact text of a double, and back.
std::string exact(double value);
double exact_value(const std::filesystem::path& file, const CheckpointText& text, const std::string& key);
std::int64_t exact_integer(const std::filesystem::path& file, const CheckpointText& text,
                           const std::string& key);

}  // namespace polysem
