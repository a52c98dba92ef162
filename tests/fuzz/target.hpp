#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// One file of this folder is one fuzzing target and defines the two functions below; driver.cpp makes a
// libFuzzer program of it (https://releases.llvm.org/14.0.0/docs/LibFuzzer.html).
namespace polysem::fuzz {

/// Reads one input. Returns or throws polysem::Error, whatever the bytes are; everything else is a finding.
void read_input(std::string_view bytes);

/// Valid inputs to start from, made by the project's own writers.
std::vector<std::string> seeds();

/// Ends the program in a way that libFuzzer reports: a property that must hold for every input does not.
[[noreturn]] void broken(std::string_view property);

/// A folder that goes away with the program, in memory where the system has one there.
const std::filesystem::path& scratch_folder();
/// Writes a file without ceremony.
void put(const std::filesystem::path& file, std::string_view bytes);
/// Reads a file that a seed was made in.
std::string get(const std::filesystem::path& file);

/// Several files in one input: they stand behind each other with kSeparator between. What is missing is
/// empty.
constexpr std::string_view kSeparator = "\n%%%\n";
std::vector<std::string_view> split(std::string_view bytes, std::size_t parts);

/// A safetensors file is two parts, its JSON header and its data, so that changing the header keeps its
/// length right.
std::string safetensors_of(std::string_view header, std::string_view data);
/// The inverse for a file that is whole: "HEADER<separator>DATA".
std::string safetensors_parts(std::string_view file);

}  // namespace polysem::fuzz
