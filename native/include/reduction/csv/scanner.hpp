// Scans CSV files, one after the other: adds the addresses of their key column to an aggregator, rejects bad rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "reduction/csv/file_stats.hpp"
#include "reduction/distinct/aggregator.hpp"
#include "reduction/net/ip_address.hpp"
#include "reduction/simd/kernels.hpp"

namespace reduction {

// Bytes are scanned in slices: the SIMD kernels find the structure of a whole slice at once. A row that crosses the
// border of two slices (the "open row") is put together byte by byte.
// Functions that read rows throw what the aggregator throws.
class CsvScanner {
public:
    static constexpr std::size_t kSliceBytes = kMaxBlocks * kBlockBytes;

    // Keeps up to `max_examples` rejected rows of each reason per file. `aggregator` must outlive the scanner.
    // `slice_bytes` is a multiple of kBlockBytes, kSliceBytes at most; tests use small slices to cross many borders.
    CsvScanner(DistinctAggregator& aggregator, std::string key_column, std::size_t max_examples, const Kernels& kernels,
               std::size_t slice_bytes = kSliceBytes);
    CsvScanner(const CsvScanner&) = delete;
    CsvScanner& operator=(const CsvScanner&) = delete;

    // One file: begin, feed its bytes (decompressed, without byte-order mark) in chunks of any size, end. The bytes
    // may be anything. `feed` returns false if no more bytes are wanted. Rows go to `group` of the aggregator, but
    // only if the file is accepted.
    void begin(std::size_t group);
    bool feed(const std::uint8_t* data, std::size_t size);
    // The same without a copy: fill the beginning of `buffer`, which is never empty, then consume these bytes.
    std::span<std::uint8_t> buffer();
    bool consume(std::size_t size);
    FileStats end();
    // To be called if no further bytes can be read. Returns whether the status that `end` reports is already decided.
    bool settle();
    // Instead of `end`: drops all rows of the file.
    void abandon();

    // For splits: after the header was fed and `settle` returned false, continue with text from another position,
    // where a row starts, after a CR or not. Lines are counted from there.
    void resume(bool is_after_cr);
    const Kernels& kernels() const { return kernels_; }
    std::size_t columns() const { return columns_; }
    std::size_t key() const { return key_; }
    // The number of bytes that were fed but not scanned yet, and the state before them.
    struct Pending {
        StructureState state;
        std::size_t bytes;
    };
    Pending pending() const { return {state_, pending_}; }

private:
    struct OpenRow {
        bool has_bytes = false;
        std::uint64_t commas = 0;
        std::uint64_t line = 1;
        KeyText key;
    };

    void scan_slice(std::size_t size);
    void scan_rows(std::size_t blocks, std::size_t size, std::size_t nul);
    std::size_t first_end(std::size_t from, std::size_t blocks) const;
    void extend_open_row(std::size_t from, std::size_t to);
    void close_open_row();
    void read_header();
    void add_rows(std::size_t from, std::size_t blocks, std::size_t& rest);
    std::size_t find_uneven_rows(std::size_t from, std::size_t blocks, std::uint16_t* starts, std::uint16_t* ends,
                                 std::size_t& rest);
    void add_irregular_key(std::size_t start, std::size_t end);
    bool add_address(const Address& address);
    bool reject(Reason reason);  // returns whether an example is wanted
    void add_width_example(Reason reason, std::uint64_t line, std::uint64_t fields);
    void add_key_example(std::uint64_t line, const KeyText& key);
    std::size_t row_start(std::size_t position) const;
    std::uint64_t line_of(std::size_t position) const;
    std::uint64_t line_from_end(std::size_t position, std::size_t size) const;
    void stop(FileStatus status, std::uint64_t line);

    DistinctAggregator& aggregator_;
    const std::string key_column_;
    const std::size_t max_examples_;
    const Kernels& kernels_;
    const std::size_t slice_bytes_;

    // The current file.
    FileStats stats_;
    StructureState state_;
    std::uint64_t lines_before_slice_ = 0;
    bool cr_before_slice_ = false;
    bool header_is_known_ = false;
    bool is_stopped_ = false;
    std::string header_;
    std::uint64_t columns_ = 0;
    std::size_t key_ = 0;
    OpenRow open_;

    // The current slice, and work space that suffices for any slice.
    std::vector<std::uint8_t> slice_;
    std::size_t pending_ = 0;  // bytes in slice_ that wait for more
    std::vector<std::uint64_t> ends_, commas_;
    std::vector<std::uint16_t> key_starts_, key_ends_;
    std::vector<KeySpan> spans_;
    std::vector<std::uint32_t> numbers_;
    std::vector<std::uint8_t> good_;
};

}  // namespace reduction
