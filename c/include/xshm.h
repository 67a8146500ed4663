/* Messages between two programs of one user through shared memory: the C interface of xShm, by its names, for C11 and C++17.
 * Link with `pkg-config --cflags --libs patchbay_ipc`. This header declares everything; xshm_server.h and xshm_client.h add small
 * inline helpers for one side.
 *
 * A channel has two rings of 2 MiB and 250 messages, one each way. A full ring never blocks: the newest message evicts the oldest,
 * and counters tell. A plain handle is used by one thread at a time; automatic and multi-client ones by any thread. Callbacks run
 * on the handle's worker thread and may call everything, stopping included. */
#ifndef XSHM_H
#define XSHM_H
#include <stdbool.h>
#include <stdint.h>

#if defined(_WIN32)
#if defined(XSHM_EXPORTS)
#define XSHM_API __declspec(dllexport)
#else
#define XSHM_API
#endif
#elif defined(XSHM_EXPORTS)
#define XSHM_API __attribute__((visibility("default")))
#else
#define XSHM_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum shm_error_t {
    SHM_SUCCESS = 0,
    SHM_ERROR_INVALID_PARAM = -1, /* null, bad size or bad name */
    SHM_ERROR_MEMORY = -2,        /* the buffer is too small; the message is kept and *size tells what it needs */
    SHM_ERROR_TIMEOUT = -3,
    SHM_ERROR_EMPTY = -4,     /* no message */
    SHM_ERROR_EXISTS = -5,    /* already connected, or the name is in use */
    SHM_ERROR_NOT_FOUND = -6, /* not connected, or nobody serves this name */
    SHM_ERROR_ACCESS = -7,    /* the operating system refused */
    SHM_ERROR_NOT_READY = -8, /* the sender overtook every attempt to read: try again */
    SHM_ERROR_PROTOCOL = -9,  /* the handshake failed, or the peer broke the ring */
    SHM_ERROR_FULL = -10,     /* no room, and nothing may be evicted */
    SHM_ERROR_NO_SLOT = -11   /* every slot has a client */
} shm_error_t;

typedef enum shm_direction_t { SHM_DIR_SERVER_TO_CLIENT = 0, SHM_DIR_CLIENT_TO_SERVER = 1 } shm_direction_t;

#define SHM_NO_SLOT UINT32_MAX /* instead of a slot or client id: none */
#define SHM_FOREVER UINT32_MAX /* as a time-out in milliseconds: wait for ever */

typedef struct shm_endpoint_config_t {
    const char *name; /* 1 to 197 bytes, without slash, backslash, control character, ".." and leading dot */
} shm_endpoint_config_t;

typedef struct shm_callbacks_t {
    void (*on_connect)(void *user_data);
    void (*on_disconnect)(void *user_data);
    void (*on_data_available)(void *user_data);  /* automatic handles: before a batch of on_message */
    void (*on_space_available)(void *user_data); /* automatic handles: the peer made room after an overflow */
    void (*on_error)(shm_error_t error, void *user_data);
    void *user_data;
    void (*on_message)(shm_direction_t direction, const void *data, uint32_t size, void *user_data);
    void (*on_overflow)(shm_direction_t direction, uint32_t dropped, void *user_data);
} shm_callbacks_t;

/* Plain endpoints: they wait when they are told to. Of the callbacks only on_connect, on_disconnect and on_error are called. */
typedef struct ServerHandle ServerHandle;
typedef struct ClientHandle ClientHandle;

typedef struct shm_event_handles_t { /* eventfds on Linux, NT events on Windows; they belong to the server */
    intptr_t s2c_data;               /* signalled when a message for the client came into an empty ring */
    intptr_t c2s_data;               /* to be signalled when a message for the server came */
} shm_event_handles_t;

/* NULL and on_error when it cannot be: the name is bad or served already, or there is no memory. `callbacks` may be NULL. */
XSHM_API ServerHandle *shm_server_start(const shm_endpoint_config_t *config, const shm_callbacks_t *callbacks);
/* SHM_SUCCESS, SHM_ERROR_TIMEOUT, or SHM_ERROR_EXISTS while a living client is connected. After a client has left or died it takes
 * the next one; what the old one sent and was not received is gone then. */
