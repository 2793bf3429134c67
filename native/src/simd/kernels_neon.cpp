// For every 64-bit ARM processor (little endian).
#include <arm_neon.h>
#define REDUCTION_ISA neon
#define REDUCTION_HAS_NEON
#include "kernels.inl"
#include "log_lines.inl"

namespace reduction {
extern const Kernels kNEON;
const Kernels kNEON{"neon", neon::structure, neon::find_keys, neon::find_even_rows, neon::parse_ipv4, neon::kLogs};
}  // namespace reduction
