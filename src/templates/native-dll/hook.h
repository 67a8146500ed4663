/* Inline hooks in the own process, x86-64 Windows. A hook makes a function begin with a jump to a replacement; a trampoline
 * runs what that jump covers and goes on behind it, so that the replacement can call the original. It never opens, writes to
 * or starts another process. */
#ifndef HOOK_H
#define HOOK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hook_status {
    HOOK_OK = 0,
    HOOK_UNKNOWN_CODE, /* the function's first instructions are none that the decoder knows: nothing was changed */
    HOOK_TOO_SHORT,    /* the function ends or branches before the five bytes that a jump needs: nothing was changed */
    HOOK_NO_MEMORY,    /* no page within 2 GiB of the function, or too many threads to stop */
    HOOK_PROTECTED,    /* Windows refuses to make the function writable */
    HOOK_BUSY,         /* it is installed, or a thread stayed inside the first instructions: try again later */
    HOOK_CHANGED       /* removal: someone else hooked the same function afterwards, so its bytes stay */
};

enum { HOOK_JUMP = 5, HOOK_COPY_MAX = HOOK_JUMP + 14 };

struct hook {
    bool installed;
    uint8_t *target;             /* the function */
    void *replacement;           /* what runs instead */
    uint8_t *trampoline;         /* call this to call the original; valid for ever once there is one */
    size_t copied;               /* bytes of whole instructions that the trampoline took over */
    uint8_t original[HOOK_JUMP]; /* what removal puts back */
    uint8_t jump[HOOK_JUMP];     /* what installation writes */
};

/* `hook` is all zeros at first. Any thread may run `target` meanwhile. A hook that was removed may be installed again; for
 * another function only when no thread is in the replacement any more, because that calls the trampoline of the newest. */
enum hook_status hook_install(struct hook *hook, void *target, void *replacement);
/* Puts the bytes back. The trampoline stays, because a thread may still be about to run it. */
enum hook_status hook_remove(struct hook *hook);
const char *hook_text(enum hook_status status);
#endif
