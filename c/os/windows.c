/* os.h for Windows: NT sections as segments, in the session's own folder of named objects, closed to everyone but their owner.
 * Sleeping and watching are in windows_wait.c. The native calls are used because they tell name collisions, sizes and the
 * folder's entries exactly (xshm sections 1 and 6); nothing here needs administrator rights. */
#ifdef _WIN32
#include "os.h"
#include "windows_nt.h"

#include <aclapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "XSHM_SEG_"

static enum pb_os_status status_of(NTSTATUS code) {
    switch ((uint32_t)code) {
    case 0: return PB_OS_OK;
    case 0xC0000034: /* OBJECT_NAME_NOT_FOUND */
    case 0xC000003A: /* OBJECT_PATH_NOT_FOUND */ return PB_OS_NOT_FOUND;
    case 0x40000000: /* OBJECT_NAME_EXISTS */
    case 0xC0000035: /* OBJECT_NAME_COLLISION */ return PB_OS_EXISTS;
    case 0xC0000022: /* ACCESS_DENIED */
    case 0xC0000024: /* OBJECT_TYPE_MISMATCH: another kind of object has the name */ return PB_OS_DENIED;
    case 0xC0000017: /* NO_MEMORY */
    case 0xC000009A: /* INSUFFICIENT_RESOURCES */
    case 0xC000012D: /* COMMITMENT_LIMIT */
    case 0xC0000040: /* SECTION_TOO_BIG */ return PB_OS_NO_ROOM;
    case 0xC0000033: /* OBJECT_NAME_INVALID */ return PB_OS_NAME;
    default: return PB_OS_SYSTEM;
    }
}

/* The folder that Local\ stands for. */
static void folder_of(wchar_t *path, size_t room) {
    DWORD session = 0;
    ProcessIdToSessionId(GetCurrentProcessId(), &session);
    if (session) swprintf(path, room, L"\\Sessions\\%lu\\BaseNamedObjects", session);
    else swprintf(path, room, L"\\BaseNamedObjects");
}

bool pb_os_nt_name(struct pb_os_nt_name *out, const char *prefix, const char *name) {
    wchar_t folder[64];
    folder_of(folder, 64);
    char both[PB_OS_NAME_BYTES + 64];
    snprintf(both, sizeof both, "%s%s", prefix, name);
    int at = swprintf(out->text, PB_OS_NT_NAME, L"%ls\\", folder);
    int rest = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, both, -1, out->text + at, PB_OS_NT_NAME - at);
    if (at <= 0 || rest <= 0) return false;
    out->string.Buffer = out->text;
    out->string.Length = (USHORT)((size_t)(at + rest - 1) * sizeof(wchar_t));
    out->string.MaximumLength = sizeof out->text;
    return true;
}

/* The user this process runs as; freed by the caller. */
static TOKEN_USER *user(void) {
    HANDLE token;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) return NULL;
    DWORD size = 0;
    GetTokenInformation(token, TokenUser, NULL, 0, &size);
    TOKEN_USER *found = size ? malloc(size) : NULL;
    if (found && !GetTokenInformation(token, TokenUser, found, size, &size)) {
        free(found);
        found = NULL;
    }
    CloseHandle(token);
    return found;
}

bool pb_os_owner_only(struct pb_os_security *out) {
    out->user = user();
    out->list = NULL;
    if (!out->user) return false;
    DWORD room = sizeof(ACL) + sizeof(ACCESS_ALLOWED_ACE) + GetLengthSid(out->user->User.Sid);
    out->list = malloc(room);
    if (out->list && InitializeAcl(out->list, room, ACL_REVISION) &&
        AddAccessAllowedAce(out->list, ACL_REVISION, GENERIC_ALL, out->user->User.Sid) &&
        InitializeSecurityDescriptor(&out->descriptor, SECURITY_DESCRIPTOR_REVISION) &&
        SetSecurityDescriptorOwner(&out->descriptor, out->user->User.Sid, FALSE) &&
        SetSecurityDescriptorDacl(&out->descriptor, TRUE, out->list, FALSE))
        return true;
    pb_os_security_free(out);
    return false;
}

void pb_os_security_free(struct pb_os_security *security) {
    free(security->list);
    free(security->user);
    security->list = NULL;
    security->user = NULL;
}

