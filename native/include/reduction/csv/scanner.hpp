// One runner's scanner: files are read one after the other, good ones are kept, and all rows come out sorted.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reduction/net/ip_address.hpp"
#include "reduction/distinct/spill_runs.hpp"
#include "reduction/distinct/address_set.hpp"
#include "reduction/distinct/recent_filter.hpp"
#include "reduction/simd/kernels.hpp"

namespace reduction {

enum class Reason : std::uint8_t { too_many_fields, no_key, not_an_address };
constexpr std::size_t kReasons = 3;

// A rejected row: the line it starts on; how many `fields` it has against what `limit` (columns of the header, or
// place of the key), or the text of its key.
struct Example {
    Reason reason;
    std::uint64_t line;
    std::uint64_t fields;
    std::uint64_t limit;
    std::string text;
};

enum class FileStatus : std::uint8_t {
    taken,
    no_key_column,  // `header` is the raw header
    nul_byte,       // in line `line`
    open_quote,     // in the row that starts on line `line`
};

constexpr std::int64_t kWholeFile = -1;

// Whose rows are kept together: an environment's, or those of one cut file of it. Sorted as in a partial.
struct Source {
    std::string environment;
    std::int64_t split_file_id = kWholeFile;
    auto operator<=>(const Source&) const = default;
};

// What became of one file.
struct FileStats {
    FileStatus status = FileStatus::taken;
    std::uint64_t line = 0;
    std::string header;
    std::uint64_t read = 0;
    std::uint64_t valid = 0;
    std::uint64_t rejected[kReasons] = {};
    std::vector<Example> examples;
    std::uint64_t line_ends = 0;  // in what was fed
};

// What a scanner may hold, and where the rest goes.
struct Memory {
    std::size_t bytes = ~std::size_t{0};  // that rows may take, with all that is needed to sort them
    TempFileFactory open_temp = nullptr;           // is not called while they are enough
    std::size_t fan_in = 32;              // of SpillRuns; tests want it small
};

// Functions that take or write rows throw SpillFailed, and what Memory::open_temp throws.
class CsvScanner {
public:
    static constexpr std::size_t kSliceBytes = kMaxBlocks * kBlockBytes;

    // `filter_bits` limits the tables of what was seen recent (distinct/recent_filter.hpp). `slice_bytes`, a multiple of kBlockBytes and no more
    // than kSliceBytes, are looked at together; tests and fuzzing want them few, to cross many borders.
    CsvScanner(std::size_t compact_at_rows, std::size_t examples_a_file, const Kernels& kernels,
          unsigned filter_bits = RecentFilter::kMaxBits, std::size_t slice_bytes = kSliceBytes, const Memory& memory = {});
    CsvScanner(const CsvScanner&) = delete;
    CsvScanner& operator=(const CsvScanner&) = delete;

    // A file of `environment`: begin, feed its bytes (decompressed, without byte-order mark) in pieces of any size,
    // end. Total: any bytes may come. `feed` returns false when no more bytes are wanted.
    // The rows of a cut file, whose number is given, are kept apart.
    void begin(std::string_view environment, std::int64_t split_file_id = kWholeFile);
    bool feed(const std::uint8_t* data, std::size_t size);
    // The same without a copy: `size` bytes have been put at the beginning of the `room`, which is never empty.
    std::span<std::uint8_t> room();
    bool take(std::size_t size);
    FileStats end();
    // The bytes cannot be read further: returns whether what came so far has settled the status that `end` gives.
    bool settle();
    // Instead of `end`: nothing of the file counts.
    void abandon();

    // For a unit of a cut file: when the header was fed and `settle` returned false, what is fed next is the text from
    // another place on, where a row starts, behind a CR or not. RowWriter are counted from there.
    void resume(bool is_after_cr);
    const Kernels& kernels() const { return kernels_; }
    std::size_t columns() const { return columns_; }
    std::size_t key() const { return key_; }
    // How many of the bytes that were fed have not been looked at yet, and the state before them.
    struct Pending {
        StructureState state;
        std::size_t bytes;
    };
    Pending pending() const { return {state_, held_}; }

