// Reads a file of the disk into a share: plain ones whole, without the interpreter.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "reduction/share.hpp"

namespace reduction {

enum class Opening : std::uint8_t {
    read,         // `books` says what became of it
    compressed,   // an archive: its bytes are to be fed decompressed
    changed,      // it is not what was listed; `number` is its size now
    not_opened,   // `number` is the errno
    not_readable, // `number` is the errno
    wide,         // UTF-16 or UTF-32; `number` is 16 or 32
};

struct FileOutcome {
    Opening opening = Opening::read;
    std::uint64_t number = 0;
    FileBooks books;
};

// Reads `path` of `environment`, listed with `size` bytes and modified at `modified_ns`; `progress` is told of bytes read,
// after each few MiB and at the end. Nothing of the file counts unless it was taken.
FileOutcome read_file(Share& share, const std::string& path, std::string_view environment, std::uint64_t size,
                      std::int64_t modified_ns, const std::function<void(std::uint64_t)>& progress);

}  // namespace reduction