XSHM_API shm_error_t shm_server_wait_for_client(ServerHandle *handle, uint32_t timeout_ms);
XSHM_API shm_error_t shm_server_send(ServerHandle *handle, const void *data, uint32_t size);
/* Does not wait. *size: room in, length out. SHM_ERROR_EMPTY; SHM_ERROR_NOT_FOUND once the peer is gone and all is received. */
XSHM_API shm_error_t shm_server_receive(ServerHandle *handle, void *buffer, uint32_t *size);
/* Waits until there is something to receive. */
XSHM_API shm_error_t shm_server_poll(ServerHandle *handle, uint32_t timeout_ms);
/* False and zeros for an anonymous server. */
XSHM_API bool shm_server_get_event_handles(ServerHandle *handle, shm_event_handles_t *out);
XSHM_API void shm_server_stop(ServerHandle *handle);

XSHM_API ClientHandle *shm_client_connect(const shm_endpoint_config_t *config, const shm_callbacks_t *callbacks,
                                          uint32_t timeout_ms);
XSHM_API bool shm_client_is_connected(const ClientHandle *handle);
XSHM_API shm_error_t shm_client_send(ClientHandle *handle, const void *data, uint32_t size);
XSHM_API shm_error_t shm_client_receive(ClientHandle *handle, void *buffer, uint32_t *size);
XSHM_API shm_error_t shm_client_poll(ClientHandle *handle, uint32_t timeout_ms);
XSHM_API void shm_client_disconnect(ClientHandle *handle);

/* As send, but a full ring is SHM_ERROR_FULL and nothing is evicted; then wait for room (asleep) or try again. */
XSHM_API shm_error_t shm_server_try_send(ServerHandle *handle, const void *data, uint32_t size);
XSHM_API shm_error_t shm_client_try_send(ClientHandle *handle, const void *data, uint32_t size);
/* Until a message of `size` bytes has room. */
XSHM_API shm_error_t shm_server_wait_for_space(ServerHandle *handle, uint32_t size, uint32_t timeout_ms);
XSHM_API shm_error_t shm_client_wait_for_space(ClientHandle *handle, uint32_t size, uint32_t timeout_ms);

/* Without a name: reachable only by a handle, which goes to the client by inheritance or over a Unix socket. */
XSHM_API ServerHandle *shm_server_start_anonymous(const shm_callbacks_t *callbacks);
/* The section's handle (a descriptor on Linux), which stays the server's; -1 for a named server. */
XSHM_API intptr_t shm_server_section_handle(const ServerHandle *handle);
/* Takes `section` over, also when it fails. */
XSHM_API ClientHandle *shm_client_connect_section(intptr_t section, const shm_callbacks_t *callbacks, uint32_t timeout_ms);
/* Linux: hands a section over a connected Unix socket, and takes it there; -1 when none came or the peer is another user. */
XSHM_API shm_error_t shm_section_send(intptr_t socket, intptr_t section);
XSHM_API intptr_t shm_section_receive(intptr_t socket);

/* Automatic: a worker thread takes clients one after the other, or connects again by itself, and calls back. */
typedef struct AutoServerHandle AutoServerHandle;
typedef struct AutoClientHandle AutoClientHandle;

typedef struct shm_auto_options_t {
    uint32_t poll_timeout_ms;    /* kept for programs of the original; the worker sleeps until something happens */
    uint32_t reconnect_delay_ms; /* from a failed attempt to the next */
    uint32_t connect_timeout_ms; /* for the server's answer */
    uint32_t max_send_queue;     /* messages kept while nobody is connected; the oldest gives way */
    uint32_t recv_batch;         /* messages taken in one go */
} shm_auto_options_t;

typedef struct shm_auto_stats_t {
    uint64_t sent_messages;
    uint64_t send_overflows; /* given way in the queue or evicted from the ring */
    uint64_t received_messages;
    uint64_t receive_overflows; /* evicted by the peer before they were received */
} shm_auto_stats_t;

XSHM_API shm_auto_options_t shm_auto_options_default(void);
XSHM_API AutoServerHandle *shm_server_start_auto(const shm_endpoint_config_t *config, const shm_callbacks_t *callbacks,
                                                 const shm_auto_options_t *options);
XSHM_API shm_error_t shm_server_send_auto(AutoServerHandle *handle, const void *data, uint32_t size);
XSHM_API bool shm_server_stats_auto(const AutoServerHandle *handle, shm_auto_stats_t *out);
/* Waits for a callback in progress; from inside a callback it returns at once and ends after it. */
XSHM_API void shm_server_stop_auto(AutoServerHandle *handle);
XSHM_API AutoClientHandle *shm_client_connect_auto(const shm_endpoint_config_t *config, const shm_callbacks_t *callbacks,
                                                   const shm_auto_options_t *options);
