// Temporary files without a name.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "check.hpp"

// Returns the descriptor of a new file without a name.
inline int new_nameless_file() {
    std::string path = (std::filesystem::temp_directory_path() / "reduction.XXXXXX").string();
    const int descriptor = ::mkstemp(path.data());
    CHECK(descriptor >= 0);
    ::unlink(path.c_str());
    return descriptor;
}
