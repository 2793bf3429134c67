// A file in memory with a path, for code that opens files by name.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "check.hpp"

class MemoryFile {
public:
    MemoryFile() : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) { CHECK(descriptor_ >= 0); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile() { ::close(descriptor_); }

    std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

    void hold(const std::string& text) {
        CHECK(::ftruncate(descriptor_, 0) == 0);
        CHECK(::pwrite(descriptor_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    }

    std::int64_t modified_ns() const {
        struct stat status{};
        CHECK(::fstat(descriptor_, &status) == 0);
        return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    }

private:
    int descriptor_;
};
