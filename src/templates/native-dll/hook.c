/* The hooks of hook.h. A jump of five bytes reaches 2 GiB, so each hook has a page near its function: the trampoline first,
 * then a relay that jumps on to the replacement, wherever it lies. The page is written first and made executable then; it is
 * never both. While the function's bytes change, all other threads of this process are stopped outside of them. */
#include "hook.h"

#include "length.h"

#include <stdbool.h>
#include <string.h>
#include <windows.h>

#include <tlhelp32.h>

enum { FAR_JUMP = 14, RELAY = HOOK_COPY_MAX + FAR_JUMP, THREADS_MAX = 1024, ATTEMPTS = 200 };

const char *hook_text(enum hook_status status) {
    static const char *const texts[] = {
        [HOOK_OK] = "done",
        [HOOK_UNKNOWN_CODE] = "the function begins with instructions that are not known here",
        [HOOK_TOO_SHORT] = "the function branches or ends within its first five bytes",
        [HOOK_NO_MEMORY] = "no memory near the function, or too many threads",
        [HOOK_PROTECTED] = "the function cannot be made writable",
        [HOOK_BUSY] = "a thread stayed inside the function's first instructions",
        [HOOK_CHANGED] = "another hook was laid over this one",
    };
    return texts[status];
}

/* jmp [rip+0] and the address behind it. */
static void write_far_jump(uint8_t *at, const void *to) {
    static const uint8_t head[6] = {0xFF, 0x25};
    memcpy(at, head, sizeof head);
    memcpy(at + sizeof head, &to, sizeof to);
}

static bool fits(int64_t distance) { return distance >= INT32_MIN && distance <= INT32_MAX; }

