#pragma once

#include <string_view>

namespace reduction {

// Sets of instructions that parts of the kernel are compiled for, the best one last.
enum class InstructionSet { portable, neon, avx2, avx512 };

// Whether this build has code for `set` and this processor, under this operating system, can run it.
bool can_run(InstructionSet set) noexcept;

// The best one that can run; the same during the life of the process.
InstructionSet instruction_set() noexcept;

// As people write it: "AVX-512".
std::string_view name_of(InstructionSet set) noexcept;

}  // namespace reduction