    // Sorts everything and hands out the lines of all rows in pieces, and then the number of rows by source.
    std::map<Source, std::uint64_t> write(const std::function<void(std::string_view)>& out);

private:
    struct Environment {
        Environment(std::size_t compact_at, Ipv4Array& spare, unsigned filter_bits, std::uint32_t its_number)
            : addresses(compact_at, spare), recent(filter_bits), number(its_number) {}
        AddressSet addresses;
        RecentFilter recent;
        std::uint32_t number;         // that its rows on the disk end with
        std::size_t counted = 0;      // bytes of the addresses, in held_bytes_
    };
    // The row that is not finished at the end of a slice.
    struct OpenRow {
        bool has_bytes = false;
        std::uint64_t commas = 0;
        std::uint64_t line = 1;
        KeyText key;
    };

    void take_slice(std::size_t size);
    void walk(std::size_t blocks, std::size_t size, std::size_t nul);
    std::size_t first_end(std::size_t from, std::size_t blocks) const;
    void extend_open_row(std::size_t from, std::size_t to);
    void close_open_row();
    void take_header();
    void take_rows(std::size_t from, std::size_t blocks, std::size_t& rest);
    std::size_t take_uneven_rows(std::size_t from, std::size_t blocks, std::uint16_t* starts, std::uint16_t* ends,
                                 std::size_t& rest);
    void take_odd_key(std::size_t start, std::size_t end);
    std::size_t row_start(std::size_t at) const;
    bool take_address(const Address& address);
    bool reject(Reason reason);  // returns whether an example is wanted
    void show_width(Reason reason, std::uint64_t line, std::uint64_t fields);
    void show_key(std::uint64_t line, const KeyText& key);
    void append(const std::uint32_t* numbers, std::size_t count);
    void release_other_tables();
    void make_room_if_due();
    void compact_all();
    void count_bytes(Environment& environment);
    void spill();
    std::uint32_t new_number(std::uint32_t owner);
    std::map<Source, std::uint64_t> write_held(const std::function<void(std::string_view)>& out);
    std::map<Source, std::uint64_t> write_spilled(const std::function<void(std::string_view)>& out);
    std::uint64_t line_of(std::size_t position) const;
    std::uint64_t line_from_end(std::size_t position, std::size_t size) const;
    void stop(FileStatus status, std::uint64_t line);

    const Kernels& kernels_;
    std::size_t slice_bytes_;
    std::size_t compact_at_rows_;
    std::size_t examples_a_file_;

    Ipv4Array spare_;
    std::map<Source, std::unique_ptr<Environment>> environments_;
    Environment* environment_ = nullptr;

    // The file at hand.
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

    // The slice at hand, and work space that is as large as a slice can make it.
    std::vector<std::uint8_t> slice_;
    std::size_t held_ = 0;  // bytes in slice_ that wait for more
    std::vector<std::uint64_t> ends_, commas_;
    std::vector<std::uint16_t> key_starts_, key_ends_;
    std::vector<KeySpan> spans_;
    std::vector<std::uint32_t> numbers_;
    std::vector<std::uint8_t> good_;

    unsigned filter_bits_;
    std::size_t max_filter_bytes_;
    std::size_t filter_bytes_ = 0;  // of the tables of all environments

    // What memory has no room for. Rows of a file that is not known to be good go to the disk under a number of their
    // own, whose owner is known when the file ends.
    std::size_t max_held_bytes_;
    std::size_t held_bytes_ = 0;  // of the addresses of all environments
    SpillRuns spill_runs_;
    RowOwners owners_;
    std::uint32_t file_number_ = kNoOwner;  // none, as long as nothing of the file at hand is on the disk
};

}  // namespace reduction
