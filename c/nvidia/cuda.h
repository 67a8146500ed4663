/* NVIDIA's driver library, opened at run time: what encoder and decoder share of it. One struct pb_cuda is one GPU with the
 * context that all users of it in this process share. The libraries are the user's; only their free headers (MIT) are compiled
 * in, and nothing is linked. A library that was opened stays open, because drivers leave threads behind. */
#ifndef PB_CUDA_H
#define PB_CUDA_H
#include "../shim.h"

#include <ffnvcodec/dynlink_cuda.h>

typedef CUresult CUDAAPI pb_cu_mem_alloc_host(void **out, size_t bytes);
typedef CUresult CUDAAPI pb_cu_mem_free_host(void *memory);
typedef CUresult CUDAAPI pb_cu_driver_get_version(int *version);

/* The names say the version of the interface that the types describe. */
#define PB_CUDA_FUNCTIONS(F) \
    F(Init, tcuInit, "cuInit") \
    F(DriverGetVersion, pb_cu_driver_get_version, "cuDriverGetVersion") \
    F(DeviceGetCount, tcuDeviceGetCount, "cuDeviceGetCount") \
    F(DeviceGet, tcuDeviceGet, "cuDeviceGet") \
    F(DeviceGetName, tcuDeviceGetName, "cuDeviceGetName") \
    F(DevicePrimaryCtxSetFlags, tcuDevicePrimaryCtxSetFlags, "cuDevicePrimaryCtxSetFlags") \
    F(DevicePrimaryCtxRetain, tcuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain") \
    F(DevicePrimaryCtxRelease, tcuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease") \
    F(CtxPushCurrent, tcuCtxPushCurrent_v2, "cuCtxPushCurrent_v2") \
    F(CtxPopCurrent, tcuCtxPopCurrent_v2, "cuCtxPopCurrent_v2") \
    F(MemAllocHost, pb_cu_mem_alloc_host, "cuMemAllocHost_v2") \
    F(MemFreeHost, pb_cu_mem_free_host, "cuMemFreeHost") \
    F(Memcpy2D, tcuMemcpy2D_v2, "cuMemcpy2D_v2") \
    F(GetErrorName, tcuGetErrorName, "cuGetErrorName") \
    F(GetErrorString, tcuGetErrorString, "cuGetErrorString")

struct pb_cuda {
#define F(name, type, symbol) type *name;
    PB_CUDA_FUNCTIONS(F)
#undef F
    int devices;
    CUdevice device;
    CUcontext context; /* NULL until one is taken */
    char name[96];     /* of the GPU that was taken */
};

/* Opens a library of the driver. False with a sentence that names it and `remedy`. */
bool pb_nvidia_library(const char *soname, const char *remedy, void **library, char *error, size_t size);
/* Looks a function up; `out` is a pointer to a pointer to a function. */
bool pb_nvidia_symbol(void *library, const char *symbol, void *out);

/* Opens the driver and counts its GPUs: false with a sentence when there is no driver, or no GPU that it may use. */
bool pb_cuda_load(struct pb_cuda *cuda, char *error, size_t size);
/* Takes the GPU of that number, from 0; the one taken before must have been given back. */
bool pb_cuda_take(struct pb_cuda *cuda, int number, char *error, size_t size);
void pb_cuda_give_back(struct pb_cuda *cuda);

/* The GPU's context becomes, and ceases to be, this thread's current one. What it does to the GPU stands between these. */
CUresult pb_cuda_enter(const struct pb_cuda *cuda);
void pb_cuda_leave(const struct pb_cuda *cuda);

/* "GPU: call: what CUDA calls the error (how it describes it); remedy". */
void pb_cuda_explain(const struct pb_cuda *cuda, const char *call, CUresult code, char *out, size_t size);
#endif
