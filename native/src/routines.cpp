// Chooses the instruction set once, by what the processor says of itself.
#include "reduction/routines.hpp"

#include <cstring>

namespace reduction {

extern const Routines kPortable;
#if defined(REDUCTION_X86)
extern const Routines kAVX2;
extern const Routines kAVX512;
#endif

namespace {

#if defined(REDUCTION_X86)
bool has_avx2() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("pclmul");
}

bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("avx512vnni");
}
#endif

const Routines& best() {
#if defined(REDUCTION_X86)
    if (has_avx512()) return kAVX512;
    if (has_avx2()) return kAVX2;
#endif
    return kPortable;
}

}  // namespace

const Routines& routines() {
    static const Routines& chosen = best();
    return chosen;
}

const Routines* routines_named(const char* name) {
    if (std::strcmp(name, kPortable.name) == 0) return &kPortable;
#if defined(REDUCTION_X86)
    if (std::strcmp(name, kAVX2.name) == 0) return has_avx2() ? &kAVX2 : nullptr;
    if (std::strcmp(name, kAVX512.name) == 0) return has_avx512() ? &kAVX512 : nullptr;
#endif
    return nullptr;
}

}  // namespace reduction
