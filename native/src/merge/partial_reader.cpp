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

constexpr std::uint64_t kForgetStep = 8 << 20;  // bytes whose pages are released together

std::size_t longest_of(const std::vector<std::string>& texts) {
    std::size_t longest = 0;
    for (const std::string& text : texts) longest = std::max(longest, text.size());
    return longest;
}

}  // namespace

PartialReader::PartialReader(std::size_t index, const Partial& partial, const std::vector<std::string>& headers,
                             std::size_t window, std::size_t longest_line, std::size_t longest_address)
    : index_(index),
      partial_(partial),
      longest_address_(longest_address),
      descriptor_(::open(partial.path.c_str(), O_RDONLY | O_CLOEXEC)),
      window_(std::max(window, 2 * std::max(longest_line, longest_of(headers))) + kTextPadding) {
    if (descriptor_ < 0) throw DamagedPartial(index_, std::strerror(errno));
    try {
        fill();
        skip_header(headers);
    } catch (...) {
        ::close(descriptor_);
        throw;
    }
}

PartialReader::~PartialReader() { ::close(descriptor_); }

void PartialReader::fill() {
    while (!is_read_ && held_ + kTextPadding < window_.size()) {
        const ssize_t count = ::read(descriptor_, window_.data() + held_, window_.size() - kTextPadding - held_);
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

void PartialReader::skip_header(const std::vector<std::string>& headers) {
    const std::string_view lines(window_.data(), whole_);
    const auto header =
        std::find_if(headers.begin(), headers.end(), [&](const std::string& text) { return lines.starts_with(text); });
    if (header == headers.end()) fail(0);
    const std::size_t size = header->size();
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
        window_.resize(2 * window_.size());  // all of it is one address
        fill();
    }
}

// The start of the line that contains the byte at `position`.
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

// The start of the first row whose address is not before `border`.
std::size_t PartialReader::position_of(const Address& border) const {
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

void PartialReader::read_before(const std::optional<Address>& border, PartialText& to) {
    const std::size_t size = border ? position_of(*border) : whole_;
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
    std::memset(to.bytes.data() + size, ' ', kTextPadding);
    held_ = rest;
    offset_ += size;
    fill();
    if (offset_ - forgotten_ >= kForgetStep) forget_pages();
}

// Returns the system that its copy of these bytes is not needed any more: nobody reads them again.
void PartialReader::forget_pages() {
#if defined(POSIX_FADV_DONTNEED)
    (void)::posix_fadvise(descriptor_, 0, static_cast<off_t>(offset_), POSIX_FADV_DONTNEED);
#endif
    forgotten_ = offset_;
}

void PartialReader::fail(std::size_t position) const {
    throw DamagedPartial(index_, "at byte " + std::to_string(offset_ + position) + " is not a row in its place");
}

}  // namespace reduction
