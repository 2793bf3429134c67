#include <cstdint>
#include <cstdlib>

#include "reduction/newlines.hpp"

extern "C" __attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const std::uint8_t* bytes,
                                                                            std::size_t size) {
    for (; size >= reduction::block_size; bytes += reduction::block_size, size -= reduction::block_size) {
        if (reduction::newlines(bytes) != reduction::newlines_portable(bytes)) {
            std::abort();
        }
    }
    return 0;
}
