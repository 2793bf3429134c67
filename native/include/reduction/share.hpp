// One runner's share: files are read one after the other, good ones are kept, and all rows come out sorted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reduction/addresses.hpp"
#include "reduction/distinct.hpp"
#include "reduction/lately.hpp"
#include "reduction/routines.hpp"

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

enum class Verdict : std::uint8_t {
    taken,
    no_key_column,  // `header` is the raw header
    nul_byte,       // in line `line`
    open_quote,     // in the row that starts on line `line`
};

// What became of one file.
struct FileBooks {
    Verdict verdict = Verdict::taken;
    std::uint64_t line = 0;
    std::string header;
    std::uint64_t read = 0;
    std::uint64_t valid = 0;
    std::uint64_t rejected[kReasons] = {};
    std::vector<Example> examples;
};

class Share {
public:
    // `lately_bits` limits the tables of what was seen lately (lately.hpp).
    Share(std::size_t compact_at_rows, std::size_t examples_a_file, const Routines& routines,
          unsigned lately_bits = Lately::kMostBits);
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // A file of `environment`: begin, feed its bytes (decompressed, without byte-order mark) in pieces of any size,
    // end. Total: any bytes may come. `feed` returns false when no more bytes are wanted.
    void begin(std::string_view environment);
    bool feed(const std::uint8_t* data, std::size_t size);
    // The same without a copy: `size` bytes have been put at the beginning of the `room`, which is never empty.
    std::span<std::uint8_t> room();
    bool take(std::size_t size);
    FileBooks end();
    // The bytes cannot be read further: returns whether what came so far has settled the verdict that `end` gives.
    bool settle();
    // Instead of `end`: nothing of the file counts.
    void abandon();

    // Sorts everything and hands out the lines of all rows in pieces, and then the number of rows by environment.
    std::map<std::string, std::uint64_t> write(const std::function<void(std::string_view)>& out);

private:
    struct Environment {
        Environment(std::size_t compact_at, unsigned lately_bits) : addresses(compact_at), lately(lately_bits) {}
        AddressSet addresses;
        Lately lately;
    };
    // The row that is not finished at the end of a slice.
    struct OpenRow {
        bool has_bytes = false;
        std::uint64_t commas = 0;
        std::uint64_t line = 1;
        KeyText key;
    };

    void take_slice(std::size_t size);
    void walk(std::size_t words, std::size_t size, std::size_t nul);
    std::size_t first_end(std::size_t from, std::size_t words) const;
    void extend_open_row(std::size_t from, std::size_t to);
    void close_open_row();
    void take_header();
    void take_rows(std::size_t from, std::size_t words, std::size_t& rest);
    std::size_t take_uneven_rows(std::size_t from, std::size_t words, std::uint16_t* starts, std::uint16_t* ends,
                                 std::size_t& rest);
    void take_odd_key(std::size_t start, std::size_t end);
    std::size_t row_start(std::size_t at) const;
    bool take_address(const Address& address);
    bool reject(Reason reason);  // returns whether an example is wanted
    void show_width(Reason reason, std::uint64_t line, std::uint64_t fields);
    void show_key(std::uint64_t line, const KeyText& key);
    void append(const std::uint32_t* numbers, std::size_t count);
    std::uint64_t line_of(std::size_t position) const;
    std::uint64_t line_from_end(std::size_t position, std::size_t size) const;
    void stop(Verdict verdict, std::uint64_t line);

    const Routines& routines_;
    std::size_t compact_at_rows_;
    std::size_t examples_a_file_;

    std::map<std::string, std::unique_ptr<Environment>, std::less<>> environments_;
    Environment* environment_ = nullptr;

    // The file at hand.
    FileBooks books_;
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

    unsigned lately_bits_;
};

}  // namespace reduction
