// Appends to an open file, counts the bytes and their CRC-32, and starts writing to disk early.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace reduction {

class FileOutput {
public:
    // Appends at the current position of `descriptor`, which the caller closes. `crc32` is that of the existing bytes.
    FileOutput(int descriptor, std::uint32_t crc32);

    // Throws std::system_error; some of `data` may have been written then.
    void write(std::string_view data);

    std::uint64_t bytes() const { return bytes_; }  // appended
    std::uint32_t crc32() const { return crc32_; }  // of all bytes of the file

private:
    void write_back_early();

    int descriptor_;
    std::uint32_t crc32_;
    std::int64_t start_;  // position in the file; -1 if it has none (a pipe)
    std::uint64_t bytes_ = 0;
    std::uint64_t begun_ = 0;  // bytes whose writing to disk was started
};

}  // namespace reduction
