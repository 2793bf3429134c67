// Listed files, and other bytes that were listed, read at any position, with a check whether they changed since.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace reduction {

// A system call failed; `number` is the errno.
struct ReadError : std::exception {
    explicit ReadError(int error_number) : number(error_number) {}
    int number;
};

// A file as it was listed: `size` bytes, modified at `modified_ns`. Its rows go to `group` of the aggregator.
struct FileEntry {
    std::string path;
    std::size_t group;
    std::uint64_t size;
    std::int64_t modified_ns;
};

class RandomAccessSource {
public:
    RandomAccessSource() = default;
    RandomAccessSource(const RandomAccessSource&) = delete;
    RandomAccessSource& operator=(const RandomAccessSource&) = delete;
    virtual ~RandomAccessSource() = default;

    // The number of bytes there are now, if they are no longer what was listed. Throws ReadError.
    virtual std::optional<std::uint64_t> changed_size() const = 0;

    // Reads `count` bytes at `at`, or fewer if they end before that; returns how many. Throws ReadError.
    virtual std::size_t read_at(std::uint64_t at, std::uint8_t* to, std::size_t count) const = 0;
};

class FileSource final : public RandomAccessSource {
public:
    explicit FileSource(const FileEntry& entry);
    ~FileSource() override;

    bool is_open() const { return descriptor_ >= 0; }
    int descriptor() const { return descriptor_; }

    std::optional<std::uint64_t> changed_size() const override;
    std::size_t read_at(std::uint64_t at, std::uint8_t* to, std::size_t count) const override;

private:
    int descriptor_;
    std::uint64_t size_;
    std::int64_t modified_ns_;
};

// What the first bytes of a file mean; `head` are kHead of them, or all if there are fewer. runtime/magic.py has the
// same table.
constexpr std::size_t kHead = 16;
bool is_compressed(std::string_view head);
std::uint64_t wide_encoding(std::string_view head);  // 16 or 32 for UTF-16 or UTF-32, otherwise 0
std::size_t mark_length(std::string_view head);      // of the byte-order mark of UTF-8, 0 if there is none

}  // namespace reduction
