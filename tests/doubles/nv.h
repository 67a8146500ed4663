/* What the stand-ins for NVIDIA's libraries share. Each call is checked as the documentation asks for it: order, versions and
 * sizes of structs, reserved fields, contexts current on the thread, lifetimes. A breach is a complaint; tests hold the list of
 * complaints to be empty. They can be told to misbehave by a script, a list of words:
 *   FUNCTION@N=CODE  the N-th call of that function (from 1; * for each) does nothing and answers CODE
 *   NAME=VALUE       what the three files look up by nv_option()
 * A program's first script is the environment's NV_DOUBLE; with NV_DOUBLE_REPORT, each complaint is written there, and at exit
 * what was leaked. */
#ifndef NV_DOUBLE_H
#define NV_DOUBLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <ffnvcodec/dynlink_cuda.h>

#define NV_EXPORT __attribute__((visibility("default")))

__attribute__((format(printf, 1, 2))) NV_EXPORT void nv_complain(const char *format, ...);
/* Counts a call; true when the script wants this one to fail, with the code to answer. */
NV_EXPORT bool nv_misbehaves(const char *function, int *code);
/* The script's value of that name, or NULL. */
NV_EXPORT const char *nv_option(const char *name);
NV_EXPORT CUcontext nv_current(void);

/* Objects that live: what is still there at the end was leaked. */
NV_EXPORT void nv_add(const void *object, const char *kind);
NV_EXPORT bool nv_is(const void *object, const char *kind);
NV_EXPORT bool nv_remove(const void *object, const char *kind);

/* Device memory: addresses that the host cannot read. */
NV_EXPORT CUdeviceptr nv_device_new(size_t bytes);
NV_EXPORT bool nv_device_free(CUdeviceptr at);
/* Where the host finds `bytes` of it, or NULL when they are not all inside one block. */
NV_EXPORT uint8_t *nv_device_bytes(CUdeviceptr at, size_t bytes);

/* For tests: forgets everything and takes a script; says how many complaints there were and which, leaks included. */
NV_EXPORT void nv_begin(const char *script);
NV_EXPORT unsigned nv_end(char *out, size_t size);

static inline bool nv_zeros(const void *memory, size_t bytes) {
    const uint8_t *at = memory;
    for (size_t i = 0; i < bytes; i++)
        if (at[i]) return false;
    return true;
}
#endif