bool pb_os_is_ours(HANDLE object) {
    PSID owner = NULL;
    PSECURITY_DESCRIPTOR descriptor = NULL;
    if (GetSecurityInfo(object, SE_KERNEL_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL, &descriptor))
        return false;
    TOKEN_USER *self = user();
    bool ours = self && owner && EqualSid(owner, self->User.Sid);
    free(self);
    LocalFree(descriptor);
    return ours;
}

static enum pb_os_status failed(struct pb_os_segment *segment, enum pb_os_status status) {
    pb_os_close(segment);
    return status;
}

static enum pb_os_status map(struct pb_os_segment *segment, size_t least) {
    struct pb_os_section_info about;
    NTSTATUS code = NtQuerySection((HANDLE)segment->handle, 0, &about, sizeof about, NULL);
    if (code) return status_of(code);
    if (about.size.QuadPart <= 0 || (uint64_t)about.size.QuadPart < least) return PB_OS_SIZE;
    SIZE_T view = 0;
    void *base = NULL;
    code = NtMapViewOfSection((HANDLE)segment->handle, GetCurrentProcess(), &base, 0, 0, NULL, &view, 2 /* ViewUnmap */, 0,
                              PAGE_READWRITE);
    if (code) return status_of(code);
    segment->memory = base;
    segment->size = (size_t)about.size.QuadPart;
    return PB_OS_OK;
}

static enum pb_os_status create(struct pb_os_segment *segment, UNICODE_STRING *name, size_t size) {
    struct pb_os_security security;
    if (!pb_os_owner_only(&security)) return PB_OS_SYSTEM;
    OBJECT_ATTRIBUTES about;
    InitializeObjectAttributes(&about, name, OBJ_CASE_INSENSITIVE, NULL, &security.descriptor);
    LARGE_INTEGER wanted = {.QuadPart = (LONGLONG)size};
    HANDLE handle = NULL;
    NTSTATUS code = NtCreateSection(&handle, SECTION_ALL_ACCESS, &about, &wanted, PAGE_READWRITE, SEC_COMMIT, NULL);
    pb_os_security_free(&security);
    if (code) {
        if (code > 0) NtClose(handle); /* the name was there already and was opened */
        return status_of(code);
    }
    segment->handle = (intptr_t)handle;
    enum pb_os_status status = map(segment, size);
    return status ? failed(segment, status) : PB_OS_OK;
}

enum pb_os_status pb_os_create(struct pb_os_segment *segment, const char *name, size_t size) {
    *segment = PB_OS_NO_SEGMENT;
    enum pb_os_status status = pb_os_check_name(name);
    struct pb_os_nt_name path;
    if (status) return status;
    if (!pb_os_nt_name(&path, PREFIX, name)) return PB_OS_NAME;
    if (!size || size > INT64_MAX) return PB_OS_SIZE;
    status = create(segment, &path.string, size);
    if (!status) strcpy(segment->name, name);
    return status;
}

enum pb_os_status pb_os_publish(struct pb_os_segment *segment) {
    (void)segment; /* has its name since create */
    return PB_OS_OK;
}

enum pb_os_status pb_os_open(struct pb_os_segment *segment, const char *name, size_t least) {
    *segment = PB_OS_NO_SEGMENT;
    enum pb_os_status status = pb_os_check_name(name);
    struct pb_os_nt_name path;
    if (status) return status;
    if (!pb_os_nt_name(&path, PREFIX, name)) return PB_OS_NAME;
    OBJECT_ATTRIBUTES about;
    InitializeObjectAttributes(&about, &path.string, OBJ_CASE_INSENSITIVE, NULL, NULL);
    HANDLE handle = NULL;
    NTSTATUS code =
        NtOpenSection(&handle, SECTION_QUERY | SECTION_MAP_READ | SECTION_MAP_WRITE | READ_CONTROL, &about);
    if (code) return status_of(code);
    segment->handle = (intptr_t)handle;
    status = pb_os_is_ours(handle) ? map(segment, least) : PB_OS_DENIED;
    if (status) return failed(segment, status);
    strcpy(segment->name, name);
    return PB_OS_OK;
}

enum pb_os_status pb_os_create_anonymous(struct pb_os_segment *segment, size_t size) {
    *segment = PB_OS_NO_SEGMENT;
    if (!size || size > INT64_MAX) return PB_OS_SIZE;
    return create(segment, NULL, size);
}

enum pb_os_status pb_os_adopt(struct pb_os_segment *segment, intptr_t handle, size_t least) {
    *segment = PB_OS_NO_SEGMENT;
    segment->handle = handle;
    enum pb_os_status status = map(segment, least);
    return status ? failed(segment, status) : PB_OS_OK;
}

