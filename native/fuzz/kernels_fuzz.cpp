// Any bytes may come as a slice or a key: every instruction set that runs here says what the reference twin says.
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
