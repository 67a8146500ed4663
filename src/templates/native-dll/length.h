/* How long an x86-64 instruction is, for those that functions begin with. What it does not know it refuses, because a wrong
 * length would cut an instruction in two. It reads at most 15 bytes. */
#ifndef LENGTH_H
#define LENGTH_H
#include <stdint.h>

struct instruction {
    uint8_t length;   /* bytes; 0: not known here */
    uint8_t relative; /* where a 32-bit displacement from the instruction's end lies in it; 0: none */
    uint8_t ends;     /* a branch, a call or a return: cannot be moved, and what follows may be another function */
};

struct instruction instruction_at(const uint8_t *code);
#endif
