#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "polysem/text_document.hpp"

namespace polysem {

/// Which documents: all, those to train on, or the tenth that is held out of training.
enum class TextSplit : std::uint8_t { kAll, kTrain, kHeldOut };

/// "all", "train", "heldout".
std::string_view name(TextSplit split) noexcept;
/// Inverse of name(); throws Error (kInvalidArgument).
TextSplit text_split(std::string_view name);

/// Whether a document belongs to the held-out tenth: the first eight bytes of SHA-256 of its name, taken as a
/// big-endian number, are divisible by ten. Stable across machines and when other documents come or go.
bool is_held_out(std::string_view document_name);

/// What a TextReader has seen so far.
struct TextCounts {
  std::uint64_t documents = 0;       ///< delivered
  std::uint64_t bytes = 0;           ///< of their texts, as UTF-8
  std::uint64_t other_split = 0;     ///< documents left to the other side of the split
  std::uint64_t skipped_binary = 0;  ///< files in folders that hold NUL bytes and so are no text
};

/// Reads documents one after another, so that a corpus may be larger than memory. Each path is one of
///   - `debian`: the set that datasets/text/prepare.py leaves in the cache (`./debian` is a folder of yours);
///   - a .jsonl file: objects with `text`, optionally `name`, `source`, `label`, one a line of at most 64
///   MiB;
///   - any other file: one document, in UTF-8, UTF-16 with a byte-order mark, or any 8-bit encoding;
///   - a folder: its files, sorted, folders within it too; hidden and binary ones are left out;
///   - `-`: standard input.
/// A file of more than 1 MiB is taken as a corpus and cut at line ends into documents of up to 64 KiB, named
/// FILE#1, FILE#2, ..., so that it can be split and streamed.
class TextReader {
 public:
  /// Throws Error (kBadInput) for a path that does not exist.
  explicit TextReader(std::vector<std::string> paths, TextSplit split = TextSplit::kAll);
  ~TextReader();
  TextReader(TextReader&&) noexcept;
  TextReader& operator=(TextReader&&) noexcept;

  /// The next document that is not empty, or nothing at the end. Throws Error (kBadInput) with file and line
  /// for damaged input, and where all paths together hold not one document of the split.
  std::optional<TextDocument> next();

  const TextCounts& counts() const noexcept;
  /// Identity of the text that was read: SHA-256, in hexadecimal, over name and text of each document, each
  /// preceded by its length in bytes as 8 bytes, little-endian. Ends the reading.
  std::string sha256();

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace polysem
