// For every x86-64 processor.
#include <emmintrin.h>
#define REDUCTION_ISA sse2
#define REDUCTION_HAS_SSE2
#include "kernels.inl"
#include "log_lines.inl"

namespace reduction {
extern const Kernels kSSE2;
const Kernels kSSE2{"sse2", sse2::structure, sse2::find_keys, sse2::find_even_rows, sse2::parse_ipv4, sse2::kLogs};
}  // namespace reduction
