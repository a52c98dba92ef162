#pragma once

#include <optional>

#include "polysem/text.hpp"

namespace polysem {

/// Yields documents one after another; the text may be empty.
class DocumentSource {
 public:
  virtual ~DocumentSource() = default;
  virtual std::optional<TextDocument> next() = 0;
};

}  // namespace polysem
