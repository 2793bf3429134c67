#include "reduction/merge.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "reduction/addresses.hpp"
#include "reduction/crc32.hpp"
#include "reduction/lines.hpp"

namespace reduction {

namespace {

constexpr std::size_t kBuffer = 1 << 18;
constexpr std::string_view kHeader = "Source IP,Environment\n";

struct Row {
    Kind kind = Kind::none;
    std::uint32_t four = 0;
    Six six;
    std::size_t environment = 0;

    bool operator==(const Row& other) const {
        return kind == other.kind && environment == other.environment &&
               (kind == Kind::four ? four == other.four : six == other.six);
    }
    bool operator<(const Row& other) const {
        if (kind != other.kind) return kind < other.kind;
        if (kind == Kind::four && four != other.four) return four < other.four;
        if (kind == Kind::six && six != other.six) return six < other.six;
        return environment < other.environment;
    }
};

// Reads the rows of one partial, in order, and compares its bytes with the manifest at their end.
class Reader {
public:
    Reader(std::size_t index, const Partial& partial, const std::vector<std::string>& fields)
        : index_(index), partial_(partial), fields_(fields), buffer_(kBuffer + 1) {
        descriptor_ = ::open(partial.path.c_str(), O_RDONLY | O_CLOEXEC);
        if (descriptor_ < 0) throw DamagedPartial(index_, std::strerror(errno));
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() { ::close(descriptor_); }

    // Goes to the next row; false at the end.
    bool next() {
        for (;;) {
            const char* const line = buffer_.data() + at_;
            const auto* const newline = static_cast<const char*>(std::memchr(line, '\n', end_ - at_));
            if (newline == nullptr) {
                if (!fill()) return false;
                continue;
            }
            at_ += static_cast<std::size_t>(newline - line) + 1;
            ++line_;
            if (line_ == 1) {
                if (std::string_view(line, static_cast<std::size_t>(newline + 1 - line)) != kHeader) fail();
                continue;
            }
            parse(line, newline);
            return true;
        }
    }

    const Row& row() const { return row_; }

private:
    bool fill() {
        std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
        end_ -= at_;
        at_ = 0;
        if (end_ == kBuffer) fail();  // no line is so long
        ssize_t count = 0;
        do {
            count = ::read(descriptor_, buffer_.data() + end_, kBuffer - end_);
        } while (count < 0 && errno == EINTR);
        if (count < 0) throw DamagedPartial(index_, std::strerror(errno));
        if (count == 0) {
            if (bytes_ != partial_.bytes || crc32_ != partial_.crc32) {
                throw DamagedPartial(index_, "its bytes are not those that its manifest committed");
            }
            if (end_ != 0) fail();
            return false;
        }
        const auto size = static_cast<std::size_t>(count);
        crc32_ = crc32(crc32_, buffer_.data() + end_, size);
        bytes_ += size;
        end_ += size;
        return true;
    }

    void parse(const char* line, const char* newline) {
        const auto* const comma =
            static_cast<const char*>(std::memchr(line, ',', static_cast<std::size_t>(newline - line)));
        if (comma == nullptr) fail();
        const Address address = parse_address(line, static_cast<std::size_t>(comma - line));
        if (address.kind == Kind::none) fail();
        Row row{address.kind, address.four, address.six, row_.environment};
        const std::string_view field(comma + 1, static_cast<std::size_t>(newline - comma - 1));
        if (fields_[row.environment] != field) {  // mostly it is the one before
            const auto found = std::find(fields_.begin(), fields_.end(), field);
            if (found == fields_.end()) fail();
            row.environment = static_cast<std::size_t>(found - fields_.begin());
        }
        if (line_ > 2 && !(row_ < row)) fail();
        row_ = row;
    }

    [[noreturn]] void fail() const {
        throw DamagedPartial(index_, "line " + std::to_string(line_) + " is not a row in its place");
    }

    std::size_t index_;
    const Partial& partial_;
    const std::vector<std::string>& fields_;
    int descriptor_ = -1;
    std::vector<char> buffer_;
    std::size_t at_ = 0;
    std::size_t end_ = 0;
    std::uint64_t line_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint32_t crc32_ = 0;
    Row row_;
};

}  // namespace

std::map<std::string, std::uint64_t> merge_partials(const std::vector<Partial>& partials,
                                                    const std::vector<std::string>& environments,
                                                    const std::function<void(std::string_view)>& out) {
    LineWriter lines(out);
    std::vector<std::string> fields;
    for (const std::string& name : environments) {
        lines.add_environment(name);
        fields.push_back(csv_field(name));
    }
    if (fields.empty()) fields.emplace_back();  // so that a reader may look at the first
    std::vector<std::unique_ptr<Reader>> readers;
    std::vector<Reader*> heap;
    const auto later = [](const Reader* a, const Reader* b) { return b->row() < a->row(); };
    for (std::size_t i = 0; i < partials.size(); ++i) {
        readers.push_back(std::make_unique<Reader>(i, partials[i], fields));
        if (readers.back()->next()) heap.push_back(readers.back().get());
    }
    std::make_heap(heap.begin(), heap.end(), later);
    std::vector<std::uint64_t> counts(fields.size());
    Row last;
    while (!heap.empty()) {
        std::pop_heap(heap.begin(), heap.end(), later);
        Reader* const first = heap.back();
        const Row& row = first->row();
        if (!(row == last)) {
            if (row.kind == Kind::four) {
                lines.four(row.four, row.environment);
            } else {
                lines.six(row.six, row.environment);
            }
            ++counts[row.environment];
            last = row;
        }
        if (first->next()) {
            std::push_heap(heap.begin(), heap.end(), later);
        } else {
            heap.pop_back();
        }
    }
    lines.flush();
    std::map<std::string, std::uint64_t> by_name;
    for (std::size_t i = 0; i < environments.size(); ++i) {
        if (counts[i] > 0) by_name[environments[i]] = counts[i];
    }
    return by_name;
}

}  // namespace reduction
