/* The shim's ciphers, by libsodium. Keeps no key and no counter: the caller owns both and never uses a pair twice.
 * Nonce: four zero bytes, then the counter, little-endian (RootStream section 13). */
#include "crypto.h"

#include <sodium.h>

#include "../gen/wire.h"

_Static_assert(crypto_aead_chacha20poly1305_ietf_KEYBYTES == PB_AEAD_KEY_BYTES, "key");
_Static_assert(crypto_aead_chacha20poly1305_ietf_NPUBBYTES == PB_AEAD_NONCE_BYTES, "nonce");
_Static_assert(crypto_aead_chacha20poly1305_ietf_ABYTES == PB_AEAD_TAG_BYTES, "tag");
_Static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8, "short hash");

bool pb_crypto_ready(void) { return sodium_init() >= 0; }

/* Before the first call from TypeScript, so that sealing a packet need not ask. */
__attribute__((constructor)) static void prepare(void) { pb_crypto_ready(); }

void pb_crypto_random(void *out, size_t size) { randombytes_buf(out, size); }

uint64_t pb_crypto_short_hash(const uint8_t key[16], const void *data, size_t size) {
    uint8_t hash[8];
    crypto_shorthash(hash, data, size, key);
    return pb_wire_load_u64(hash);
}

static void put_nonce(uint8_t nonce[PB_AEAD_NONCE_BYTES], uint64_t counter) {
    pb_wire_store_u32(nonce, 0);
    pb_wire_store_u64(nonce + 4, counter);
}

void pb_aead_seal(const uint8_t *key, uint64_t counter, const void *data_to_authenticate, uint32_t authenticate_size,
                  const void *plain, uint32_t size, void *out) {
    uint8_t nonce[PB_AEAD_NONCE_BYTES];
    put_nonce(nonce, counter);
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain, size, data_to_authenticate, authenticate_size, NULL, nonce,
                                              key);
}

int32_t pb_aead_open(const uint8_t *key, uint64_t counter, const void *data_to_authenticate, uint32_t authenticate_size,
                     const void *sealed, uint32_t size, void *out) {
    uint8_t nonce[PB_AEAD_NONCE_BYTES];
    unsigned long long plain_size = 0;
    /* The result is an int32_t: what it cannot count is refused like a forgery. */
    if (size < PB_AEAD_TAG_BYTES || size - PB_AEAD_TAG_BYTES > INT32_MAX) return -1;
    put_nonce(nonce, counter);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(out, &plain_size, NULL, sealed, size, data_to_authenticate,
                                                  authenticate_size, nonce, key) != 0)
        return -1;
    return (int32_t)plain_size;
}
