// For x86-64 processors with AVX-512 BW and VBMI2 (Ice Lake, Zen 4 and newer), AVX2, BMI, POPCNT and PCLMUL.
#include <immintrin.h>
#define REDUCTION_ISA avx512
#define REDUCTION_HAS_AVX512
#include "kernels.inl"
#include "log_lines.inl"

namespace reduction {
extern const Kernels kAVX512;
const Kernels kAVX512{"avx512",           avx512::structure, avx512::find_keys, avx512::find_even_rows,
                      avx512::parse_ipv4, avx512::kLogs};
}  // namespace reduction
