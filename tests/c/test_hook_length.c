/* sources: src/templates/native-dll/length.c */
/* The instruction lengths of the DLL template on a million random beginnings, each at the very end of its memory: it never
 * reads past 15 bytes, never tells more than 15, and a displacement that it names lies inside the instruction. What it says of
 * known instructions has the template's own test. */
#include "check.h"

#include "../../src/templates/native-dll/length.h"

#include <stdlib.h>

int main(void) {
    uint64_t random = 88172645463325252u;
    unsigned known = 0, ends = 0;
    uint8_t *code = malloc(15);
    CHECK(code);
    for (int i = 0; i < 1000000; i++) {
        for (int k = 0; k < 15; k++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            code[k] = (uint8_t)(random >> 24);
        }
        struct instruction found = instruction_at(code);
        CHECK(found.length <= 15 && !(found.ends && found.length));
        CHECK(!found.relative || found.relative + 4 <= found.length);
        known += found.length > 0;
        ends += found.ends;
    }
    free(code);
    CHECK(known > 100000 && ends > 10000);
    return 0;
}
