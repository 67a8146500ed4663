/* Loads the DLL, hooks functions of this program, and compares what they do and their bytes before, during and
 * after. Ends with status 0 when all holds. */
#include "hook.h"
#include "length.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define CHECK(holds) ((holds) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds), exit(1)))

/* Functions whose beginnings are written by hand: a displacement from the instruction pointer, a branch, a short one. */
__asm__(".text\n"
        ".p2align 4\n relative_start: movl answer(%rip), %eax\n addl %ecx, %eax\n addl %edx, %eax\n ret\n"
        ".p2align 4\n branch_start: testl %ecx, %ecx\n jz 1f\n movl %edx, %eax\n ret\n1: xorl %eax, %eax\n ret\n"
        ".p2align 4\n short_start: movl %ecx, %eax\n ret\n"
        ".p2align 4\n unknown_start: cpuid\n cpuid\n cpuid\n ret\n"
        ".data\n answer: .long 42\n.text\n");
int relative_start(int, int), branch_start(int, int), short_start(int, int), unknown_start(int, int);

__attribute__((noinline, noclone)) static int add(int a, int b) {
    volatile int parts[8] = {a, b};
    return parts[0] + parts[1];
}

static int (*hook_function)(void *);
static int (*unhook_function)(void);
static int (*hook_calls)(void);

static void lengths(void) {
    static const struct {
        uint8_t code[16], length, relative;
    } known[] = {
        {{0x55}, 1, 0},                                           /* push rbp */
        {{0x41, 0x57}, 2, 0},                                     /* push r15 */
        {{0x48, 0x89, 0xE5}, 3, 0},                               /* mov rbp, rsp */
        {{0x48, 0x83, 0xEC, 0x28}, 4, 0},                         /* sub rsp, 40 */
        {{0x48, 0x81, 0xEC, 0, 1, 0, 0}, 7, 0},                   /* sub rsp, 256 */
        {{0x48, 0x89, 0x5C, 0x24, 0x08}, 5, 0},                   /* mov [rsp+8], rbx */
        {{0x48, 0x8D, 0xA4, 0x24, 0, 0, 0, 0}, 8, 0},             /* lea rsp, [rsp+0] */
        {{0x48, 0x8B, 0x05, 1, 0, 0, 0}, 7, 3},                   /* mov rax, [rip+1] */
        {{0xC7, 0x05, 1, 0, 0, 0, 9, 0, 0, 0}, 10, 2},            /* mov dword [rip+1], 9 */
        {{0x66, 0xC7, 0x00, 9, 0}, 5, 0},                         /* mov word [rax], 9 */
        {{0x66, 0xB8, 9, 0}, 4, 0},                               /* mov ax, 9 */
        {{0x48, 0xB8, 1, 2, 3, 4, 5, 6, 7, 8}, 10, 0},            /* mov rax, imm64 */
        {{0xB8, 1, 0, 0, 0}, 5, 0},                               /* mov eax, 1 */
        {{0x31, 0xC0}, 2, 0},                                     /* xor eax, eax */
        {{0xF3, 0x0F, 0x1E, 0xFA}, 4, 0},                         /* endbr64 */
        {{0x66, 0x0F, 0x1F, 0x84, 0, 0, 0, 0, 0}, 9, 0},          /* nop word [rax+rax+0] */
        {{0x0F, 0x29, 0x74, 0x24, 0x20}, 5, 0},                   /* movaps [rsp+32], xmm6 */
        {{0xF6, 0xC1, 1}, 3, 0},                                  /* test cl, 1 */
        {{0xF6, 0xD1}, 2, 0},                                     /* not cl */
        {{0xF7, 0xC1, 1, 0, 0, 0}, 6, 0},                         /* test ecx, 1 */
        {{0x8B, 0x04, 0x25, 1, 0, 0, 0}, 7, 0},                   /* mov eax, [1] */
        {{0x8B, 0x44, 0x8D, 0x04}, 4, 0},                         /* mov eax, [rbp+rcx*4+4] */
        {{0xFF, 0xC1}, 2, 0},                                     /* inc ecx */
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct instruction found = instruction_at(known[i].code);
        if (found.length != known[i].length || found.relative != known[i].relative || found.ends)
            fprintf(stderr, "instruction %zu: length %u, displacement at %u\n", i, found.length, found.relative);
        CHECK(found.length == known[i].length && found.relative == known[i].relative && !found.ends);
    }
    static const uint8_t ending[][8] = {{0xC3}, {0xE8}, {0xE9}, {0xEB}, {0x74}, {0x0F, 0x84}, {0xFF, 0x25}, {0xFF, 0xD0}, {0xCC}, {0xF3, 0xC3}};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) CHECK(instruction_at(ending[i]).ends);
    static const uint8_t unknown[][8] = {{0x0F, 0xA2}, {0xC5, 0xF8}, {0x62}, {0xF0, 0x48}, {0x0F, 0x38}, {0xF3, 0xA4}, {0x06}, {0x65, 0x48}};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) CHECK(!instruction_at(unknown[i]).length && !instruction_at(unknown[i]).ends);
}

