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

constexpr std::size_t kLeastWindow = 1 << 12;  // bytes of a partial that are held

// The environments of the endings, in their order, and for each ending which of them it has.
struct Environments {
    std::vector<std::string> names;
    std::vector<std::size_t> of_ending;  // names.size(): the row is dropped

    explicit Environments(const std::vector<Ending>& endings) {
        for (const Ending& ending : endings) {
            if (!ending.environment) continue;
            if (names.empty() || names.back() < *ending.environment) names.push_back(*ending.environment);
            if (names.back() != *ending.environment) {
                throw std::invalid_argument("the environments of the endings are not in byte order");
            }
        }
        for (const Ending& ending : endings) {
            const auto found = ending.environment ? std::lower_bound(names.begin(), names.end(), *ending.environment)
                                                  : names.end();
            of_ending.push_back(static_cast<std::size_t>(found - names.begin()));
        }
    }
};

// All rows of all partials in one part of the addresses.
struct Block {
    std::uint64_t number = 0;
    Part part;
    std::vector<PartialText> texts;
};

// Cuts all partials into blocks, in the order of addresses.
class Cutter {
public:
    Cutter(const std::vector<Partial>& partials, const std::vector<Ending>& endings, std::size_t block_bytes) {
        std::size_t longest_line = 0;
        for (const Ending& ending : endings) longest_line = std::max(longest_line, ending.text.size());
        longest_line += kLongestLine + 2;  // a comma and a newline
        const std::size_t window = std::max(std::min(kLeastWindow, block_bytes),
                                            block_bytes / std::max<std::size_t>(1, partials.size()));
        for (std::size_t i = 0; i < partials.size(); ++i) {
            readers_.push_back(std::make_unique<PartialReader>(i, partials[i], window, longest_line,
                                                               endings.size() * longest_line));
        }
    }

    // Fills `block` with the next one; false if there is none.
    bool next(Block& block) {
        block.part = Part{};
        std::optional<Address> first;
        for (const auto& reader : readers_) {
            if (reader->is_over()) continue;
            const Address of_reader = reader->first();
            first = first ? std::min(*first, of_reader) : of_reader;
        }
        if (!first) return false;
        block.number = number_++;
        block.part.from = *first;
        block.part.border = border_behind(*first);
        block.texts.resize(readers_.size());
        for (std::size_t i = 0; i < readers_.size(); ++i) readers_[i]->take_before(block.part.border, block.texts[i]);
        return true;
    }

private:
    // As far as all partials reach; IPv4 and IPv6 addresses are never in one block.
    std::optional<Address> border_behind(const Address& first) {
        std::optional<Address> border;
        if (first.kind == Kind::four) border = Address{Kind::six, 0, {}};
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
    BlockMerger(const Environments& environments, const EndingTable& endings)
        : environments_(environments), parser_(endings), counts_(environments.names.size() + 1) {
        for (const std::string& name : environments.names) lines_.add_environment(name);
    }

    std::string_view text_of(const Block& block) {
        return block.part.from.kind == Kind::four ? text_of(block, fours_) : text_of(block, sixes_);
    }

    // Rows by environment, so far.
    const std::vector<std::uint64_t>& counts() const { return counts_; }

private:
    template <typename Row>
    std::string_view text_of(const Block& block, Runs<Row>& runs) {
        runs.clear();
        for (const PartialText& text : block.texts) {
            if (text.size > 0) parser_.add_run(text, block.part, runs);
        }
        runs.merge();
        drop(runs.rows());
        return lines_.text_of(runs.rows());
    }

    // Puts environments in the place of endings, and keeps what is distinct then and has an environment.
    template <typename Row>
    void drop(std::vector<Row>& rows) {
        const std::size_t dropped = environments_.names.size();
        std::size_t kept = 0;
        for (const Row& of_ending : rows) {
            const std::size_t environment = environments_.of_ending[ending_of(of_ending)];
            const Row row = row_of(address_of(of_ending), environment);
            const bool is_kept = environment != dropped && (kept == 0 || rows[kept - 1] != row);
            rows[kept] = row;
            kept += is_kept;
            counts_[environment] += is_kept;
        }
        rows.resize(kept);
    }

    const Environments& environments_;
    RowParser parser_;
    Lines lines_;
    Runs<FourRow> fours_;
    Runs<SixRow> sixes_;
    std::vector<std::uint64_t> counts_;
};

// Threads that each take the next block, merge it, and hand it out when its turn has come.
class Merge {
public:
    Merge(const std::vector<Partial>& partials, const std::vector<Ending>& endings, const MergeOptions& options,
          const std::function<void(std::string_view)>& out)
        : environments_(endings), endings_(endings), cutter_(partials, endings, options.block), options_(options),
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
            work(options_.check_in);
        }
        if (failure_) std::rethrow_exception(failure_);
        std::map<std::string, std::uint64_t> by_name;
        for (std::size_t i = 0; i < environments_.names.size(); ++i) {
            if (counts_[i] > 0) by_name[environments_.names[i]] = counts_[i];
        }
        return by_name;
    }

private:
    void work(const std::function<void()>& check_in) {
        try {
            BlockMerger merger(environments_, endings_);
            Block block;
            while (next(block)) {
                const std::string_view text = merger.text_of(block);
                if (!wait_for_turn(block.number)) return;
                if (!text.empty()) out_(text);
                end_turn();
                if (check_in) check_in();
            }
            const std::lock_guard lock(turn_lock_);
            for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += merger.counts()[i];
        } catch (...) {
            stop(std::current_exception());
        }
    }

    bool next(Block& block) {
        const std::lock_guard lock(cutter_lock_);
        return cutter_.next(block);
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
    const EndingTable endings_;
    std::mutex cutter_lock_;
    Cutter cutter_;
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
                                                    const std::vector<Ending>& endings,
                                                    const std::function<void(std::string_view)>& out,
                                                    const MergeOptions& options) {
    return Merge(partials, endings, options, out).run();
}

}  // namespace reduction
