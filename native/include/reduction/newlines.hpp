#pragma once

#include <cstddef>
#include <cstdint>

namespace reduction {

constexpr std::size_t block_size = 64;

// Bit i tells whether byte i of the block is a newline. Reads block_size bytes, wherever they start; cannot fail.
std::uint64_t newlines(const unsigned char* block) noexcept;

// The same on one set of instructions: call them only if can_run() says so.
std::uint64_t newlines_portable(const unsigned char* block) noexcept;
std::uint64_t newlines_neon(const unsigned char* block) noexcept;
std::uint64_t newlines_avx2(const unsigned char* block) noexcept;
std::uint64_t newlines_avx512(const unsigned char* block) noexcept;

}  // namespace reduction
