#include "reduction/merge/partial_reader.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "reduction/io/crc32.hpp"

namespace reduction {

namespace {

constexpr std::string_view kResultHeader = "Source IP,Environment\n";
constexpr std::string_view kSplitHeader = "Source IP,Environment,Split File\n";
constexpr std::uint64_t kForgotten = 8 << 20;  // bytes whose pages are given back together

}  // namespace

PartialReader::PartialReader(std::size_t index, const Partial& partial, std::size_t window, std::size_t longest_line,
                             std::size_t longest_address)
    : index_(index),
      partial_(partial),
      longest_address_(longest_address),
      descriptor_(::open(partial.path.c_str(), O_RDONLY | O_CLOEXEC)),
      window_(std::max(window, 2 * std::max(longest_line, kSplitHeader.size())) + kBehindText) {
    if (descriptor_ < 0) throw DamagedPartial(index_, std::strerror(errno));
    try {
        fill();
        take_header();
    } catch (...) {
        ::close(descriptor_);
        throw;
    }
}

PartialReader::~PartialReader() { ::close(descriptor_); }

void PartialReader::fill() {
    while (!is_read_ && held_ + kBehindText < window_.size()) {
        const ssize_t count = ::read(descriptor_, window_.data() + held_, window_.size() - kBehindText - held_);
        if (count < 0) {
            if (errno == EINTR) continue;
            throw DamagedPartial(index_, std::strerror(errno));
        }
        const auto size = static_cast<std::size_t>(count);
        crc32_ = crc32(crc32_, window_.data() + held_, size);
        bytes_ += size;
        held_ += size;
        if (size == 0) check_end();
        is_read_ = size == 0;
    }
    const std::size_t newline = std::string_view(window_.data(), held_).rfind('\n');
    whole_ = newline == std::string_view::npos ? 0 : newline + 1;
    if (is_read_ && whole_ != held_) fail(whole_);
}

void PartialReader::check_end() const {
    if (bytes_ != partial_.bytes || crc32_ != partial_.crc32) {
        throw DamagedPartial(index_, "its bytes are not those that its manifest committed");
    }
}

void PartialReader::take_header() {
    const std::string_view lines(window_.data(), whole_);
    const std::size_t size = lines.starts_with(kResultHeader)            ? kResultHeader.size()
                             : lines.starts_with(kSplitHeader) ? kSplitHeader.size()
                                                                   : 0;
    if (size == 0) fail(0);
    held_ -= size;
    whole_ -= size;
    offset_ = size;
    std::memmove(window_.data(), window_.data() + size, held_);
}

std::optional<Address> PartialReader::reach() {
    for (;;) {
        if (is_read_) return std::nullopt;
        if (whole_ == 0) fail(0);
        const std::size_t last_line = line_at(whole_ - 1);
        const Address last = address_at(last_line);
        const Address first = address_at(0);
        if (first < last) return last;
        if (last < first || whole_ > longest_address_) fail(last_line);
        window_.resize(2 * window_.size());  // it holds one address only
        fill();
    }
}

// Where the line starts that has the byte at `position`, which is one of a whole line.
std::size_t PartialReader::line_at(std::size_t position) const {
    const std::string_view before(window_.data(), position);
    const std::size_t newline = before.rfind('\n');
    return newline == std::string_view::npos ? 0 : newline + 1;
}

Address PartialReader::address_at(std::size_t line) const {
    const std::string_view text(window_.data() + line, std::min(whole_ - line, kLongestAddress + 1));
    const std::size_t comma = text.find(',');
    if (comma == std::string_view::npos) fail(line);
    const Address address = parse_address(text.data(), comma);
    if (address.kind == Kind::none) fail(line);
    return address;
}

// Where the first row starts whose address is not before `border`.
std::size_t PartialReader::place_of(const Address& border) const {
    std::size_t from = 0;  // rows before this are before the border
    std::size_t to = whole_;
    while (from < to) {
        const std::size_t line = line_at(from + (to - from) / 2);
        if (address_at(line) < border) {
            const std::string_view rest(window_.data() + line, whole_ - line);
            from = line + rest.find('\n') + 1;
        } else {
            to = line;
        }
    }
    return to;
}

void PartialReader::take_before(const std::optional<Address>& border, PartialText& to) {
    const std::size_t size = border ? place_of(*border) : whole_;
    to.partial = index_;
    to.offset = offset_;
    to.size = size;
    if (size == 0) return;
    if (to.bytes.size() < window_.size()) to.bytes.resize(window_.size());
    const std::size_t rest = held_ - size;
    if (size > rest) {  // the smaller part is copied
        std::swap(window_, to.bytes);
        std::memcpy(window_.data(), to.bytes.data() + size, rest);
    } else {
        std::memcpy(to.bytes.data(), window_.data(), size);
        std::memmove(window_.data(), window_.data() + size, rest);
    }
    std::memset(to.bytes.data() + size, ' ', kBehindText);
    held_ = rest;
    offset_ += size;
    fill();
    if (offset_ - forgotten_ >= kForgotten) forget_pages();
}

// The system need not keep what was read: nobody reads it again, and the result takes the pages.
void PartialReader::forget_pages() {
#if defined(POSIX_FADV_DONTNEED)
    (void)::posix_fadvise(descriptor_, 0, static_cast<off_t>(offset_), POSIX_FADV_DONTNEED);
#endif
    forgotten_ = offset_;
}

void PartialReader::fail(std::size_t position) const {
    throw DamagedPartial(index_, "at byte " + std::to_string(offset_ + position) + " is no row in its place");
}

}  // namespace reduction
