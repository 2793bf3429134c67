// For x86-64 processors with AVX2, BMI, POPCNT and PCLMUL.
#include <immintrin.h>
#define REDUCTION_ISA avx2
#define REDUCTION_HAS_AVX2
#include "kernels.inl"
#include "log_lines.inl"

namespace reduction {
extern const Kernels kAVX2;
const Kernels kAVX2{"avx2", avx2::structure, avx2::find_keys, avx2::find_even_rows, avx2::parse_ipv4, avx2::kLogs};
}  // namespace reduction
