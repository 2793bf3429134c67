// For 64-bit ARM processors (little endian) that multiply polynomials: nearly all servers.
#include <arm_neon.h>
#define REDUCTION_ISA neon_pmull
#define REDUCTION_HAS_NEON
#define REDUCTION_HAS_PMULL
#include "kernels.inl"
#include "log_lines.inl"

namespace reduction {
extern const Kernels kNEONPMULL;
const Kernels kNEONPMULL{"neon_pmull",           neon_pmull::structure,
                         neon_pmull::find_keys,  neon_pmull::find_even_rows,
                         neon_pmull::parse_ipv4, neon_pmull::kLogs};
}  // namespace reduction
