// Bytes that were listed some time ago and are read at any place: a file of the disk, open, with a look at what it is and
// whether it changed; or whatever else has the same two answers.
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

// The bytes of one listed thing.
class ListedBytes {
public:
    ListedBytes() = default;
    ListedBytes(const ListedBytes&) = delete;
    ListedBytes& operator=(const ListedBytes&) = delete;
    virtual ~ListedBytes() = default;

    // How many there are now, if they are no longer what was listed. Throws NotReadable.
    virtual std::optional<std::uint64_t> changed_size() const = 0;

    // Reads `count` bytes at `at`, or fewer if they end there; returns how many. Throws NotReadable.
    virtual std::size_t read_at(std::uint64_t at, std::uint8_t* to, std::size_t count) const = 0;
};

class ListedFile final : public ListedBytes {
public:
    explicit ListedFile(const Listed& listed);
    ~ListedFile() override;

    bool is_open() const { return descriptor_ >= 0; }
    int descriptor() const { return descriptor_; }

    std::optional<std::uint64_t> changed_size() const override;
    std::size_t read_at(std::uint64_t at, std::uint8_t* to, std::size_t count) const override;

private:
    int descriptor_;
    std::uint64_t size_;
    std::int64_t modified_ns_;
};

// What the first bytes of a file tell, kHead of them or all there are: the same marks as in src/reduction/runtime/magic.py.
constexpr std::size_t kHead = 16;
bool is_compressed(std::string_view head);
std::uint64_t wide_encoding(std::string_view head);  // 16 or 32 for UTF-16 or UTF-32, otherwise 0
std::size_t mark_length(std::string_view head);      // of the byte-order mark of UTF-8

}  // namespace reduction
