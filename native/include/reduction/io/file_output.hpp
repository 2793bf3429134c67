// Appends to an open file: counts bytes and their CRC-32, and lets the disk begin early.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace reduction {

class FileOutput {
public:
    // Appends at the present position of `descriptor`, which stays the caller's; `crc32` is that of what stands there.
    FileOutput(int descriptor, std::uint32_t crc32);

    // Throws std::system_error with the number of what went wrong; then some of `data` may have been written.
    void write(std::string_view data);

    std::uint64_t bytes() const { return bytes_; }  // that were appended
    std::uint32_t crc32() const { return crc32_; }  // of these and what stood there

private:
    void write_back_early();

    int descriptor_;
    std::uint32_t crc32_;
    std::int64_t start_;  // in the file; -1 if it has no positions (a pipe)
    std::uint64_t bytes_ = 0;
    std::uint64_t begun_ = 0;  // so many the disk was told to write
};

}  // namespace reduction
