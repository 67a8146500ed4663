/* See cuda.h. All that the driver says, counts and names included, is looked at before it is used. */
#include "cuda.h"

#include <dlfcn.h>
#include <string.h>

enum { MAX_DEVICES = 16 };
enum { NO_DEVICE = 100, DRIVER_MISMATCH = 803, COMPATIBILITY = 804 };

bool pb_nvidia_library(const char *soname, const char *remedy, void **library, char *error, size_t size) {
    *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (*library) return true;
    const char *said = dlerror();
    if (said && !strstr(said, "No such file"))
        pb_error(error, size, "%s cannot be opened: %s", soname, said);
    else
        pb_error(error, size, "%s is not installed (%s)", soname, remedy);
    return false;
}

bool pb_nvidia_symbol(void *library, const char *symbol, void *out) {
    /* POSIX lets an address become a function pointer; ISO C does not, hence the copy. */
    void *found = dlsym(library, symbol);
    memcpy(out, &found, sizeof found);
    return found != NULL;
}

static const char *remedy_of(CUresult code) {
    switch ((int)code) {
    case NO_DEVICE: return "; is /dev/nvidia0 there and may this user open it? A container must be given the GPU";
    case DRIVER_MISMATCH:
    case COMPATIBILITY: return "; the kernel's module is of another version than the libraries: restart the machine";
    default: return "; nvidia-smi and the kernel's log tell what became of the GPU";
    }
}

void pb_cuda_explain(const struct pb_cuda *cuda, const char *call, CUresult code, char *out, size_t size) {
    const char *name = NULL, *text = NULL;
    if (cuda->GetErrorName && cuda->GetErrorName(code, &name)) name = NULL;
    if (cuda->GetErrorString && cuda->GetErrorString(code, &text)) text = NULL;
    pb_error(out, size, "%s: %s: %.64s (%.96s, %d)%s", *cuda->name ? cuda->name : "NVIDIA driver", call,
             name ? name : "an error that CUDA has no name for", text ? text : "no description", (int)code, remedy_of(code));
}

bool pb_cuda_load(struct pb_cuda *cuda, char *error, size_t size) {
    void *library;
    memset(cuda, 0, sizeof *cuda);
    char why[200];
    static const char remedy[] = "Debian: apt install nvidia-driver libcuda1; Ubuntu: ubuntu-drivers install";
    if (!pb_nvidia_library("libcuda.so.1", remedy, &library, why, sizeof why)) {
        pb_error(error, size, "no NVIDIA driver: %s", why);
        return false;
    }
#define F(name, type, symbol) \
    if (!pb_nvidia_symbol(library, symbol, &cuda->name)) { \
        pb_error(error, size, "this NVIDIA driver is too old: libcuda.so.1 lacks %s; install version 470 or newer", symbol); \
        return false; \
    }
    PB_CUDA_FUNCTIONS(F)
#undef F
    CUresult code = cuda->Init(0);
    if (code) {
        pb_cuda_explain(cuda, "cuInit", code, error, size);
        return false;
    }
    code = cuda->DeviceGetCount(&cuda->devices);
    if (code || cuda->devices < 1) {
        pb_cuda_explain(cuda, "cuDeviceGetCount", code ? code : (CUresult)NO_DEVICE, error, size);
        return false;
    }
    if (cuda->devices > MAX_DEVICES) cuda->devices = MAX_DEVICES;
    return true;
}

bool pb_cuda_take(struct pb_cuda *cuda, int number, char *error, size_t size) {
    const char *call = "cuDeviceGet";
    CUresult code = cuda->DeviceGet(&cuda->device, number);
    if (code) goto fail;
    if (cuda->DeviceGetName(cuda->name, sizeof cuda->name - 1, cuda->device)) cuda->name[0] = 0;
    cuda->name[sizeof cuda->name - 1] = 0;
    if (!cuda->name[0]) pb_error(cuda->name, sizeof cuda->name, "NVIDIA GPU %d", number);
    /* Waiting for the GPU sleeps. It is refused where the context is in use already, and then stays as it is. */
    cuda->DevicePrimaryCtxSetFlags(cuda->device, CU_CTX_SCHED_BLOCKING_SYNC);
    call = "cuDevicePrimaryCtxRetain";
    code = cuda->DevicePrimaryCtxRetain(&cuda->context, cuda->device);
    if (!code && cuda->context) return true;
fail:
    cuda->context = NULL;
    pb_cuda_explain(cuda, call, code, error, size);
    return false;
}

void pb_cuda_give_back(struct pb_cuda *cuda) {
    if (cuda->context) cuda->DevicePrimaryCtxRelease(cuda->device);
    cuda->context = NULL;
}

CUresult pb_cuda_enter(const struct pb_cuda *cuda) { return cuda->CtxPushCurrent(cuda->context); }

void pb_cuda_leave(const struct pb_cuda *cuda) {
    CUcontext popped;
    cuda->CtxPopCurrent(&popped);
}
