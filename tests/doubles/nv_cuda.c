/* library: libcuda.so.1 */
/* A stand-in for CUDA's driver library, as far as video needs it: one GPU without arithmetic. It holds the books for the
 * stand-ins of encoder and decoder too (nv.h). */
#include "nv.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { INVALID_VALUE = 1, NOT_INITIALIZED = 3, INVALID_CONTEXT = 201, NOT_SUPPORTED = 801 };
enum { OBJECTS = 512, COUNTED = 128, DEPTH = 8 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char complaints[16384], script[1024], option_value[128];
static unsigned complained;
static struct {
    const void *object;
    const char *kind;
    size_t bytes; /* of device memory */
} objects[OBJECTS];
static struct {
    char name[48];
    unsigned calls;
} counted[COUNTED];
static bool initialized;
static struct CUctx_st {
    unsigned retained;
} primary;
static struct CUctx_st created; /* of cuCtxCreate: one at a time is all that anybody needs here */
static __thread CUcontext stack[DEPTH];
static __thread unsigned depth;
/* Added to addresses of device memory, so that the host faults on them. */
static const CUdeviceptr far_away = 1ull << 62;

/* Rewritten at each complaint, because some programs end without a word to their libraries. */
static void report(void) {
    const char *path = getenv("NV_DOUBLE_REPORT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "%u complaints\n%s", complained, complaints);
    fclose(file);
}

void nv_complain(const char *format, ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pthread_mutex_lock(&lock);
    size_t used = strlen(complaints);
    snprintf(complaints + used, sizeof complaints - used, "%s\n", text);
    complained++;
    report();
    pthread_mutex_unlock(&lock);
}

/* The word of the script that begins with `start`, from behind it; up to the next space. */
static const char *word_of(const char *start) {
    size_t length = strlen(start);
    for (const char *at = script; *at;) {
        if (!strncmp(at, start, length)) {
            snprintf(option_value, sizeof option_value, "%.*s", (int)strcspn(at + length, " "), at + length);
            return option_value;
        }
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    return NULL;
}

const char *nv_option(const char *name) {
    char start[64];
    snprintf(start, sizeof start, "%s=", name);
    return word_of(start);
}

bool nv_misbehaves(const char *function, int *code) {
    unsigned calls = 0;
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < COUNTED; i++) {
        if (counted[i].calls && strcmp(counted[i].name, function)) continue;
        snprintf(counted[i].name, sizeof counted[i].name, "%s", function);
        calls = ++counted[i].calls;
        break;
    }
    char start[80];
    snprintf(start, sizeof start, "%s@%u=", function, calls);
    const char *answer = word_of(start);
    snprintf(start, sizeof start, "%s@*=", function);
    if (!answer) answer = word_of(start);
    if (answer) *code = atoi(answer);
    pthread_mutex_unlock(&lock);
    return answer != NULL;
}

void nv_add(const void *object, const char *kind) {
    pthread_mutex_lock(&lock);
    unsigned i = 0;
    while (i < OBJECTS && objects[i].object) i++;
    if (i < OBJECTS) objects[i].object = object, objects[i].kind = kind, objects[i].bytes = 0;
    pthread_mutex_unlock(&lock);
}

static int index_of(const void *object, const char *kind) {
    for (int i = 0; i < OBJECTS; i++)
        if (object && objects[i].object == object && !strcmp(objects[i].kind, kind)) return i;
    return -1;
}

bool nv_is(const void *object, const char *kind) {
    pthread_mutex_lock(&lock);
    bool found = index_of(object, kind) >= 0;
    pthread_mutex_unlock(&lock);
    return found;
}

bool nv_remove(const void *object, const char *kind) {
    pthread_mutex_lock(&lock);
    int at = index_of(object, kind);
    if (at >= 0) objects[at].object = NULL;
    pthread_mutex_unlock(&lock);
    if (at < 0) nv_complain("%p is no %s, or no longer", object, kind);
    return at >= 0;
}

CUdeviceptr nv_device_new(size_t bytes) {
    void *memory = calloc(1, bytes);
    nv_add(memory, "device memory");
    pthread_mutex_lock(&lock);
    objects[index_of(memory, "device memory")].bytes = bytes;
    pthread_mutex_unlock(&lock);
    return (CUdeviceptr)(uintptr_t)memory + far_away;
}

bool nv_device_free(CUdeviceptr at) {
    void *memory = (void *)(uintptr_t)(at - far_away);
    if (!nv_remove(memory, "device memory")) return false;
    free(memory);
    return true;
}

uint8_t *nv_device_bytes(CUdeviceptr at, size_t bytes) {
    uintptr_t wanted = (uintptr_t)(at - far_away);
    uint8_t *found = NULL;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < OBJECTS; i++) {
        uintptr_t begin = (uintptr_t)objects[i].object;
        if (begin && objects[i].bytes && wanted >= begin && wanted - begin <= objects[i].bytes && bytes <= objects[i].bytes - (wanted - begin))
            found = (uint8_t *)wanted;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

void nv_begin(const char *words) {
    pthread_mutex_lock(&lock);
    complaints[0] = 0;
    complained = 0;
    memset(counted, 0, sizeof counted);
    memset(objects, 0, sizeof objects);
    snprintf(script, sizeof script, "%s", words ? words : "");
    primary.retained = 0;
    pthread_mutex_unlock(&lock);
}

unsigned nv_end(char *out, size_t size) {
    for (int i = 0; i < OBJECTS; i++)
        if (objects[i].object) nv_complain("a %s is still there at the end", objects[i].kind);
    if (primary.retained) nv_complain("the primary context was retained %u times more than released", primary.retained);
    if (depth) nv_complain("%u contexts are still on this thread's stack", depth);
    if (out) snprintf(out, size, "%s", complaints);
    return complained;
}

__attribute__((constructor)) static void start(void) { nv_begin(getenv("NV_DOUBLE")); }

__attribute__((destructor)) static void end(void) {
    nv_end(NULL, 0);
    report();
}

CUcontext nv_current(void) { return depth ? stack[depth - 1] : NULL; }

#define BEGIN(name) \
    int answer; \
    if (nv_misbehaves(name, &answer)) return (CUresult)answer; \
    if (!initialized) { \
        nv_complain("%s before cuInit", name); \
        return (CUresult)NOT_INITIALIZED; \
    }

#define IN_CONTEXT(name) \
    BEGIN(name) \
    if (!depth) { \
        nv_complain("%s without a current context", name); \
        return (CUresult)INVALID_CONTEXT; \
    }

static CUresult refuse(const char *why) {
    nv_complain("%s", why);
    return (CUresult)INVALID_VALUE;
}

NV_EXPORT CUresult cuInit(unsigned flags) {
    int answer;
    if (nv_misbehaves("cuInit", &answer)) return (CUresult)answer;
    if (flags) return refuse("cuInit with flags");
    initialized = true;
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuDriverGetVersion(int *version) {
    BEGIN("cuDriverGetVersion")
    *version = 12020;
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuDeviceGetCount(int *count) {
    BEGIN("cuDeviceGetCount")
    const char *wanted = nv_option("devices");
    *count = wanted ? atoi(wanted) : 1;
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuDeviceGet(CUdevice *device, int ordinal) {
    BEGIN("cuDeviceGet")
    int count = 0;
    cuDeviceGetCount(&count);
    if (ordinal < 0 || ordinal >= count) return refuse("cuDeviceGet of a GPU that is not there");
    *device = ordinal;
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuDeviceGetName(char *name, int size, CUdevice device) {
    (void)device;
    BEGIN("cuDeviceGetName")
    snprintf(name, (size_t)size, "Stand-in GPU");
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
    (void)device, (void)attribute;
    BEGIN("cuDeviceGetAttribute")
    *value = 8;
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuDeviceComputeCapability(int *major, int *minor, CUdevice device) {
    (void)device;
    BEGIN("cuDeviceComputeCapability")
    *major = 8, *minor = 6;
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuDevicePrimaryCtxSetFlags(CUdevice device, unsigned flags) {
    (void)device, (void)flags;
    BEGIN("cuDevicePrimaryCtxSetFlags")
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
    (void)device;
    BEGIN("cuDevicePrimaryCtxRetain")
    pthread_mutex_lock(&lock);
    primary.retained++;
    pthread_mutex_unlock(&lock);
    *context = &primary;
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuDevicePrimaryCtxRelease(CUdevice device) {
    (void)device;
    BEGIN("cuDevicePrimaryCtxRelease")
    if (!primary.retained) return refuse("the primary context was released more often than retained");
    pthread_mutex_lock(&lock);
    primary.retained--;
    pthread_mutex_unlock(&lock);
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuCtxCreate_v2(CUcontext *context, unsigned flags, CUdevice device) {
    (void)device, (void)flags;
    BEGIN("cuCtxCreate")
    if (depth == DEPTH) return refuse("cuCtxCreate with too many contexts on the stack");
    nv_add(&created, "context");
    *context = stack[depth++] = &created;
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuCtxDestroy_v2(CUcontext context) {
    BEGIN("cuCtxDestroy")
    if (depth && stack[depth - 1] == context) depth--;
    return nv_remove(context, "context") ? CUDA_SUCCESS : (CUresult)INVALID_CONTEXT;
}

NV_EXPORT CUresult cuCtxPushCurrent_v2(CUcontext context) {
    BEGIN("cuCtxPushCurrent")
    bool alive = context == &primary ? primary.retained > 0 : nv_is(context, "context");
    if (!alive) return refuse("cuCtxPushCurrent of a context that nobody holds");
    if (depth == DEPTH) return refuse("cuCtxPushCurrent with too many contexts on the stack");
    stack[depth++] = context;
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuCtxPopCurrent_v2(CUcontext *context) {
    BEGIN("cuCtxPopCurrent")
    if (!depth) return refuse("cuCtxPopCurrent with no context on the stack");
    *context = stack[--depth];
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuCtxGetDevice(CUdevice *device) {
    IN_CONTEXT("cuCtxGetDevice")
    *device = 0;
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuMemAllocHost_v2(void **out, size_t bytes) {
    IN_CONTEXT("cuMemAllocHost")
    *out = malloc(bytes);
    nv_add(*out, "pinned memory");
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuMemFreeHost(void *memory) {
    IN_CONTEXT("cuMemFreeHost")
    if (!nv_remove(memory, "pinned memory")) return (CUresult)INVALID_VALUE;
    free(memory);
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuMemAlloc_v2(CUdeviceptr *out, size_t bytes) {
    IN_CONTEXT("cuMemAlloc")
    *out = nv_device_new(bytes);
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuMemFree_v2(CUdeviceptr memory) {
    IN_CONTEXT("cuMemFree")
    return nv_device_free(memory) ? CUDA_SUCCESS : (CUresult)INVALID_VALUE;
}

/* Where the first row begins, or NULL when a row would lie outside of a block or beside its pitch. */
static uint8_t *side(CUmemorytype type, const void *host, CUdeviceptr device, size_t x, size_t y, size_t pitch, const CUDA_MEMCPY2D *c) {
    if (pitch < x + c->WidthInBytes) return NULL;
    size_t begin = y * pitch + x, bytes = c->Height ? (c->Height - 1) * pitch + c->WidthInBytes : 0;
    if (type == CU_MEMORYTYPE_HOST) return host ? (uint8_t *)(uintptr_t)host + begin : NULL;
    return type == CU_MEMORYTYPE_DEVICE ? nv_device_bytes(device + begin, bytes) : NULL;
}

NV_EXPORT CUresult cuMemcpy2D_v2(const CUDA_MEMCPY2D *c) {
    IN_CONTEXT("cuMemcpy2D")
    if (!c->WidthInBytes || !c->Height) return CUDA_SUCCESS;
    uint8_t *to = side(c->dstMemoryType, c->dstHost, c->dstDevice, c->dstXInBytes, c->dstY, c->dstPitch, c);
    const uint8_t *from = side(c->srcMemoryType, c->srcHost, c->srcDevice, c->srcXInBytes, c->srcY, c->srcPitch, c);
    if (!to || !from) {
        nv_complain("cuMemcpy2D of %zux%zu outside of its memory: from %d %llx pitch %zu at %zu,%zu, to %d %p pitch %zu", c->WidthInBytes, c->Height, (int)c->srcMemoryType, c->srcDevice, c->srcPitch, c->srcXInBytes, c->srcY, (int)c->dstMemoryType, c->dstHost, c->dstPitch);
        return (CUresult)INVALID_VALUE;
    }
    for (size_t row = 0; row < c->Height; row++) memcpy(to + row * c->dstPitch, from + row * c->srcPitch, c->WidthInBytes);
    return CUDA_SUCCESS;
}

/* Everything is done when a call returns. */
NV_EXPORT CUresult cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D *copy, CUstream stream) {
    (void)stream;
    return cuMemcpy2D_v2(copy);
}

NV_EXPORT CUresult cuStreamSynchronize(CUstream stream) {
    (void)stream;
    IN_CONTEXT("cuStreamSynchronize")
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuGetErrorName(CUresult error, const char **name) {
    switch ((int)error) {
    case 2: *name = "CUDA_ERROR_OUT_OF_MEMORY"; break;
    case 46: *name = "CUDA_ERROR_DEVICE_UNAVAILABLE"; break;
    case 100: *name = "CUDA_ERROR_NO_DEVICE"; break;
    case 803: *name = "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"; break;
    case 999: *name = "CUDA_ERROR_UNKNOWN"; break;
    default: *name = NULL; return (CUresult)INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

NV_EXPORT CUresult cuGetErrorString(CUresult error, const char **text) {
    *text = "told to fail by a test";
    return error ? CUDA_SUCCESS : (CUresult)INVALID_VALUE;
}

/* Looked up by other programs, called by none that only encodes or decodes. */
#define ABSENT(name) \
    NV_EXPORT CUresult name(void); \
    CUresult name(void) { \
        nv_complain(#name " is not part of this stand-in"); \
        return (CUresult)NOT_SUPPORTED; \
    }
ABSENT(cuCtxSetLimit) ABSENT(cuMemAllocPitch_v2) ABSENT(cuMemAllocManaged) ABSENT(cuMemsetD8Async) ABSENT(cuMemcpy)
ABSENT(cuMemcpyAsync) ABSENT(cuMemcpyHtoD_v2) ABSENT(cuMemcpyHtoDAsync_v2)
ABSENT(cuMemcpyDtoH_v2) ABSENT(cuMemcpyDtoHAsync_v2) ABSENT(cuMemcpyDtoD_v2) ABSENT(cuMemcpyDtoDAsync_v2)
ABSENT(cuDevicePrimaryCtxGetState) ABSENT(cuDevicePrimaryCtxReset) ABSENT(cuStreamCreate) ABSENT(cuStreamQuery)
 ABSENT(cuStreamDestroy_v2) ABSENT(cuStreamAddCallback) ABSENT(cuEventCreate)
ABSENT(cuEventDestroy_v2) ABSENT(cuEventSynchronize) ABSENT(cuEventQuery) ABSENT(cuEventRecord) ABSENT(cuLaunchKernel)
ABSENT(cuLinkCreate) ABSENT(cuLinkAddData) ABSENT(cuLinkComplete) ABSENT(cuLinkDestroy) ABSENT(cuModuleLoadData)
ABSENT(cuModuleUnload) ABSENT(cuModuleGetFunction) ABSENT(cuModuleGetGlobal) ABSENT(cuTexObjectCreate)
ABSENT(cuTexObjectDestroy) ABSENT(cuGLGetDevices_v2) ABSENT(cuGraphicsGLRegisterImage) ABSENT(cuGraphicsUnregisterResource)
ABSENT(cuGraphicsMapResources) ABSENT(cuGraphicsUnmapResources) ABSENT(cuGraphicsSubResourceGetMappedArray)
ABSENT(cuGraphicsResourceGetMappedPointer_v2) ABSENT(cuArray3DCreate_v2) ABSENT(cuArrayDestroy)
