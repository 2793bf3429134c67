// What the files that know both Python and C++ scanner; nothing else in native/ knows Python.
#pragma once

#include <nanobind/nanobind.h>

#include <string>

#include "reduction/simd/kernels.hpp"

namespace nb = nanobind;

// The instruction set of this name, or the best one if it is empty; ValueError if it can't be had.
const reduction::Kernels& kernels_for(const std::string& instruction_set);

// Puts into the module what searches and counts logs of connections.
void bind_hosts(nb::module_& module);
