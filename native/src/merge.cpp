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
constexpr std::string_view kHeaderWithFiles = "Source IP,Environment,Cut File\n";
constexpr std::size_t kDropped = ~std::size_t{0};

struct Row {
    Kind kind = Kind::none;
    std::uint32_t four = 0;
    Six six;
    std::size_t ending = 0;

    bool has_address_of(const Row& other) const {
        return kind == other.kind && (kind == Kind::four ? four == other.four : six == other.six);
    }
    bool operator<(const Row& other) const {
        if (kind != other.kind) return kind < other.kind;
        if (kind == Kind::four && four != other.four) return four < other.four;
        if (kind == Kind::six && six != other.six) return six < other.six;
        return ending < other.ending;
    }
};

// Reads the rows of one partial, in order, and compares its bytes with the manifest at their end.
class Reader {
public:
    Reader(std::size_t index, const Partial& partial, const std::vector<Ending>& endings)
        : index_(index), partial_(partial), endings_(endings), buffer_(kBuffer + 1) {
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
                const std::string_view header(line, static_cast<std::size_t>(newline + 1 - line));
                if (header != kHeader && header != kHeaderWithFiles) fail();
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
        if (address.kind == Kind::none || endings_.empty()) fail();
        Row row{address.kind, address.four, address.six, row_.ending};
        const std::string_view text(comma + 1, static_cast<std::size_t>(newline - comma - 1));
        if (endings_[row.ending].text != text) {  // mostly it is the one before
            const auto found = std::find_if(endings_.begin(), endings_.end(),
                                            [&](const Ending& ending) { return ending.text == text; });
            if (found == endings_.end()) fail();
            row.ending = static_cast<std::size_t>(found - endings_.begin());
        }
        if (line_ > 2 && !(row_ < row)) fail();
        row_ = row;
    }

    [[noreturn]] void fail() const {
        throw DamagedPartial(index_, "line " + std::to_string(line_) + " is not a row in its place");
    }

    std::size_t index_;
    const Partial& partial_;
    const std::vector<Ending>& endings_;
    int descriptor_ = -1;
    std::vector<char> buffer_;
    std::size_t at_ = 0;
    std::size_t end_ = 0;
    std::uint64_t line_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint32_t crc32_ = 0;
    Row row_;
};

// The environments of the endings, in their order, and for each ending which of them it has.
struct Environments {
    std::vector<std::string> names;
    std::vector<std::size_t> of_ending;  // or kDropped

    explicit Environments(const std::vector<Ending>& endings) {
        for (const Ending& ending : endings) {
            if (!ending.environment) {
                of_ending.push_back(kDropped);
                continue;
            }
            if (names.empty() || names.back() < *ending.environment) names.push_back(*ending.environment);
            if (names.back() != *ending.environment) {
                throw std::invalid_argument("the environments of the endings are not in byte order");
            }
            of_ending.push_back(names.size() - 1);
        }
    }
};

}  // namespace

std::map<std::string, std::uint64_t> merge_partials(const std::vector<Partial>& partials,
                                                    const std::vector<Ending>& endings,
                                                    const std::function<void(std::string_view)>& out) {
    const Environments environments(endings);
    LineWriter lines(out);
    for (const std::string& name : environments.names) lines.add_environment(name);
    std::vector<std::unique_ptr<Reader>> readers;
    std::vector<Reader*> heap;
    const auto later = [](const Reader* a, const Reader* b) { return b->row() < a->row(); };
    for (std::size_t i = 0; i < partials.size(); ++i) {
        readers.push_back(std::make_unique<Reader>(i, partials[i], endings));
        if (readers.back()->next()) heap.push_back(readers.back().get());
    }
    std::make_heap(heap.begin(), heap.end(), later);
    std::vector<std::uint64_t> counts(environments.names.size());
    Row last;
    std::size_t last_environment = kDropped;
    while (!heap.empty()) {
        std::pop_heap(heap.begin(), heap.end(), later);
        Reader* const first = heap.back();
        const Row& row = first->row();
        const std::size_t environment = environments.of_ending[row.ending];
        if (environment != kDropped && !(environment == last_environment && row.has_address_of(last))) {
            if (row.kind == Kind::four) {
                lines.four(row.four, environment);
            } else {
                lines.six(row.six, environment);
            }
            ++counts[environment];
            last = row;
            last_environment = environment;
        }
        if (first->next()) {
            std::push_heap(heap.begin(), heap.end(), later);
        } else {
            heap.pop_back();
        }
    }
    lines.flush();
    std::map<std::string, std::uint64_t> by_name;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] > 0) by_name[environments.names[i]] = counts[i];
    }
    return by_name;
}

}  // namespace reduction