static void call_through(int (*function)(int, int), int expected) {
    uint8_t before[32], hooked[32];
    memcpy(before, (void *)function, sizeof before);
    int calls = hook_calls();
    CHECK(function(2, 3) == expected);
    CHECK(hook_function((void *)function) == HOOK_OK);
    memcpy(hooked, (void *)function, sizeof hooked);
    CHECK(hooked[0] == 0xE9 && !memcmp(hooked + HOOK_JUMP, before + HOOK_JUMP, sizeof before - HOOK_JUMP));
    CHECK(function(2, 3) == expected + 1000 && hook_calls() == calls + 1);
    CHECK(hook_function((void *)function) == HOOK_BUSY);
    CHECK(unhook_function() == HOOK_OK && unhook_function() == HOOK_OK);
    CHECK(!memcmp(before, (void *)function, sizeof before));
    CHECK(function(2, 3) == expected && hook_calls() == calls + 1);
}

static void refused(int (*function)(int, int), int why) {
    uint8_t before[32];
    memcpy(before, (void *)function, sizeof before);
    CHECK(hook_function((void *)function) == why);
    CHECK(!memcmp(before, (void *)function, sizeof before));
}

/* Threads run the function all the time while the hook comes and goes; each call gives one of the two results. */
static LONG volatile ending, wrong, turns;
static DWORD WINAPI caller(void *unused) {
    (void)unused;
    while (!ending) {
        int got = add(2, 3);
        if (got != 5 && got != 1005) InterlockedIncrement(&wrong);
        InterlockedIncrement(&turns);
    }
    return 0;
}

static void under_load(void) {
    HANDLE threads[2];
    for (int i = 0; i < 2; i++) threads[i] = CreateThread(NULL, 0, caller, NULL, 0, NULL);
    for (int i = 0; i < 50; i++) {
        LONG seen = turns;
        CHECK(hook_function((void *)add) == HOOK_OK);
        while (turns < seen + 100) Sleep(0);
        CHECK(unhook_function() == HOOK_OK);
    }
    ending = 1;
    WaitForMultipleObjects(2, threads, TRUE, INFINITE);
    CHECK(!wrong);
}

int main(int count, char **arguments) {
    CHECK(count == 2);
    lengths();
    HMODULE dll = LoadLibraryA(arguments[1]);
    CHECK(dll);
    hook_function = (int (*)(void *))(void *)GetProcAddress(dll, "hook_function");
    unhook_function = (int (*)(void))(void *)GetProcAddress(dll, "unhook_function");
    hook_calls = (int (*)(void))(void *)GetProcAddress(dll, "hook_calls");
    CHECK(hook_function && unhook_function && hook_calls);
    call_through(add, 5);
    call_through(relative_start, 47);
    refused(branch_start, HOOK_TOO_SHORT);
    refused(short_start, HOOK_TOO_SHORT);
    refused(unknown_start, HOOK_UNKNOWN_CODE);
    under_load();
    /* Unloading the DLL takes its hook along. */
    uint8_t before[16];
    memcpy(before, (void *)add, sizeof before);
    CHECK(hook_function((void *)add) == HOOK_OK && memcmp(before, (void *)add, sizeof before));
    FreeLibrary(dll);
    CHECK(!memcmp(before, (void *)add, sizeof before));
    CHECK(add(2, 3) == 5);
    printf("hooked, called through, removed: all as it was\n");
    return 0;
}
