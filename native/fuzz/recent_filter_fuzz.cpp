// Every number passes at least once after it was forgotten, in the order of the input, and nothing else passes. Numbers
// come by the thousand, so that the table grows.
#include "reduction/distinct/recent_filter.hpp"

#include "check.hpp"
#include "input.hpp"

using namespace reduction;

namespace {

std::vector<std::uint32_t> distinct(std::vector<std::uint32_t> numbers) {
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return numbers;
}

// Whether `some` is `all` with some numbers left out.
bool is_part_of(const std::vector<std::uint32_t>& some, const std::vector<std::uint32_t>& all) {
    auto next = some.begin();
    for (const std::uint32_t number : all) {
        if (next != some.end() && *next == number) ++next;
    }
    return next == some.end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    RecentFilter recent(1 + input.byte() % RecentFilter::kMaxBits);
    std::vector<std::uint32_t> came, passed;
    std::size_t left = 1 << 19;  // numbers: a limit on the time per input
    while (!input.is_empty() && left > 0) {
        const std::uint8_t what = input.byte();
        if (what == 0) {
            recent.forget();
            CHECK(distinct(came) == distinct(passed));
            came.clear();
            passed.clear();
            continue;
        }
        std::vector<std::uint32_t> numbers(std::min(left, std::size_t{1} << what % 13));
        left -= numbers.size();
        std::uint32_t number = input.four_bytes();
        const std::uint32_t step = input.four_bytes();
        for (std::uint32_t& each : numbers) {
            each = number;
            number += step;
        }
        std::vector<std::uint32_t> some(numbers.size());
        some.resize(recent.filter(numbers.data(), numbers.size(), some.data()));
        CHECK(is_part_of(some, numbers));
        came.insert(came.end(), numbers.begin(), numbers.end());
        passed.insert(passed.end(), some.begin(), some.end());
    }
    CHECK(distinct(came) == distinct(passed));
    return 0;
}