XSHM_API shm_error_t shm_client_send_auto(AutoClientHandle *handle, const void *data, uint32_t size);
XSHM_API bool shm_client_stats_auto(const AutoClientHandle *handle, shm_auto_stats_t *out);
XSHM_API void shm_client_disconnect_auto(AutoClientHandle *handle);

/* Many clients: slots `name`_0, `name`_1, ..., each a channel of its own. */
typedef struct MultiServerHandle MultiServerHandle;
typedef struct MultiClientHandle MultiClientHandle;

typedef struct shm_multi_options_t {
    uint32_t max_clients; /* 1 to 31 */
    uint32_t poll_timeout_ms;
    uint32_t recv_batch; /* messages taken from one client before the next has its turn */
} shm_multi_options_t;

typedef struct shm_multi_callbacks_t {
    void (*on_client_connect)(uint32_t client_id, void *user_data);
    void (*on_client_disconnect)(uint32_t client_id, void *user_data);
    void (*on_message)(uint32_t client_id, const void *data, uint32_t size, void *user_data);
    void (*on_error)(uint32_t client_id, shm_error_t error, void *user_data);
    void *user_data;
} shm_multi_callbacks_t;

XSHM_API shm_multi_options_t shm_multi_options_default(void);
XSHM_API shm_multi_callbacks_t shm_multi_callbacks_default(void);
XSHM_API MultiServerHandle *shm_multi_server_start(const char *base_name, const shm_multi_callbacks_t *callbacks,
                                                   const shm_multi_options_t *options);
XSHM_API shm_error_t shm_multi_server_send_to(MultiServerHandle *handle, uint32_t client_id, const void *data, uint32_t size);
/* `sent_count` may be NULL: clients that it reached. */
XSHM_API shm_error_t shm_multi_server_broadcast(MultiServerHandle *handle, const void *data, uint32_t size,
                                                uint32_t *sent_count);
XSHM_API shm_error_t shm_multi_server_disconnect_client(MultiServerHandle *handle, uint32_t client_id);
XSHM_API uint32_t shm_multi_server_client_count(const MultiServerHandle *handle);
XSHM_API bool shm_multi_server_is_client_connected(const MultiServerHandle *handle, uint32_t client_id);
/* SHM_ERROR_MEMORY when there are more than `room`; *count tells how many there are. */
XSHM_API shm_error_t shm_multi_server_get_clients(const MultiServerHandle *handle, uint32_t *ids, uint32_t room, uint32_t *count);
/* Length without the final zero, or 0 when there is no such slot or no room. */
XSHM_API uint32_t shm_multi_server_channel_name(const MultiServerHandle *handle, uint32_t slot, char *buffer, uint32_t size);
XSHM_API void shm_multi_server_stop(MultiServerHandle *handle);

typedef struct shm_multi_client_options_t {
    uint32_t slot_timeout_ms; /* for the server's answer, at most 8000 */
    uint32_t poll_timeout_ms;
    uint32_t recv_batch;
    uint32_t max_send_queue;
} shm_multi_client_options_t;

typedef struct shm_multi_client_callbacks_t {
    void (*on_connect)(uint32_t slot_id, void *user_data);
    void (*on_disconnect)(void *user_data);
    void (*on_message)(const void *data, uint32_t size, void *user_data);
    void (*on_overflow)(uint32_t dropped, void *user_data);
    void (*on_error)(shm_error_t error, void *user_data);
    void *user_data;
} shm_multi_client_callbacks_t;

XSHM_API shm_multi_client_options_t shm_multi_client_options_default(void);
XSHM_API shm_multi_client_callbacks_t shm_multi_client_callbacks_default(void);
/* Looks for a free slot, and again whenever the connection ends. */
XSHM_API MultiClientHandle *shm_multi_client_connect(const char *base_name, const shm_multi_client_callbacks_t *callbacks,
                                                     const shm_multi_client_options_t *options);
XSHM_API shm_error_t shm_multi_client_send(MultiClientHandle *handle, const void *data, uint32_t size);
XSHM_API uint32_t shm_multi_client_slot_id(const MultiClientHandle *handle);
XSHM_API bool shm_multi_client_is_connected(const MultiClientHandle *handle);
XSHM_API void shm_multi_client_disconnect(MultiClientHandle *handle);

#ifdef __cplusplus
}
#endif
#endif
