// Any bytes may be a file with splits of any size; whenever the results fit together, they make up the file.
#include <cstddef>
#include <cstdint>
#include <string>

#include "../tests/split_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::uint64_t split_size = 1 + data[0];
    const split_file::TemporaryFile file(std::string(reinterpret_cast<const char*>(data + 1), size - 1));
    split_file::agrees(file, split_size, reduction::best_kernels());
    return 0;
}
