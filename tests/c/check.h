/* Assertions of the C tests: always on, they name the place and the condition and end the test with status 1. */
#ifndef PB_CHECK_H
#define PB_CHECK_H
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)
#endif