/* A writable page from which, and to which, everything near `target` is in reach; half the range is left for displacements. */
static uint8_t *page_near(const uint8_t *target) {
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    uintptr_t step = system.dwAllocationGranularity, reach = 0x40000000, centre = (uintptr_t)target & ~(step - 1);
    for (uintptr_t distance = step; distance < reach; distance += step) {
        uintptr_t places[2] = {centre + distance, centre > distance ? centre - distance : 0};
        for (int i = 0; i < 2; i++) {
            MEMORY_BASIC_INFORMATION there;
            if (!places[i] || !VirtualQuery((void *)places[i], &there, sizeof there) || there.State != MEM_FREE) continue;
            void *page = VirtualAlloc((void *)places[i], system.dwPageSize, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
            if (page) return page;
        }
    }
    return NULL;
}

/* Copies whole instructions until a jump fits in their place. Displacements from the instruction pointer are adjusted. */
static enum hook_status copy_start(const uint8_t *from, uint8_t *to, size_t *copied) {
    size_t done = 0;
    while (done < HOOK_JUMP) {
        struct instruction next = instruction_at(from + done);
        if (next.ends) return HOOK_TOO_SHORT;
        if (!next.length) return HOOK_UNKNOWN_CODE;
        memcpy(to + done, from + done, next.length);
        if (next.relative) {
            int32_t displacement;
            memcpy(&displacement, from + done + next.relative, sizeof displacement);
            int64_t moved = displacement + (from - to);
            if (!fits(moved)) return HOOK_UNKNOWN_CODE;
            displacement = (int32_t)moved;
            memcpy(to + done + next.relative, &displacement, sizeof displacement);
        }
        done += next.length;
    }
    *copied = done;
    return HOOK_OK;
}

struct others {
    HANDLE threads[THREADS_MAX];
    size_t count;
};

static void close_others(struct others *o) {
    while (o->count) CloseHandle(o->threads[--o->count]);
}

static void resume(struct others *o, size_t stopped) {
    for (size_t i = 0; i < stopped; i++) ResumeThread(o->threads[i]);
}

/* Handles of this process's other threads. False when there are more than fit. */
static bool list_others(struct others *o) {
    DWORD process = GetCurrentProcessId(), self = GetCurrentThreadId();
    HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    o->count = 0;
    if (list == INVALID_HANDLE_VALUE) return false;
    bool fit = true;
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    for (BOOL more = Thread32First(list, &entry); more && fit; more = Thread32Next(list, &entry)) {
        if (entry.th32OwnerProcessID != process || entry.th32ThreadID == self) continue;
        HANDLE thread = OpenThread(THREAD_SUSPEND_RESUME | THREAD_GET_CONTEXT, FALSE, entry.th32ThreadID);
        if (!thread) continue; /* it has ended meanwhile */
        fit = o->count < THREADS_MAX;
        if (fit) o->threads[o->count++] = thread;
        else CloseHandle(thread);
    }
    CloseHandle(list);
    return fit;
}

static bool stands_inside(HANDLE thread, const uint8_t *start, size_t size) {
    CONTEXT context;
    memset(&context, 0, sizeof context);
    context.ContextFlags = CONTEXT_CONTROL;
    if (!GetThreadContext(thread, &context)) return false; /* it has ended meanwhile */
    /* At the first byte it has not begun; behind the last it is through. */
    return context.Rip > (uintptr_t)start && context.Rip < (uintptr_t)start + size;
}

/* Five bytes of code. Functions are aligned, so one store changes all five for threads that were born meanwhile. */
static void store(uint8_t *at, const uint8_t bytes[HOOK_JUMP]) {
    size_t inside = (uintptr_t)at & 7;
    if (inside + HOOK_JUMP > 8) {
        memcpy(at, bytes, HOOK_JUMP);
        return;
    }
    uint64_t *word = (uint64_t *)(void *)(at - inside), value = *word;
    memcpy((uint8_t *)&value + inside, bytes, HOOK_JUMP);
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

/* Writes while no other thread stands inside the first `size` bytes. While threads are stopped nothing may be allocated or
 * locked, because a stopped thread may hold any lock. */
static enum hook_status write_code(uint8_t *at, const uint8_t bytes[HOOK_JUMP], size_t size) {
    static struct others others; /* guarded by `lock` */
    static SRWLOCK lock = SRWLOCK_INIT;
    enum hook_status status = HOOK_BUSY;
    DWORD before;
    if (!VirtualProtect(at, size, PAGE_EXECUTE_READWRITE, &before)) return HOOK_PROTECTED;
    AcquireSRWLockExclusive(&lock);
    for (int attempt = 0; attempt < ATTEMPTS && status == HOOK_BUSY; attempt++) {
        if (attempt) Sleep(1);
        if (!list_others(&others)) {
            status = HOOK_NO_MEMORY;
        } else {
            size_t stopped = 0;
            bool clear = true;
            for (; clear && stopped < others.count; stopped++) {
                SuspendThread(others.threads[stopped]);
                clear = !stands_inside(others.threads[stopped], at, size);
            }
            if (clear) {
                store(at, bytes);
                status = HOOK_OK;
            }
            resume(&others, stopped);
        }
        close_others(&others);
    }
    ReleaseSRWLockExclusive(&lock);
    VirtualProtect(at, size, before, &before);
    FlushInstructionCache(GetCurrentProcess(), at, size);
    return status;
}

/* Fills a new page for this function. Threads may still be in the replacement, so the old trampoline stays until then. */
static enum hook_status prepare(struct hook *hook, uint8_t *target, void *replacement) {
    uint8_t *page = page_near(target);
    if (!page) return HOOK_NO_MEMORY;
    size_t copied = 0;
    enum hook_status status = copy_start(target, page, &copied);
    DWORD before;
    if (!status) {
        write_far_jump(page + copied, target + copied);
        write_far_jump(page + RELAY, replacement);
        if (!VirtualProtect(page, 1, PAGE_EXECUTE_READ, &before)) status = HOOK_PROTECTED;
    }
    if (status) {
        VirtualFree(page, 0, MEM_RELEASE);
        return status;
    }
    int32_t distance = (int32_t)(page + RELAY - (target + HOOK_JUMP));
    hook->jump[0] = 0xE9;
    memcpy(hook->jump + 1, &distance, sizeof distance);
    memcpy(hook->original, target, HOOK_JUMP);
    hook->target = target;
    hook->replacement = replacement;
    hook->copied = copied;
    __atomic_store_n(&hook->trampoline, page, __ATOMIC_RELEASE);
    return HOOK_OK;
}

enum hook_status hook_install(struct hook *hook, void *target, void *replacement) {
    if (hook->installed) return HOOK_BUSY;
    bool again = hook->trampoline && hook->target == target && hook->replacement == replacement &&
                 !memcmp(hook->original, target, HOOK_JUMP);
    enum hook_status status = again ? HOOK_OK : prepare(hook, target, replacement);
    if (!status) status = write_code(hook->target, hook->jump, hook->copied);
    hook->installed = !status;
    return status;
}

enum hook_status hook_remove(struct hook *hook) {
    if (!hook->installed) return HOOK_OK;
    if (memcmp(hook->target, hook->jump, HOOK_JUMP)) return HOOK_CHANGED;
    enum hook_status status = write_code(hook->target, hook->original, hook->copied);
    hook->installed = status != HOOK_OK;
    return status;
}
