// For every x86-64 processor.
#include <emmintrin.h>
#define REDUCTION_ISA sse2
#define REDUCTION_HAS_SSE2
#include "kernels.inl"
#include "log_lines.inl"

namespace reduction {
extern const Routines kSSE2;
const Routines kSSE2{"sse2", sse2::structure, sse2::find_keys, sse2::find_even_rows,
                     sse2::parse_quads, sse2::kLogs};
}  // namespace reduction
