#include "reduction/io/version.hpp"

namespace reduction {

std::string_view version() noexcept { return REDUCTION_VERSION; }

}  // namespace reduction
