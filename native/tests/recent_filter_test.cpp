// Every new number passes the filter, and recent numbers do not pass again.
#include "reduction/distinct/recent_filter.hpp"

#include <vector>

#include "check.hpp"
#include "reference.hpp"

using namespace reduction;

namespace {

// Filters `total` numbers of which `distinct` are distinct, with up to 2^`bits` buckets; returns how many passed.
std::size_t sent_through(unsigned bits, std::size_t distinct, std::size_t total, reference::Random& random) {
    constexpr std::uint32_t spread = 2654435761U, back = 244002641U;
    static_assert(spread * back == 1);
    RecentFilter recent(bits);
    std::vector<bool> sent(distinct), passed(distinct);
    std::vector<std::uint32_t> numbers, to(3000);
    std::size_t out = 0;
    for (std::size_t at = 0; at < total; at += numbers.size()) {
        numbers.resize(1 + random.below(to.size()));
        for (std::uint32_t& number : numbers) {
            const std::size_t which = random.below(distinct);
            sent[which] = true;
            number = static_cast<std::uint32_t>(which) * spread;
        }
        const std::size_t count = recent.filter(numbers.data(), numbers.size(), to.data());
        for (std::size_t i = 0; i < count; ++i) passed[to[i] * back] = true;
        out += count;
    }
    CHECK(sent == passed);
    return out;
}

void zero_is_never_kept_back() {
    RecentFilter recent;
    const std::vector<std::uint32_t> zeros(100);
    std::vector<std::uint32_t> to(100);
    CHECK(recent.filter(zeros.data(), zeros.size(), to.data()) > 0);
    CHECK(to[0] == 0);
}

void what_was_taken_back_is_new_again() {
    RecentFilter recent;
    const std::uint32_t number = 7;
    std::uint32_t to = 0;
    CHECK(recent.filter(&number, 1, &to) == 1);
    CHECK(recent.filter(&number, 1, &to) == 0);
    recent.forget();
    CHECK(recent.filter(&number, 1, &to) == 1);
    recent.release();
    CHECK(recent.bytes() == 0);
    CHECK(recent.filter(&number, 1, &to) == 1);
}

}  // namespace

int main() {
    reference::Random random(3);
    for (const unsigned bits : {1U, 4U, 9U, 17U}) {
        for (const std::size_t distinct : {1UL, 100UL, 5000UL}) sent_through(bits, distinct, 50000, random);
    }
    // Whole hashes, halves of 2^16 buckets, halves of 2^17: hardly more numbers pass than are distinct.
    for (const std::size_t distinct : {10'000UL, 150'000UL, 300'000UL}) {
        CHECK(sent_through(RecentFilter::kMaxBits, distinct, 10 * distinct, random) < 4 * distinct);
    }
    // If all numbers are new, the table is bypassed, and its memory is freed.
    RecentFilter recent;
    std::vector<std::uint32_t> numbers(1 << 16), to(1 << 16);
    std::uint32_t next = 0;
    for (int turn = 0; turn < 100; ++turn) {
        for (std::uint32_t& number : numbers) number = next++;
        CHECK(recent.filter(numbers.data(), numbers.size(), to.data()) == numbers.size());
    }
    CHECK(recent.bytes() == 0);
    zero_is_never_kept_back();
    what_was_taken_back_is_new_again();
}
