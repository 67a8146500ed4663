/* The DLL: loading it does nothing. Its three exports hook one function of the program that loaded it, remove the hook and
 * tell how often it ran. Replace `replacement` by what you need; its type must be that of the function. */
#include "hook.h"

#include <windows.h>

#define EXPORT __declspec(dllexport)
typedef int (*function)(int, int);

static struct hook hook;
static LONG volatile calls;

/* Runs instead of the hooked function: calls the original and changes what it returned. */
static int replacement(int a, int b) {
    InterlockedIncrement(&calls);
    return ((function)(void *)__atomic_load_n(&hook.trampoline, __ATOMIC_ACQUIRE))(a, b) + 1000;
}

/* Both return 0 or a status of hook.h. Call them from one thread, and not from DllMain. */
EXPORT int hook_function(void *target) { return (int)hook_install(&hook, target, (void *)replacement); }
EXPORT int unhook_function(void) { return (int)hook_remove(&hook); }
EXPORT int hook_calls(void) { return (int)InterlockedCompareExchange(&calls, 0, 0); }

BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, void *ending) {
    if (reason == DLL_PROCESS_ATTACH) DisableThreadLibraryCalls(self);
    /* A hook must not outlive the code that it jumps to. When the whole process ends (`ending`) nothing needs to be undone. */
    if (reason == DLL_PROCESS_DETACH && !ending) hook_remove(&hook);
    return TRUE;
}
