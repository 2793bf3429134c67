#include "reduction/io/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace reduction {

namespace {

bool begins_with(std::string_view head, std::string_view magic) { return head.substr(0, magic.size()) == magic; }

}  // namespace

// O_NONBLOCK: not to wait for the writer of a pipe in a file's place.
FileSource::FileSource(const FileEntry& entry)
    : descriptor_(::open(entry.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)),
      size_(entry.size),
      modified_ns_(entry.modified_ns) {}

FileSource::~FileSource() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

std::optional<std::uint64_t> FileSource::changed_size() const {
    struct stat status{};
    if (::fstat(descriptor_, &status) != 0) throw ReadError{errno};
    const std::int64_t modified = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    const auto size_now = static_cast<std::uint64_t>(status.st_size);
    if (S_ISREG(status.st_mode) && size_now == size_ && modified == modified_ns_) return std::nullopt;
    return size_now;
}

std::size_t FileSource::read_at(std::uint64_t at, std::uint8_t* to, std::size_t count) const {
    std::size_t got = 0;
    while (got < count) {
        const ssize_t more = ::pread(descriptor_, to + got, count - got, static_cast<off_t>(at + got));
        if (more < 0 && errno == EINTR) continue;
        if (more < 0) throw ReadError{errno};
        if (more == 0) break;
        got += static_cast<std::size_t>(more);
    }
    return got;
}

bool is_compressed(std::string_view head) {
    using namespace std::string_view_literals;
    if (begins_with(head, "\x1f\x8b\x08"sv) || begins_with(head, "\x28\xb5\x2f\xfd"sv)) return true;
    if (begins_with(head,
                    "\xfd"
                    "7zXZ\0"sv))
        return true;
    return head.size() >= 10 && begins_with(head, "BZh"sv) && head[3] >= '1' && head[3] <= '9' &&
           head.substr(4, 6) == "1AY&SY"sv;
}

// UTF-32 first: the mark of UTF-16 LE is the beginning of its own.
std::uint64_t wide_encoding(std::string_view head) {
    using namespace std::string_view_literals;
    if (begins_with(head, "\xff\xfe\0\0"sv) || begins_with(head, "\0\0\xfe\xff"sv)) return 32;
    if (begins_with(head, "\xff\xfe"sv) || begins_with(head, "\xfe\xff"sv)) return 16;
    return 0;
}

std::size_t mark_length(std::string_view head) { return begins_with(head, "\xef\xbb\xbf") ? 3 : 0; }

}  // namespace reduction
