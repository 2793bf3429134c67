#pragma once

#include <cstdio>
#include <cstdlib>

// Aborts the program with the place and the blocks of a claim that does not hold.
#define CHECK(claim)                                                            \
    do {                                                                        \
        if (!(claim)) {                                                         \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #claim); \
            std::abort();                                                       \
        }                                                                       \
    } while (false)
