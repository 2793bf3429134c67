// Shared by the files that know both Python and C++; nothing else in native/ knows Python.
#pragma once

#include <string>
#include <string_view>

#include <nanobind/nanobind.h>

#include "reduction/simd/kernels.hpp"

namespace nb = nanobind;

// The kernels of the named instruction set, or the best ones if the name is empty; ValueError if it is not available.
const reduction::Kernels& kernels_for(const std::string& instruction_set);

// Handles signals that came while the kernel worked; throws what their Python handler raises. Only the main thread
// handles signals: in any other this does nothing.
void check_signals();

inline nb::bytes to_bytes(std::string_view text) { return nb::bytes(text.data(), text.size()); }

// Each adds its part to the module.
void bind_csv(nb::module_& module);
void bind_merge(nb::module_& module);
void bind_hosts(nb::module_& module);
