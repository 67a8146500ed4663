/* Small helpers for servers; xshm.h declares the functions. */
#ifndef XSHM_SERVER_H
#define XSHM_SERVER_H
#include "xshm.h"

static inline shm_endpoint_config_t xshm_server_config(const char *name) {
    shm_endpoint_config_t config = {name};
    return config;
}
static inline shm_callbacks_t xshm_server_callbacks_default(void) {
    shm_callbacks_t none = {0, 0, 0, 0, 0, 0, 0, 0};
    return none;
}
static inline shm_auto_options_t xshm_server_auto_options_default(void) { return shm_auto_options_default(); }
static inline shm_multi_options_t xshm_multi_options_default(void) { return shm_multi_options_default(); }
static inline shm_multi_callbacks_t xshm_multi_callbacks_default(void) { return shm_multi_callbacks_default(); }

#endif
