#pragma once

#include <string_view>

namespace reduction {

// The version of the package that this kernel was built from.
std::string_view version() noexcept;

}  // namespace reduction
