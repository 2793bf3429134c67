#include "reduction/merge/merge.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "reduction/merge/packed_rows.hpp"
#include "reduction/merge/partial_reader.hpp"
#include "reduction/merge/row_parser.hpp"
#include "reduction/merge/row_writer.hpp"

namespace reduction {

namespace {

constexpr std::size_t kMinWindow = 1 << 12;  // bytes of a partial in memory

// The output of each suffix; `outputs` for those that have none. Throws if their order is wrong.
std::vector<std::size_t> outputs_by_suffix(const std::vector<RowSuffix>& suffixes, std::size_t outputs) {
    std::vector<std::size_t> by_suffix;
    std::size_t last = 0;
    for (const RowSuffix& suffix : suffixes) {
        if (suffix.output && (*suffix.output < last || *suffix.output >= outputs)) {
            throw std::invalid_argument("the outputs are not in the order of the suffixes");
        }
        last = suffix.output.value_or(last);
        by_suffix.push_back(suffix.output.value_or(outputs));
    }
    return by_suffix;
}

// All rows of all partials in one range of the addresses.
struct Block {
    std::uint64_t number = 0;
    AddressRange range;
    std::vector<PartialText> texts;
};

// Divides all partials into blocks, in the order of addresses.
class BlockReader {
public:
    BlockReader(const MergeInput& input, std::size_t block_bytes) {
        const std::vector<Partial>& partials = input.partials;
        std::size_t longest_line = 0;
        for (const RowSuffix& suffix : input.suffixes) longest_line = std::max(longest_line, suffix.text.size());
        longest_line += kLongestLine + 2;  // a comma and a newline
        const std::size_t window =
            std::max(std::min(kMinWindow, block_bytes), block_bytes / std::max<std::size_t>(1, partials.size()));
        for (std::size_t i = 0; i < partials.size(); ++i) {
            readers_.push_back(std::make_unique<PartialReader>(i, partials[i], input.headers, window, longest_line,
                                                               input.suffixes.size() * longest_line));
        }
    }

    // Fills `block` with the next one; false if there is none.
    bool next(Block& block) {
        block.range = AddressRange{};
        std::optional<Address> first;
        for (const auto& reader : readers_) {
            if (reader->is_over()) continue;
            const Address of_reader = reader->first();
            first = first ? std::min(*first, of_reader) : of_reader;
        }
        if (!first) return false;
        block.number = number_++;
        block.range.from = *first;
        block.range.border = border_after(*first);
        block.texts.resize(readers_.size());
        for (std::size_t i = 0; i < readers_.size(); ++i) readers_[i]->read_before(block.range.border, block.texts[i]);
        return true;
    }

private:
    // A block extends as far as all windows do; IPv4 and IPv6 addresses are never in one block.
    std::optional<Address> border_after(const Address& first) {
        std::optional<Address> border;
        if (first.kind == Kind::ipv4) border = Address{Kind::ipv6, 0, {}};
        for (const auto& reader : readers_) {
            const std::optional<Address> reach = reader->reach();
            if (reach) border = border ? std::min(*border, *reach) : *reach;
        }
        return border;
    }

    std::vector<std::unique_ptr<PartialReader>> readers_;
    std::uint64_t number_ = 0;
};

// Turns blocks into the text of their distinct rows; each thread has one.
class BlockMerger {
public:
    BlockMerger(const std::vector<std::size_t>& outputs_by_suffix, const RowSuffixTable& suffixes,
                const std::vector<std::string>& outputs)
        : outputs_by_suffix_(outputs_by_suffix), parser_(suffixes), writer_(outputs), counts_(outputs.size() + 1) {}

    std::string_view text_of(const Block& block) {
        return block.range.from.kind == Kind::ipv4 ? text_of(block, ipv4_) : text_of(block, ipv6_);
    }

    // Rows by output, so far; the last count has no meaning.
    const std::vector<std::uint64_t>& counts() const { return counts_; }

private:
    template <typename Row>
    std::string_view text_of(const Block& block, Runs<Row>& runs) {
        runs.clear();
        for (const PartialText& text : block.texts) {
            if (text.size > 0) parser_.add_run(text, block.range, runs);
        }
        runs.merge();
        apply_outputs(runs.rows());
        return writer_.text_of(runs.rows());
    }

