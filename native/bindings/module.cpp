// The extension module reduction._kernel. native/make_stub.py generates its stub, src/reduction/_kernel.pyi.
#include <array>
#include <exception>
#include <system_error>

#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>

#include "bindings.hpp"

#include "reduction/distinct/spill_runs.hpp"
#include "reduction/io/version.hpp"
#include "reduction/merge/merge.hpp"
#include "reduction/net/ip_address.hpp"

using namespace nb::literals;

namespace {

nb::object canonical(const nb::bytes& field) {
    reduction::KeyText key;
    key.feed(reinterpret_cast<const std::uint8_t*>(field.c_str()), field.size());
    const reduction::Address address = key.address();
    if (address.kind == reduction::Kind::none) return nb::none();
    std::array<char, reduction::kLongestLine> text;
    const char* const end = address.kind == reduction::Kind::ipv4 ? reduction::write_ipv4(text.data(), address.ipv4)
                                                                  : reduction::write_ipv6(text.data(), address.ipv6);
    return nb::str(text.data(), static_cast<std::size_t>(end - text.data()));
}

PyObject* new_exception(nb::module_& module, const char* name, const char* doc) {
    PyObject* const type =
        PyErr_NewExceptionWithDoc((std::string("reduction._kernel.") + name).c_str(), doc, PyExc_Exception, nullptr);
    module.attr(name) = nb::handle(type);
    return type;
}

void set_error(PyObject* type, const std::system_error& error) {
    PyErr_SetObject(type, nb::make_tuple(error.code().value(), error.code().message()).ptr());
}

}  // namespace

const reduction::Kernels& kernels_for(const std::string& instruction_set) {
    if (instruction_set.empty()) return reduction::best_kernels();
    const reduction::Kernels* const kernels = reduction::kernels_named(instruction_set.c_str());
    if (kernels == nullptr) throw nb::value_error("this instruction set is not built or cannot run here");
    return *kernels;
}

void check_signals() {
    nb::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

NB_MODULE(_kernel, module) {
    static PyObject* const damaged = new_exception(
        module, "DamagedPartial", "A partial differs from its manifest. `args`: its index in the list, what is wrong.");
    static PyObject* const spill_failed = new_exception(
        module, "SpillFailed", "A temporary file cannot be written or read. `args`: the errno and its text.");
    nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
        try {
            std::rethrow_exception(thrown);
        } catch (const reduction::DamagedPartial& error) {
            PyErr_SetObject(damaged, nb::make_tuple(error.index, error.what()).ptr());
        } catch (const reduction::SpillFailed& error) {
            set_error(spill_failed, error);
        } catch (const std::system_error& error) {
            set_error(PyExc_OSError, error);
        }
    });
    module.doc() = "The compiled kernel: CSV scanning, distinct addresses, merging, and logs of connections.";
    module.def("version", &reduction::version, "Return the version of the package that the kernel was built from.");
    module.def(
        "instruction_set", [] { return reduction::best_kernels().name; },
        "Return the name of the instruction set chosen for this processor (native/README.md lists them).");
    module.def("canonical", &canonical, "field"_a, nb::sig("def canonical(field: bytes) -> str | None"),
               "Return the canonical form of the address in a raw CSV field, or None if the field holds no address.");
    bind_csv(module);
    bind_merge(module);
    bind_hosts(module);
}
