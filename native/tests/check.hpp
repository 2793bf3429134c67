#pragma once

#include <cstdio>
#include <cstdlib>

// Aborts the program with the position and the text of a claim that is not true.
#define CHECK(claim)                                                                 \
    do {                                                                             \
        if (!(claim)) {                                                              \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #claim); \
            std::abort();                                                            \
        }                                                                            \
    } while (false)
