// Divides the bytes of the fuzzer: first the choices of a target, then the rest.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    bool is_empty() const { return size_ == 0; }

    // The next byte; 0 at the end.
    std::uint8_t byte() {
        if (size_ == 0) return 0;
        --size_;
        return *data_++;
    }

    std::uint32_t four_bytes() {
        std::uint32_t number = 0;
        for (int i = 0; i < 4; ++i) number = number << 8 | byte();
        return number;
    }

    // Everything up to `mark`, which is skipped, or to the end.
    std::string up_to(std::uint8_t mark) {
        const std::uint8_t* const end = std::find(data_, data_ + size_, mark);
        const std::string text(data_, end);
        size_ -= text.size();
        data_ = end;
        byte();
        return text;
    }

    std::string rest() {
        const std::string text(data_, data_ + size_);
        size_ = 0;
        return text;
    }

private:
    const std::uint8_t* data_;
    std::size_t size_;
};

inline const std::uint8_t* bytes_of(const std::string& text) {
    return reinterpret_cast<const std::uint8_t*>(text.data());
}
