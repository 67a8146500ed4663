/* What windows.c and windows_wait.c share: names in the folder of named objects, a descriptor that admits the owner only, and
 * the native calls that the compiler's headers leave out (their forms are in Microsoft's driver documentation). */
#ifndef PB_OS_WINDOWS_NT_H
#define PB_OS_WINDOWS_NT_H
#ifdef _WIN32
#include <windows.h>
#include <winternl.h>

#include "os.h"

enum { PB_OS_NT_NAME = PB_OS_NAME_BYTES + 128 };
struct pb_os_nt_name {
    UNICODE_STRING string; /* points at text: do not copy */
    wchar_t text[PB_OS_NT_NAME];
};
/* {folder of this session}\{prefix}{name}; false when it is no UTF-8 or too long. */
bool pb_os_nt_name(struct pb_os_nt_name *out, const char *prefix, const char *name);

struct pb_os_security {
    SECURITY_DESCRIPTOR descriptor;
    TOKEN_USER *user;
    ACL *list;
};
bool pb_os_owner_only(struct pb_os_security *out);
void pb_os_security_free(struct pb_os_security *security);
/* Whether this user owns the object. The handle needs READ_CONTROL. */
bool pb_os_is_ours(HANDLE object);

struct pb_os_section_info {
    void *base;
    ULONG attributes;
    LARGE_INTEGER size;
};
struct pb_os_directory_entry {
    UNICODE_STRING name, type;
};

NTSTATUS NTAPI NtCreateSection(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, LARGE_INTEGER *, ULONG, ULONG, HANDLE);
NTSTATUS NTAPI NtOpenSection(HANDLE *, ACCESS_MASK, const OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtQuerySection(HANDLE, int, void *, SIZE_T, SIZE_T *);
NTSTATUS NTAPI NtMapViewOfSection(HANDLE, HANDLE, void **, ULONG_PTR, SIZE_T, const LARGE_INTEGER *, SIZE_T *, int, ULONG,
                                  ULONG);
NTSTATUS NTAPI NtUnmapViewOfSection(HANDLE, void *);
NTSTATUS NTAPI NtCreateEvent(HANDLE *, ACCESS_MASK, const OBJECT_ATTRIBUTES *, int, BOOLEAN);
NTSTATUS NTAPI NtOpenEvent(HANDLE *, ACCESS_MASK, const OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtSetEvent(HANDLE, LONG *);
NTSTATUS NTAPI NtOpenDirectoryObject(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *);
NTSTATUS NTAPI NtQueryDirectoryObject(HANDLE, void *, ULONG, BOOLEAN, BOOLEAN, ULONG *, ULONG *);
#endif
#endif
