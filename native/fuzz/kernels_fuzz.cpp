// Any bytes may come as a slice or a key: every instruction set that runs here says what the naive twin says.
#include "input.hpp"
#include "reference_kernels.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const std::size_t slice_words = 1 + input.byte() % 8;
    const std::string text = input.rest().substr(0, reduction::kWord * (reduction::kMostWords - 2));
    for (const reduction::Routines* const routines : reduction::runnable_routines()) {
        naive::compare(*routines, text, slice_words);
        naive::compare_quad(*routines, text.substr(0, 17));
    }
    return 0;
}
