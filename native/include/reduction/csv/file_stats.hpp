// What the scanner finds out about one file: its status, its counts of rows, and examples of rejected ones.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace reduction {

// Why a row is rejected. This is the kernel's only list of reasons: counters, bindings and tests follow it.
#define REDUCTION_REASONS(reason) reason(too_many_fields) reason(no_key) reason(not_an_address)

#define REDUCTION_ENUMERATOR(name) name,
enum class Reason : std::uint8_t { REDUCTION_REASONS(REDUCTION_ENUMERATOR) };
#undef REDUCTION_ENUMERATOR

#define REDUCTION_NAME(name) #name,
constexpr auto kReasonNames = std::to_array<const char*>({REDUCTION_REASONS(REDUCTION_NAME)});
#undef REDUCTION_NAME
constexpr std::size_t kReasons = kReasonNames.size();

// A rejected row: the line on which it starts, and either its number of fields and the limit that this number
// violates (the columns of the header, or the index of the key), or the text of its key.
struct RejectedExample {
    Reason reason;
    std::uint64_t line;
    std::uint64_t fields;
    std::uint64_t limit;
    std::string text;
};

enum class FileStatus : std::uint8_t {
    accepted,
    no_key_column,  // `header` is the raw header
    nul_byte,       // in line `line`
    open_quote,     // in the row that starts on line `line`
};

struct FileStats {
    FileStatus status = FileStatus::accepted;
    std::uint64_t line = 0;
    std::string header;
    std::uint64_t read = 0;  // rows
    std::uint64_t valid = 0;
    std::array<std::uint64_t, kReasons> rejected{};
    std::vector<RejectedExample> examples;
    std::uint64_t line_ends = 0;  // in all bytes fed
};

}  // namespace reduction
