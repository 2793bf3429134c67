#include "reduction/distinct/spill_runs.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <type_traits>
#include <utility>

#include "reduction/io/crc32.hpp"
#include "reduction/merge/merge_cursor.hpp"

namespace reduction {

namespace {

constexpr std::size_t kReadAtOnce = 1 << 15;  // bytes of a run

// Rows are written as they are in memory, so that they must not contain padding.
static_assert(std::has_unique_object_representations_v<Ipv4Row> && std::has_unique_object_representations_v<Ipv6Row>);

// Reads the rows of one kind in a run; its functions are those of MemoryCursor.
template <typename RowOfIt>
class RunCursor {
public:
    using Key = RowOfIt;
    using Row = RowOfIt;

    explicit RunCursor(const SpillRun& run) : run_(&run), at_(section().from), crc32_(section().crc32_from) {}

    bool is_over() const { return first_ == rows_.size() && at_ == section().to; }

    const Row* peek(std::size_t step) {
        if (rows_.size() - first_ <= step) fill(step + 1);
        return rows_.size() - first_ > step ? &rows_[first_ + step] : nullptr;
    }

    void pop_until(const Row* border, std::size_t step, std::vector<Row>& to) {
        const auto next = rows_.begin() + static_cast<std::ptrdiff_t>(first_);
        const std::size_t max = std::min(step, rows_.size() - first_);
        auto stop = next + static_cast<std::ptrdiff_t>(max);
        if (border) stop = std::lower_bound(next, stop, *border);
        to.insert(to.end(), next, stop);
        first_ += static_cast<std::size_t>(stop - next);
    }

private:
    const SpillRun::Section& section() const { return run_->section(Row{}); }

    // Reads on until there are `min` rows, or all that are left.
    void fill(std::size_t min) {
        rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(first_));
        first_ = 0;
        const std::size_t wanted = std::max(min, kReadAtOnce / sizeof(Row)) - rows_.size();
        const std::size_t more = std::min<std::size_t>(wanted, (section().to - at_) / sizeof(Row));
        if (more == 0) return;
        const std::size_t held = rows_.size();
        rows_.resize(held + more);
        const std::size_t size = more * sizeof(Row);
        run_->read(at_, &rows_[held], size);
        crc32_ = crc32(crc32_, reinterpret_cast<const char*>(&rows_[held]), size);
        at_ += size;
        if (at_ == section().to && crc32_ != section().crc32_to) throw SpillFailed(EIO, std::generic_category());
    }

    const SpillRun* run_;
    std::uint64_t at_;
    std::uint32_t crc32_;
    std::vector<Row> rows_;
    std::size_t first_ = 0;  // of rows_
};

// Replaces the numbers at the end of rows by their owners. Rows of one address are held back until all of them are
// there, because their owners may be in another order, or the same.
template <typename Row>
class Renumberer {
public:
    explicit Renumberer(const RowOwners& owners) : owners_(owners) {}

    // Returns the rows that are complete now, sorted and distinct, valid until the next call.
    const std::vector<Row>& add(const std::vector<Row>& rows) {
        rows_.clear();
        for (const Row& row : rows) {
            const std::uint32_t owner = owners_[suffix_of(row)];
            if (owner == kNoOwner) continue;
            if (!group_.empty() && address_of(group_.front()) != address_of(row)) pop_group();
            group_.push_back(row_of(address_of(row), owner));
        }
        return rows_;
    }

    // Returns the rest of the rows.
    const std::vector<Row>& end() {
        rows_.clear();
        pop_group();
        return rows_;
    }

private:
    void pop_group() {
        if (group_.size() > 1) {
            std::sort(group_.begin(), group_.end());
            group_.erase(std::unique(group_.begin(), group_.end()), group_.end());
        }
        rows_.insert(rows_.end(), group_.begin(), group_.end());
        group_.clear();
    }

    const RowOwners& owners_;
    std::vector<Row> rows_, group_;
};

template <typename Row>
void merge_rows(const std::vector<const SpillRun*>& runs, const RowOwners& owners,
                const std::function<void(const std::vector<Row>&)>& write) {
    std::vector<RunCursor<Row>> cursors;
    cursors.reserve(runs.size());
    for (const SpillRun* const run : runs) cursors.emplace_back(*run);
    Renumberer<Row> renumberer(owners);
    merge_cursors(std::move(cursors), [&](const std::vector<Row>& rows) { write(renumberer.add(rows)); });
    write(renumberer.end());
}

}  // namespace

SpillRun::SpillRun(SpillRun&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      output_(std::exchange(other.output_, std::nullopt)),
      ipv4_(other.ipv4_),
      ipv6_(other.ipv6_) {}

SpillRun::~SpillRun() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

void SpillRun::write(const void* data, std::size_t size) {
    try {
        if (!output_) output_.emplace(descriptor_, 0);
        output_->write({static_cast<const char*>(data), size});
    } catch (const std::system_error& error) {
        throw SpillFailed(error.code());
    }
    ipv6_.to = output_->bytes();
    ipv6_.crc32_to = output_->crc32();
}

void SpillRun::append(const std::vector<Ipv4Row>& rows) {
    write(rows.data(), rows.size() * sizeof(Ipv4Row));
    ipv4_.to = ipv6_.from = ipv6_.to;
    ipv4_.crc32_to = ipv6_.crc32_from = ipv6_.crc32_to;
}

void SpillRun::append(const std::vector<Ipv6Row>& rows) { write(rows.data(), rows.size() * sizeof(Ipv6Row)); }

void SpillRun::end() { output_.reset(); }

void SpillRun::read(std::uint64_t at, void* to, std::size_t size) const {
    auto* next = static_cast<char*>(to);
    while (size > 0) {
        const ssize_t count = ::pread(descriptor_, next, size, static_cast<off_t>(at));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) throw SpillFailed(count < 0 ? errno : EIO, std::generic_category());
        next += count;
        at += static_cast<std::uint64_t>(count);
        size -= static_cast<std::size_t>(count);
    }
}

SpillRun SpillRuns::write_run(const std::function<void(SpillRun&)>& fill) const {
    SpillRun run(open_temp_());
    fill(run);
    run.end();
    return run;
}

void SpillRuns::add(const std::function<void(SpillRun&)>& fill) {
    if (levels_.empty()) levels_.emplace_back();
    levels_[0].push_back(write_run(fill));
}

void SpillRuns::merge_levels(const RowOwners& owners) {
    for (std::size_t level = 0; levels_[level].size() >= fan_in_; ++level) {
        std::vector<const SpillRun*> runs;
        for (const SpillRun& run : levels_[level]) runs.push_back(&run);
        SpillRun larger = write_run([&](SpillRun& to) {
            merge_rows<Ipv4Row>(runs, owners, [&](const auto& rows) { to.append(rows); });
            merge_rows<Ipv6Row>(runs, owners, [&](const auto& rows) { to.append(rows); });
        });
        levels_[level].clear();
        if (level + 1 == levels_.size()) levels_.emplace_back();
        levels_[level + 1].push_back(std::move(larger));
    }
}

void SpillRuns::merge(const RowOwners& owners, const std::function<void(const std::vector<Ipv4Row>&)>& write_ipv4,
                      const std::function<void(const std::vector<Ipv6Row>&)>& write_ipv6) const {
    std::vector<const SpillRun*> runs;
    for (const auto& level : levels_) {
        for (const SpillRun& run : level) runs.push_back(&run);
    }
    merge_rows<Ipv4Row>(runs, owners, write_ipv4);
    merge_rows<Ipv6Row>(runs, owners, write_ipv6);
}

}  // namespace reduction
