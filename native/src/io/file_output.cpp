#include "reduction/io/file_output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "reduction/io/crc32.hpp"

namespace reduction {

namespace {

// Small writes: larger ones got larger pages, which took longer (docs/performance-notes.md).
constexpr std::size_t kAtOnce = 1 << 16;
constexpr std::uint64_t kWriteBack = 8 << 20;

}  // namespace

FileOutput::FileOutput(int descriptor, std::uint32_t crc32)
    : descriptor_(descriptor), crc32_(crc32), start_(::lseek(descriptor, 0, SEEK_CUR)) {}

void FileOutput::write(std::string_view data) {
    while (!data.empty()) {
        const std::string_view chunk = data.substr(0, kAtOnce);
        const ssize_t written = ::write(descriptor_, chunk.data(), chunk.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            throw std::system_error(errno, std::generic_category());
        }
        const auto size = static_cast<std::size_t>(written);
        crc32_ = reduction::crc32(crc32_, chunk.data(), size);
        bytes_ += size;
        data.remove_prefix(size);
    }
    if (bytes_ - begun_ >= kWriteBack) write_back_early();
}

// Leaves little work for the final flush to disk. Errors are ignored here: the flush reports them.
void FileOutput::write_back_early() {
#if defined(SYNC_FILE_RANGE_WRITE)
    if (start_ < 0) return;
    const auto from = start_ + static_cast<std::int64_t>(begun_);
    (void)::sync_file_range(descriptor_, from, static_cast<std::int64_t>(bytes_ - begun_), SYNC_FILE_RANGE_WRITE);
#endif
    begun_ = bytes_;
}

}  // namespace reduction
