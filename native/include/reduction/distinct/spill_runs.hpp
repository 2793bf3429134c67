// Sorted rows that do not fit into memory: runs in temporary files, merged in the end.
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

// A temporary file cannot be written, or does not return what was written.
struct SpillFailed : std::system_error {
    using std::system_error::system_error;
};

// Returns the descriptor of a new, empty file for writing and reading. The caller closes it.
using TempFileFactory = std::function<int()>;

// Rows in a temporary file: IPv4 first, then IPv6. All functions throw SpillFailed.
class SpillRun {
public:
    explicit SpillRun(int descriptor) : descriptor_(descriptor) {}
    SpillRun(SpillRun&& other) noexcept;
    SpillRun& operator=(SpillRun&&) = delete;
    ~SpillRun();

    // Appends rows; all calls together append them in their order.
    void append(const std::vector<Ipv4Row>& rows);
    void append(const std::vector<Ipv6Row>& rows);
    void end();  // no more rows will be appended

    // The rows of one kind: where they begin and end in the file, and the CRC-32 of the file up to there.
    struct Section {
        std::uint64_t from = 0;
        std::uint64_t to = 0;
        std::uint32_t crc32_from = 0;
        std::uint32_t crc32_to = 0;
    };
    const Section& section(Ipv4Row) const { return ipv4_; }
    const Section& section(const Ipv6Row&) const { return ipv6_; }

    void read(std::uint64_t at, void* to, std::size_t size) const;

private:
    void write(const void* data, std::size_t size);

    int descriptor_;
    std::optional<FileOutput> output_;  // while rows are appended
    Section ipv4_, ipv6_;
};

// By the number at the end of a row: the number of the row's owner, or kNoOwner if the row does not count.
using RowOwners = std::vector<std::uint32_t>;
constexpr std::uint32_t kNoOwner = ~std::uint32_t{0};

class SpillRuns {
public:
    // `fan_in` runs of about the same size, at least 2, are merged into a larger one.
    SpillRuns(TempFileFactory open_temp, std::size_t fan_in) : open_temp_(std::move(open_temp)), fan_in_(fan_in) {}

    bool is_empty() const { return levels_.empty(); }

    // Adds a run; `fill` appends its rows.
    void add(const std::function<void(SpillRun&)>& fill);

    // Merges runs if there are many. The merged rows have the numbers of their owners.
    void merge_levels(const RowOwners& owners);

    // Passes all rows on with the numbers of their owners, sorted and distinct, some thousand at a time.
    void merge(const RowOwners& owners, const std::function<void(const std::vector<Ipv4Row>&)>& write_ipv4,
               const std::function<void(const std::vector<Ipv6Row>&)>& write_ipv6) const;

private:
    SpillRun write_run(const std::function<void(SpillRun&)>& fill) const;

    TempFileFactory open_temp_;
    std::size_t fan_in_;
    std::vector<std::vector<SpillRun>> levels_;
};

}  // namespace reduction
