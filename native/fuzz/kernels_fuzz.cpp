// Any bytes may be a slice or a key: every instruction set that runs here agrees with the reference implementation.
#include "input.hpp"
#include "reference_kernels.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const std::size_t slice_blocks = 1 + input.byte() % 8;
    const std::string text = input.rest().substr(0, reduction::kBlockBytes * (reduction::kMaxBlocks - 2));
    for (const reduction::Kernels* const kernels : reduction::available_kernels()) {
        reference::compare(*kernels, text, slice_blocks);
        reference::compare_ipv4(*kernels, text.substr(0, 17));
    }
    return 0;
}
