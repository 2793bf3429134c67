// The reference implementation of the scanner: it reads one byte at a time and keeps distinct rows in a set.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "reduction/csv/scanner.hpp"
#include "reduction/net/ip_address.hpp"

namespace reference {

// One row, by the state machine of Python's csv module.
struct Row {
    enum class State { start, unquoted, quoted, quote_in_quoted } state = State::start;
    std::string raw;
    std::vector<std::string> fields = std::vector<std::string>(1);

    void append(char c) {
        raw += c;
        if (c == ',' && state != State::quoted) {
            fields.emplace_back();
            state = State::start;
        } else if (c == '"' && state == State::start) {
            state = State::quoted;
        } else if (c == '"' && state == State::quoted) {
            state = State::quote_in_quoted;
        } else {
            fields.back() += c;
            if (state == State::quote_in_quoted && c == '"') {
                state = State::quoted;
            } else if (state != State::quoted) {
                state = State::unquoted;
            }
        }
    }
};

inline std::string without_blanks(std::string text) {
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.erase(0, 1);
    return text;
}

// In the order of a result; the last item is the group.
using Rows = std::set<std::tuple<reduction::Kind, std::uint32_t, reduction::Ipv6, std::size_t>>;

inline std::string lines_of(const Rows& rows, const std::vector<std::string>& row_suffixes) {
    std::string lines;
    for (const auto& [kind, ipv4, ipv6, group] : rows) {
        char address[reduction::kLongestLine];
        const char* const end =
            kind == reduction::Kind::ipv4 ? reduction::write_ipv4(address, ipv4) : reduction::write_ipv6(address, ipv6);
        lines += std::string(address, static_cast<std::size_t>(end - address)) + ',' + row_suffixes[group] + '\n';
    }
    return lines;
}

inline const std::string kKeyColumn = "Source IP";

// Reads one file; its rows count only if the file is accepted.
class File {
public:
    File(std::size_t group, std::size_t examples) : group_(group), max_examples_(examples) {}

    const Rows& rows() const { return rows_; }

    reduction::FileStats read(std::string_view text) {
        Row row;
        std::uint64_t line = 1;
        char before = '\0';
        for (const char c : text) {
            if (c == '\0') return stop(reduction::FileStatus::nul_byte, line);
            if ((c == '\n' || c == '\r') && row.state != Row::State::quoted) {
                if (!close(row)) return stats_;
                row = Row{};
            } else {
                if (row.raw.empty()) row_line_ = line;
                row.append(c);
            }
            line += c == '\r' || (c == '\n' && before != '\r');
            before = c;
        }
        if (row.state == Row::State::quoted) return stop(reduction::FileStatus::open_quote, row_line_);
        close(row);
        return stats_;
    }

private:
    reduction::FileStats stop(reduction::FileStatus status, std::uint64_t line) {
        stats_.status = status;
        stats_.line = line;
        return stats_;
    }

    // Returns whether the next row is wanted.
    bool close(const Row& row) {
        if (row.raw.empty()) return true;
        if (columns_ == 0) return read_header(row);
        ++stats_.read;
        if (row.fields.size() > columns_) {
            reject(reduction::Reason::too_many_fields, row.fields.size(), columns_, {});
        } else if (row.fields.size() <= key_) {
            reject(reduction::Reason::no_key, row.fields.size(), key_, {});
        } else {
            add_key(row.fields[key_]);
        }
        return true;
    }

    bool read_header(const Row& row) {
        columns_ = row.fields.size();
        for (key_ = 0; key_ < columns_; ++key_) {
            if (without_blanks(row.fields[key_]) == kKeyColumn) return true;
        }
        stats_.header = row.raw;
        stop(reduction::FileStatus::no_key_column, row_line_);
        return false;
    }

    void add_key(const std::string& field) {
        const std::string text = without_blanks(field);
        const reduction::Address address = reduction::parse_address(text.data(), text.size());
        if (address.kind == reduction::Kind::none) {
            reject(reduction::Reason::not_an_address, 0, 0, field.substr(0, reduction::KeyText::kShown));
        } else {
            ++stats_.valid;
            rows_.insert({address.kind, address.ipv4, address.ipv6, group_});
        }
    }

    void reject(reduction::Reason reason, std::uint64_t fields, std::uint64_t limit, const std::string& text) {
        if (stats_.rejected[static_cast<std::size_t>(reason)]++ < max_examples_) {
            stats_.examples.push_back({reason, row_line_, fields, limit, text});
        }
    }

    std::size_t group_;
    std::size_t max_examples_;
    std::size_t columns_ = 0;
    std::size_t key_ = 0;
    std::uint64_t row_line_ = 1;
    reduction::FileStats stats_;
    Rows rows_;
};

// All of the stats that the scanner guarantees: nothing about rows if the file is not accepted. Examples of one reason
// are in the order of the file, those of different reasons are not.
inline std::string to_text(const reduction::FileStats& stats) {
    std::string text = "status " + std::to_string(static_cast<int>(stats.status)) + ", line " +
                       std::to_string(stats.line) + ", header " + stats.header + "\n";
    if (stats.status != reduction::FileStatus::accepted) return text;
    text += "read " + std::to_string(stats.read) + ", valid " + std::to_string(stats.valid) + "\n";
    for (std::size_t reason = 0; reason < reduction::kReasons; ++reason) {
        text += "rejected " + std::to_string(stats.rejected[reason]) + "\n";
        for (const reduction::RejectedExample& example : stats.examples) {
            if (static_cast<std::size_t>(example.reason) != reason) continue;
            text += std::to_string(example.line) + ": " + std::to_string(example.fields) + " of " +
                    std::to_string(example.limit) + " " + example.text + "\n";
        }
    }
    return text;
}

}  // namespace reference
