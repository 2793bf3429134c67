#include "reduction/merge/merge.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "reduction/merge/row_writer.hpp"
#include "reduction/merge/partial_reader.hpp"
#include "reduction/merge/row_parser.hpp"
#include "reduction/merge/packed_rows.hpp"

namespace reduction {

namespace {

constexpr std::size_t kMinWindow = 1 << 12;  // bytes of a partial that are held

// The environments of the suffixes, in their order, and for each suffix which of them it has.
struct Environments {
    std::vector<std::string> names;
    std::vector<std::size_t> of_suffix;  // names.size(): the row is dropped

    explicit Environments(const std::vector<RowSuffix>& suffixes) {
        for (const RowSuffix& suffix : suffixes) {
            if (!suffix.environment) continue;
            if (names.empty() || names.back() < *suffix.environment) names.push_back(*suffix.environment);
            if (names.back() != *suffix.environment) {
                throw std::invalid_argument("the environments of the suffixes are not in byte order");
            }
        }
        for (const RowSuffix& suffix : suffixes) {
            const auto found = suffix.environment ? std::lower_bound(names.begin(), names.end(), *suffix.environment)
                                                  : names.end();
            of_suffix.push_back(static_cast<std::size_t>(found - names.begin()));
        }
    }
};

// All rows of all partials in one range of the addresses.
struct Block {
    std::uint64_t number = 0;
    AddressRange range;
    std::vector<PartialText> texts;
};

// Cuts all partials into blocks, in the order of addresses.
class BlockReader {
public:
    BlockReader(const std::vector<Partial>& partials, const std::vector<RowSuffix>& suffixes, std::size_t block_bytes) {
        std::size_t longest_line = 0;
        for (const RowSuffix& suffix : suffixes) longest_line = std::max(longest_line, suffix.text.size());
        longest_line += kLongestLine + 2;  // a comma and a newline
        const std::size_t window = std::max(std::min(kMinWindow, block_bytes),
                                            block_bytes / std::max<std::size_t>(1, partials.size()));
        for (std::size_t i = 0; i < partials.size(); ++i) {
            readers_.push_back(std::make_unique<PartialReader>(i, partials[i], window, longest_line,
                                                               suffixes.size() * longest_line));
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
        for (std::size_t i = 0; i < readers_.size(); ++i) readers_[i]->take_before(block.range.border, block.texts[i]);
        return true;
    }

private:
    // As far as all partials reach; IPv4 and IPv6 addresses are never in one block.
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

// What one thread needs to turn a block into the text of its distinct rows.
class BlockMerger {
public:
    BlockMerger(const Environments& environments, const RowSuffixTable& suffixes)
        : environments_(environments), parser_(suffixes), counts_(environments.names.size() + 1) {
        for (const std::string& name : environments.names) writer_.add_environment(name);
    }

    std::string_view text_of(const Block& block) {
        return block.range.from.kind == Kind::ipv4 ? text_of(block, ipv4_) : text_of(block, ipv6_);
    }

    // Rows by environment, so far.
    const std::vector<std::uint64_t>& counts() const { return counts_; }

private:
    template <typename Row>
    std::string_view text_of(const Block& block, Runs<Row>& runs) {
        runs.clear();
        for (const PartialText& text : block.texts) {
            if (text.size > 0) parser_.add_run(text, block.range, runs);
        }
        runs.merge();
        apply_environments(runs.rows());
        return writer_.text_of(runs.rows());
    }

    // Puts environments in the place of suffixes, and keeps what is distinct then and has an environment.
    template <typename Row>
    void apply_environments(std::vector<Row>& rows) {
        const std::size_t dropped = environments_.names.size();
        std::size_t kept = 0;
        for (const Row& of_suffix : rows) {
            const std::size_t environment = environments_.of_suffix[suffix_of(of_suffix)];
            const Row row = row_of(address_of(of_suffix), environment);
            const bool is_kept = environment != dropped && (kept == 0 || rows[kept - 1] != row);
            rows[kept] = row;
            kept += is_kept;
            counts_[environment] += is_kept;
        }
        rows.resize(kept);
    }

    const Environments& environments_;
    RowParser parser_;
    RowWriter writer_;
    Runs<Ipv4Row> ipv4_;
    Runs<Ipv6Row> ipv6_;
    std::vector<std::uint64_t> counts_;
};

// Threads that each take the next block, merge it, and hand it out when its turn has come.
class Merge {
public:
    Merge(const std::vector<Partial>& partials, const std::vector<RowSuffix>& suffixes, const MergeOptions& options,
          const std::function<void(std::string_view)>& out)
        : environments_(suffixes), suffixes_(suffixes), reader_(partials, suffixes, options.block), options_(options),
          out_(out), counts_(environments_.names.size() + 1) {}

    std::map<std::string, std::uint64_t> run() {
        {
            std::vector<std::jthread> others;
            while (others.size() + 1 < options_.threads) {
                try {
                    others.emplace_back([this] { work({}); });
                } catch (const std::system_error&) {
                    break;  // no more threads are to be had: it works with less
                }
            }
            work(options_.check_interrupt);
        }
        if (failure_) std::rethrow_exception(failure_);
        std::map<std::string, std::uint64_t> by_name;
        for (std::size_t i = 0; i < environments_.names.size(); ++i) {
            if (counts_[i] > 0) by_name[environments_.names[i]] = counts_[i];
        }
        return by_name;
    }

private:
    void work(const std::function<void()>& check_interrupt) {
        try {
            BlockMerger merger(environments_, suffixes_);
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

    const Environments environments_;
    const RowSuffixTable suffixes_;
    std::mutex reader_lock_;
    BlockReader reader_;
    const MergeOptions& options_;
    const std::function<void(std::string_view)>& out_;

    std::mutex turn_lock_;  // holds for all below
    std::condition_variable turn_came_;
    std::uint64_t turn_ = 0;
    std::exception_ptr failure_;
    std::vector<std::uint64_t> counts_;
};

}  // namespace

std::map<std::string, std::uint64_t> merge_partials(const std::vector<Partial>& partials,
                                                    const std::vector<RowSuffix>& suffixes,
                                                    const std::function<void(std::string_view)>& out,
                                                    const MergeOptions& options) {
    return Merge(partials, suffixes, options, out).run();
}

}  // namespace reduction
