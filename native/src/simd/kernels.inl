// The loops of simd/kernels.hpp for one instruction set. The including file defines REDUCTION_ISA (a namespace) and
// includes its intrinsics first. It may define REDUCTION_HAS_AVX512, _AVX2, _SSE2, _NEON or _PMULL.

#include <cstddef>
#include <cstdint>

#include "reduction/simd/kernels.hpp"

namespace reduction::REDUCTION_ISA {

namespace {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

constexpr u64 kAll = ~u64{0};

inline std::size_t lowest(u64 bits) { return static_cast<std::size_t>(__builtin_ctzll(bits)); }
inline std::size_t ones(u64 bits) { return static_cast<std::size_t>(__builtin_popcountll(bits)); }

}  // namespace

}  // namespace reduction::REDUCTION_ISA

#include "csv_rows.inl"
#include "csv_structure.inl"
#include "ipv4.inl"
