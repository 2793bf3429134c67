// The one file that knows both Python and the kernel: it translates and decides nothing.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string_view.h>

#include "reduction/instruction_set.hpp"
#include "reduction/version.hpp"

namespace nb = nanobind;

NB_MODULE(_kernel, module) {
    module.doc() = "The native kernel; src/reduction/_kernel.pyi has its types.";
    module.def("version", &reduction::version, "Return the version of the package that this was built from.");
    module.def(
        "instruction_set", [] { return reduction::name_of(reduction::instruction_set()); },
        "Return the set of instructions that is in use on this processor.");
}
