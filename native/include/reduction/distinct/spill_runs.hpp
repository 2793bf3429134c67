// Sorted rows that memory had no room for: runs in temporary files, merged when they are wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <system_error>
#include <vector>

#include "reduction/io/file_output.hpp"
#include "reduction/merge/packed_rows.hpp"

namespace reduction {

// A temporary file can't be written, or does not give back what was written.
struct SpillFailed : std::system_error {
    using std::system_error::system_error;
};

// Returns the descriptor of a new, empty file for writing and reading, which it becomes the caller's to close.
using NewFile = std::function<int()>;

// Rows in a temporary file: first those of IPv4, then those of IPv6. All functions throw SpillFailed.
class DiskRun {
public:
    explicit DiskRun(int descriptor) : descriptor_(descriptor) {}
    DiskRun(DiskRun&& other) noexcept;
    DiskRun& operator=(DiskRun&&) = delete;
    ~DiskRun();

    // Rows come in their order.
    void append(const std::vector<FourRow>& rows);
    void append(const std::vector<SixRow>& rows);
    void end();  // no more come

    // The rows of one kind: where they begin and end in the file, and the CRC-32 of the file up to there.
    struct Section {
        std::uint64_t from = 0;
        std::uint64_t to = 0;
        std::uint32_t crc32_from = 0;
        std::uint32_t crc32_to = 0;
    };
    const Section& section(FourRow) const { return fours_; }
    const Section& section(const SixRow&) const { return sixes_; }

    void read(std::uint64_t at, void* to, std::size_t size) const;

private:
    void write(const void* data, std::size_t size);

    int descriptor_;
    std::optional<FileOutput> output_;  // while rows come
    Section fours_, sixes_;
};

// Whom the rows that end with a number belong to in the end: another number, or nobody, so that they do not count.
using Owners = std::vector<std::uint32_t>;
constexpr std::uint32_t kNoOwner = ~std::uint32_t{0};

class DiskRuns {
public:
    // `fan_in`, at least 2, runs of about one size become a larger one.
    DiskRuns(NewFile new_file, std::size_t fan_in) : new_file_(std::move(new_file)), fan_in_(fan_in) {}

    bool is_empty() const { return levels_.empty(); }

    // Adds a run that `fill` appends to.
    void add(const std::function<void(DiskRun&)>& fill);

    // Merges runs if they have become many; the numbers that their rows end with are those of `owners` then.
    void tidy(const Owners& owners);

    // Gives out all rows by the numbers of `owners`, sorted and distinct, some thousand at a time.
    void merge(const Owners& owners, const std::function<void(const std::vector<FourRow>&)>& take_fours,
               const std::function<void(const std::vector<SixRow>&)>& take_sixes) const;

private:
    DiskRun filled(const std::function<void(DiskRun&)>& fill) const;

    NewFile new_file_;
    std::size_t fan_in_;
    std::vector<std::vector<DiskRun>> levels_;
};

}  // namespace reduction
