#include "polysem/core.h"

const char* polysem_status_text(polysem_status status) {
  switch (status) {
    case POLYSEM_OK:
      return "no error";
    case POLYSEM_BAD_ARGUMENT:
      return "an argument is null, not finite or out of range";
    case POLYSEM_BUFFER_TOO_SMALL:
      return "a buffer is too small";
    case POLYSEM_BAD_ALIGNMENT:
      return "memory must begin at a multiple of 64 bytes";
    case POLYSEM_BAD_LATENT:
      return "the model has no latent of this number, or codes are not in ascending order";
    case POLYSEM_BAD_WATCH:
      return "a rule or probe names a watch that there is not, or off lies above on";
    case POLYSEM_TRUNCATED:
      return "the model file is shorter than it says";
    case POLYSEM_NOT_A_MODEL:
      return "not a .polysem model file";
    case POLYSEM_UNSUPPORTED_VERSION:
      return "the model file was written by a later version";
    case POLYSEM_UNSUPPORTED_DTYPE:
      return "the model file has a number format or an activation that is not known";
    case POLYSEM_BAD_CHECKSUM:
      return "the model file is damaged: a checksum does not hold";
    case POLYSEM_BAD_LAYOUT:
      return "the model file is damaged: its sections do not fit its shape";
    case POLYSEM_BAD_VALUE:
      return "the model file holds a number that is not finite or must not be negative";
    case POLYSEM_BIG_ENDIAN:
      return "model files are read in place and need a little-endian machine";
    case POLYSEM_NON_FINITE:
      return "an activation holds NaN or infinity; its position was skipped";
  }
  return "unknown status";
}
