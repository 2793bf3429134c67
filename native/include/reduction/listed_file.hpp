// A file of the disk that was listed some time ago: open, with a look at what it is and whether it changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reduction {

// A system call failed; `number` is the errno.
struct NotReadable {
    int number;
};

// A file as it was listed: of `size` bytes, modified at `modified_ns`.
struct Listed {
    std::string path;
    std::string environment;
    std::uint64_t size;
    std::int64_t modified_ns;
};

class ListedFile {
public:
    explicit ListedFile(const Listed& listed);
    ListedFile(const ListedFile&) = delete;
    ListedFile& operator=(const ListedFile&) = delete;
    ~ListedFile();

    bool is_open() const { return descriptor_ >= 0; }
    int descriptor() const { return descriptor_; }

    // How many bytes it has now, if it is no longer what was listed. Throws NotReadable.
    std::optional<std::uint64_t> changed_size() const;

    // Reads `count` bytes at `at`, or fewer if the file ends there; returns how many. Throws NotReadable.
    std::size_t read_at(std::uint64_t at, std::uint8_t* to, std::size_t count) const;

private:
    int descriptor_;
    std::uint64_t size_;
    std::int64_t modified_ns_;
};

// What the first bytes of a file tell, kHead of them or all there are: the same marks as in reduction/opening.py.
constexpr std::size_t kHead = 16;
bool is_compressed(std::string_view head);
std::uint64_t wide_encoding(std::string_view head);  // 16 or 32 for UTF-16 or UTF-32, otherwise 0
std::size_t mark_length(std::string_view head);      // of the byte-order mark of UTF-8

}  // namespace reduction
