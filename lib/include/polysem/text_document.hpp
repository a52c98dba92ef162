#pragma once

#include <string>

namespace polysem {

/// One text and where it came from.
struct TextDocument {
  std::string name;    ///< decides the split; for files the path below the folder that was given
  std::string source;  ///< the file, or what a .jsonl line says
  std::string label;   ///< the folder's name, or what a .jsonl line says
  std::string text;    ///< UTF-8; bytes of other 8-bit encodings pass through unchanged
};

}  // namespace polysem
