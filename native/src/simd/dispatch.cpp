// Chooses the instruction set, once, by the processor's features.
#include <cstring>
#include <vector>

#include "reduction/simd/kernels.hpp"

#if defined(REDUCTION_ARM) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace reduction {

extern const Kernels kPortable;
#if defined(REDUCTION_X86)
extern const Kernels kSSE2;
extern const Kernels kAVX2;
extern const Kernels kAVX512;
#elif defined(REDUCTION_ARM)
extern const Kernels kNEON;
extern const Kernels kNEONPMULL;
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

#elif defined(REDUCTION_ARM)

// All features that the flag +crypto allows. They are only known on Linux; elsewhere shifts replace PMULL.
bool has_crypto() {
#if defined(__linux__)
    constexpr unsigned long all = HWCAP_AES | HWCAP_PMULL | HWCAP_SHA1 | HWCAP_SHA2;
    return (getauxval(AT_HWCAP) & all) == all;
#else
    return false;
#endif
}

#endif

std::vector<const Kernels*> runnable() {
    std::vector<const Kernels*> sets;
#if defined(REDUCTION_X86)
    if (has_avx512()) sets.push_back(&kAVX512);
    if (has_avx2()) sets.push_back(&kAVX2);
    sets.push_back(&kSSE2);
#elif defined(REDUCTION_ARM)
    if (has_crypto()) sets.push_back(&kNEONPMULL);
    sets.push_back(&kNEON);
#endif
    sets.push_back(&kPortable);
    return sets;
}

}  // namespace

std::span<const Kernels* const> available_kernels() {
    static const std::vector<const Kernels*> sets = runnable();
    return sets;
}

const Kernels& best_kernels() { return *available_kernels().front(); }

const Kernels* kernels_named(const char* name) {
    for (const Kernels* const set : available_kernels()) {
        if (std::strcmp(set->name, name) == 0) return set;
    }
    return nullptr;
}

}  // namespace reduction
