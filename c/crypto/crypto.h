/* Sealing of packets: ChaCha20-Poly1305 of RFC 8439, nonce and associated data as RootStream section 13 fixes them. */
#ifndef PB_CRYPTO_H
#define PB_CRYPTO_H
#include "../gen/abi.h"

enum { PB_AEAD_KEY_BYTES = 32, PB_AEAD_NONCE_BYTES = 12, PB_AEAD_TAG_BYTES = 16 };

/* Makes the library choose its code for this processor; from any thread, any number of times. False: it cannot be used. */
bool pb_crypto_ready(void);

/* 16 random bytes and the keyed 64-bit hash (SipHash-2-4) under them, for tables that strangers must not be able to aim at. */
void pb_crypto_random(void *out, size_t size);
uint64_t pb_crypto_short_hash(const uint8_t key[16], const void *data, size_t size);

#endif