    // Replaces suffixes by outputs, and keeps distinct rows that have one.
    template <typename Row>
    void apply_outputs(std::vector<Row>& rows) {
        const std::size_t dropped = counts_.size() - 1;
        std::size_t kept = 0;
        for (const Row& with_suffix : rows) {
            const std::size_t output = outputs_by_suffix_[suffix_of(with_suffix)];
            const Row row = row_of(address_of(with_suffix), output);
            const bool is_kept = output != dropped && (kept == 0 || rows[kept - 1] != row);
            rows[kept] = row;
            kept += is_kept;
            counts_[output] += is_kept;
        }
        rows.resize(kept);
    }

    const std::vector<std::size_t>& outputs_by_suffix_;
    RowParser parser_;
    RowWriter writer_;
    Runs<Ipv4Row> ipv4_;
    Runs<Ipv6Row> ipv6_;
    std::vector<std::uint64_t> counts_;
};

// Threads that each read the next block, merge it, and write it when its turn comes.
class Merge {
public:
    Merge(const MergeInput& input, const MergeOptions& options, const std::function<void(std::string_view)>& out)
        : outputs_(input.outputs),
          outputs_by_suffix_(outputs_by_suffix(input.suffixes, outputs_.size())),
          suffixes_(input.suffixes),
          reader_(input, options.block_bytes),
          options_(options),
          out_(out),
          counts_(outputs_.size() + 1) {}

    std::vector<std::uint64_t> run() {
        {
            std::vector<std::jthread> others;
            while (others.size() + 1 < options_.threads) {
                try {
                    others.emplace_back([this] { work({}); });
                } catch (const std::system_error&) {
                    break;  // the system allows no more threads: work with those there are
                }
            }
            work(options_.check_interrupt);
        }
        if (failure_) std::rethrow_exception(failure_);
        counts_.pop_back();
        return std::move(counts_);
    }

private:
    void work(const std::function<void()>& check_interrupt) {
        try {
            BlockMerger merger(outputs_by_suffix_, suffixes_, outputs_);
            Block block;
            while (next(block)) {
                const std::string_view text = merger.text_of(block);
                if (!wait_for_turn(block.number)) return;
                if (!text.empty()) out_(text);
                end_turn();
                if (check_interrupt) check_interrupt();
            }
            const std::lock_guard lock(turn_lock_);
            for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += merger.counts()[i];
        } catch (...) {
            stop(std::current_exception());
        }
    }

    bool next(Block& block) {
        const std::lock_guard lock(reader_lock_);
        return reader_.next(block);
    }

    // Returns false if the merge has failed elsewhere.
    bool wait_for_turn(std::uint64_t number) {
        std::unique_lock lock(turn_lock_);
        turn_came_.wait(lock, [&] { return failure_ || turn_ == number; });
        return !failure_;
    }

    void end_turn() {
        const std::lock_guard lock(turn_lock_);
        ++turn_;
        turn_came_.notify_all();
    }

    void stop(std::exception_ptr failure) {
        const std::lock_guard lock(turn_lock_);
        if (!failure_) failure_ = std::move(failure);
        turn_came_.notify_all();
    }

    const std::vector<std::string>& outputs_;
    const std::vector<std::size_t> outputs_by_suffix_;
    const RowSuffixTable suffixes_;
    std::mutex reader_lock_;
    BlockReader reader_;
    const MergeOptions& options_;
    const std::function<void(std::string_view)>& out_;

    std::mutex turn_lock_;  // guards the members below
    std::condition_variable turn_came_;
    std::uint64_t turn_ = 0;
    std::exception_ptr failure_;
    std::vector<std::uint64_t> counts_;
};

}  // namespace

std::vector<std::uint64_t> merge_partials(const MergeInput& input, const std::function<void(std::string_view)>& out,
                                          const MergeOptions& options) {
    return Merge(input, options, out).run();
}

}  // namespace reduction
