// Any bytes may come as a file that is cut anywhere; whenever its pieces fit together, they make up the whole.
#include <cstddef>
#include <cstdint>
#include <string>

#include "../tests/split_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::uint64_t unit_size = 1 + data[0];
    const cut_file::TemporaryFile file(std::string(reinterpret_cast<const char*>(data + 1), size - 1));
    cut_file::agrees(file, unit_size, reduction::routines());
    return 0;
}