bool pb_os_is_named(const struct pb_os_segment *segment) { return segment->name[0] != 0; }

enum pb_os_status pb_os_unlink(const struct pb_os_segment *segment) {
    (void)segment; /* a section goes with its last handle */
    return PB_OS_OK;
}

enum pb_os_status pb_os_remove(const char *name) {
    struct pb_os_segment found;
    enum pb_os_status status = pb_os_open(&found, name, 1);
    pb_os_close(&found);
    return status == PB_OS_OK ? PB_OS_UNSUPPORTED : status;
}

void pb_os_close(struct pb_os_segment *segment) {
    if (segment->memory) NtUnmapViewOfSection(GetCurrentProcess(), segment->memory);
    if (segment->handle != -1) NtClose((HANDLE)segment->handle);
    *segment = PB_OS_NO_SEGMENT;
}

/* The name after the prefix, in UTF-8; false when the entry is no segment of ours by name. */
static bool segment_name(const struct pb_os_directory_entry *entry, char name[PB_OS_NAME_BYTES + 1]) {
    char text[sizeof PREFIX + PB_OS_NAME_BYTES];
    int length = WideCharToMultiByte(CP_UTF8, 0, entry->name.Buffer, entry->name.Length / (int)sizeof(wchar_t), text,
                                     sizeof text - 1, NULL, NULL);
    if (length < (int)sizeof PREFIX || strncmp(text, PREFIX, sizeof PREFIX - 1)) return false;
    text[length] = 0;
    strcpy(name, text + sizeof PREFIX - 1);
    return pb_os_check_name(name) == PB_OS_OK;
}

enum pb_os_status pb_os_list(bool (*each)(const char *name, uint64_t size, void *context), void *context) {
    wchar_t path[64];
    folder_of(path, 64);
    UNICODE_STRING string;
    RtlInitUnicodeString(&string, path);
    OBJECT_ATTRIBUTES about;
    InitializeObjectAttributes(&about, &string, OBJ_CASE_INSENSITIVE, NULL, NULL);
    HANDLE folder;
    NTSTATUS code = NtOpenDirectoryObject(&folder, 1 /* DIRECTORY_QUERY */, &about);
    if (code) return status_of(code);
    _Alignas(struct pb_os_directory_entry) char entry[4096];
    ULONG at = 0, used;
    for (bool first = true; NtQueryDirectoryObject(folder, entry, sizeof entry, TRUE, first, &at, &used) == 0; first = false) {
        char name[PB_OS_NAME_BYTES + 1];
        struct pb_os_segment found;
        if (!segment_name((const struct pb_os_directory_entry *)entry, name)) continue;
        if (pb_os_open(&found, name, 1)) continue;
        uint64_t size = found.size;
        pb_os_close(&found);
        if (!each(name, size, context)) break;
    }
    NtClose(folder);
    return PB_OS_OK;
}

/* From an open process; 0 when it has ended. The start time is kept in ms, modulo 2^32. */
static pb_os_identity identity(HANDLE process, uint32_t process_id) {
    FILETIME born, died, kernel, own;
    if (WaitForSingleObject(process, 0) != WAIT_TIMEOUT) return 0;
    if (!GetProcessTimes(process, &born, &died, &kernel, &own)) return 0;
    uint64_t since = ((uint64_t)born.dwHighDateTime << 32 | born.dwLowDateTime) / 10000u;
    return process_id | since << 32;
}

pb_os_identity pb_os_identity_of(uint32_t process_id) {
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, process_id);
    if (!process) return 0;
    pb_os_identity found = identity(process, process_id);
    CloseHandle(process);
    return found;
}

pb_os_identity pb_os_self(void) { return pb_os_identity_of(GetCurrentProcessId()); }

uint64_t pb_os_now_us(void) {
    static _Atomic uint64_t frequency;
    LARGE_INTEGER value;
    uint64_t ticks = atomic_load_explicit(&frequency, memory_order_relaxed);
    if (!ticks) {
        QueryPerformanceFrequency(&value);
        ticks = (uint64_t)value.QuadPart;
        atomic_store_explicit(&frequency, ticks, memory_order_relaxed);
    }
    QueryPerformanceCounter(&value);
    uint64_t now = (uint64_t)value.QuadPart;
    return now / ticks * 1000000u + now % ticks * 1000000u / ticks;
}
#endif
