/* What all systems tell alike: sentences for the status codes, which names are names, and whether a process lives. */
#include "os.h"

#include <string.h>

const char *pb_os_text(enum pb_os_status status) {
    switch (status) {
    case PB_OS_OK: return "done";
    case PB_OS_NAME: return "a name has 1 to 200 bytes, no slash, backslash, control character or \"..\", and no dot in front";
    case PB_OS_NOT_FOUND: return "there is no shared memory of this name";
    case PB_OS_EXISTS: return "this name is in use";
    case PB_OS_DENIED: return "it belongs to another user, is open to others, or is no shared memory";
    case PB_OS_SIZE: return "it has another size";
    case PB_OS_NO_ROOM: return "there is not enough memory for it (on Linux, look at df -h /dev/shm)";
    case PB_OS_TIMEOUT: return "the time is over";
    case PB_OS_STOPPED: return "waiting was ended";
    case PB_OS_UNSUPPORTED: return "this system cannot do it";
    case PB_OS_SYSTEM: break;
    }
    return "the operating system refused";
}

enum pb_os_status pb_os_check_name(const char *name) {
    size_t length = name ? strnlen(name, PB_OS_NAME_BYTES + 1) : 0;
    if (!length || length > PB_OS_NAME_BYTES || name[0] == '.' || strstr(name, "..")) return PB_OS_NAME;
    for (const char *at = name; *at; at++)
        if (*at == '/' || *at == '\\' || (unsigned char)*at < 0x20 || *at == 0x7f) return PB_OS_NAME;
    return PB_OS_OK;
}

bool pb_os_process_alive(pb_os_identity identity) {
    return identity && pb_os_identity_of((uint32_t)identity) == identity;
}
