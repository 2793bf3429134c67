// The meaning of log lines at the limits of fields, times and UTF-8, and the lines of blocks.
#include "reduction/hosts/log_lines.hpp"

#include <initializer_list>
#include <string>
#include <vector>

#include "check.hpp"

using namespace reduction;

namespace {

LineKind kind_of(std::string_view line) { return parse_log_line(line).kind; }

std::vector<std::string> lines_of(std::string_view block) {
    std::vector<std::string> lines;
    LineWalk walk(block);
    for (std::string_view line; walk.next(line);) {
        CHECK(block.substr(walk.offset_of(line), line.size()) == line);
        lines.emplace_back(line);
    }
    CHECK(walk.lines() == lines.size());
    return lines;
}

void connections() {
    for (const char* const text :
         {"1565647204351 Aadvik Matina", " \t1565647204351\t Aadvik  Matina \t", "1565647204351 Aadvik Matina\r"}) {
        const LogLine line = parse_log_line(text);
        CHECK(line.kind == LineKind::connection);
        CHECK(line.time_ms == 1565647204351);
        CHECK(line.source == "Aadvik" && line.target == "Matina");
    }
    CHECK(parse_log_line("1565647204 a b").time_ms == 1565647204000);
    CHECK(parse_log_line("9999999999999 a b").time_ms == 9999999999999);
    CHECK(parse_log_line("0000000000 a b").time_ms == 0);
}

void errors() {
    using enum LineKind;
    for (const char* const text : {"", " ", "\t", "\r", " \r"}) CHECK(kind_of(text) == blank);
    for (const char* const text : {"1565647204351", "1565647204351 a", "1565647204351 a b c"}) {
        CHECK(kind_of(text) == not_three_fields);
    }
    for (const char* const text : {"156564720435 a b", "15656472043510 a b", "+565647204351 a b", "1565647204.51 a b",
                                   "time a b", "15656472043/1 a b", "156564720: a b"}) {
        CHECK(kind_of(text) == not_a_time);
    }
    CHECK(kind_of({"1565647204351 a\0 b", 18}) == not_text);
    CHECK(kind_of({"\0", 1}) == not_text);
    CHECK(kind_of("\xff") == not_utf_8);
    CHECK(kind_of({"\xff\0", 2}) == not_text);
}

void utf_8() {
    for (const char* const text : {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                                   "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "plain text of some length \xc3\xa4"}) {
        const std::string whole = text;
        CHECK(is_utf_8(whole));
        CHECK(!is_utf_8(whole.substr(0, whole.size() - 1)));
        CHECK(!is_utf_8(whole + whole.back()));
    }
    for (const char* const text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                                   "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3 ", "\xe2\x82 "}) {
        CHECK(!is_utf_8(text));
    }
}

void blocks() {
    using RowWriter = std::vector<std::string>;
    CHECK(lines_of("") == RowWriter{});
    CHECK((lines_of("a\n\nb\r\n") == RowWriter{"a", "", "b\r"}));
    CHECK((lines_of("a\nb") == RowWriter{"a", "b"}));
    CHECK((lines_of("\n") == RowWriter{""}));
}

}  // namespace

int main() {
    connections();
    errors();
    utf_8();
    blocks();
}
