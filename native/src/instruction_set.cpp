#include "reduction/instruction_set.hpp"

#include "reduction/newlines.hpp"

namespace reduction {

// One check for each compiler flag that CMakeLists.txt gives to the files of a set.
bool can_run(InstructionSet set) noexcept {
    switch (set) {
        case InstructionSet::portable:
            return true;
#if defined(__x86_64__)
        case InstructionSet::avx2:
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                   __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
        case InstructionSet::avx512:
            return can_run(InstructionSet::avx2) && __builtin_cpu_supports("avx512f") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vl");
#elif defined(__aarch64__)
        case InstructionSet::neon:
            return true;
#endif
        default:
            return false;
    }
}

InstructionSet instruction_set() noexcept {
    static const InstructionSet best = [] {
        for (const auto set : {InstructionSet::avx512, InstructionSet::avx2, InstructionSet::neon}) {
            if (can_run(set)) {
                return set;
            }
        }
        return InstructionSet::portable;
    }();
    return best;
}

std::string_view name_of(InstructionSet set) noexcept {
    switch (set) {
        case InstructionSet::neon:
            return "NEON";
        case InstructionSet::avx2:
            return "AVX2";
        case InstructionSet::avx512:
            return "AVX-512";
        case InstructionSet::portable:
            break;
    }
    return "portable";
}

std::uint64_t newlines(const unsigned char* block) noexcept {
    switch (instruction_set()) {
#if defined(__x86_64__)
        case InstructionSet::avx512:
            return newlines_avx512(block);
        case InstructionSet::avx2:
            return newlines_avx2(block);
#elif defined(__aarch64__)
        case InstructionSet::neon:
            return newlines_neon(block);
#endif
        default:
            return newlines_portable(block);
    }
}

}  // namespace reduction
