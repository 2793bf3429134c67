#include "reduction/file_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace reduction {

namespace {

constexpr std::uint64_t kProgressStep = 4 << 20;  // bytes
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

class Descriptor {
public:
    explicit Descriptor(const std::string& path)
        : number_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int number() const { return number_; }

private:
    int number_;
};

bool begins_with(std::string_view head, std::string_view magic) { return head.substr(0, magic.size()) == magic; }

// The same marks as in reduction/opening.py.
bool is_compressed(std::string_view head) {
    using namespace std::string_view_literals;
    if (begins_with(head, "\x1f\x8b\x08"sv) || begins_with(head, "\x28\xb5\x2f\xfd"sv)) return true;
    if (begins_with(head, "\xfd"
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

std::optional<FileOutcome> change(int descriptor, std::uint64_t size, std::int64_t modified_ns) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) return FileOutcome{Opening::not_readable, static_cast<std::uint64_t>(errno), {}};
    const std::int64_t modified = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    const auto size_now = static_cast<std::uint64_t>(status.st_size);
    if (S_ISREG(status.st_mode) && size_now == size && modified == modified_ns) return std::nullopt;
    return FileOutcome{Opening::changed, size_now, {}};
}

}  // namespace

FileOutcome read_file(Share& share, const std::string& path, std::string_view environment, std::uint64_t size,
                      std::int64_t modified_ns, const std::function<void(std::uint64_t)>& progress) {
    const Descriptor file(path);
    if (file.number() < 0) return {Opening::not_opened, static_cast<std::uint64_t>(errno), {}};
    if (auto changed = change(file.number(), size, modified_ns)) return std::move(*changed);
    share.begin(environment);
    FileOutcome outcome;
    std::uint64_t untold = 0;
    bool is_first = true;
    for (bool wants_more = true; wants_more;) {
        const std::span<std::uint8_t> room = share.room();
        const ssize_t count = ::read(file.number(), room.data(), room.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && share.settle()) break;
        if (count < 0) {
            outcome.opening = Opening::not_readable;
            outcome.number = static_cast<std::uint64_t>(errno);
            break;
        }
        if (count == 0) break;
        auto got = static_cast<std::size_t>(count);
        untold += got;
        if (is_first) {
            is_first = false;
            const std::string_view head(reinterpret_cast<const char*>(room.data()), got);
            if (is_compressed(head)) {
                outcome.opening = Opening::compressed;
                break;
            }
            if ((outcome.number = wide_encoding(head)) != 0) {
                outcome.opening = Opening::wide;
                break;
            }
            if (begins_with(head, kByteOrderMark)) {
                got -= kByteOrderMark.size();
                std::memmove(room.data(), room.data() + kByteOrderMark.size(), got);
            }
        }
        wants_more = share.take(got);
        if (untold >= kProgressStep) {
            progress(untold);
            untold = 0;
        }
    }
    if (outcome.opening == Opening::compressed) {
        share.abandon();
        return outcome;
    }
    if (untold > 0) progress(untold);
    if (auto changed = change(file.number(), size, modified_ns)) {
        share.abandon();
        return std::move(*changed);
    }
    if (outcome.opening != Opening::read) {
        share.abandon();
        return outcome;
    }
    outcome.books = share.end();
    return outcome;
}

}  // namespace reduction
