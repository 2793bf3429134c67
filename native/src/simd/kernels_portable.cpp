// For any processor.
#define REDUCTION_ISA portable
#include "kernels.inl"
#include "log_lines.inl"

namespace reduction {
extern const Kernels kPortable;
const Kernels kPortable{"portable",           portable::structure, portable::find_keys, portable::find_even_rows,
                        portable::parse_ipv4, portable::kLogs};
}  // namespace reduction
