/* sources: c/crypto/sodium.c libs: -lsodium */
/* Sealing against the published vector whose nonce begins with four zero bytes (RFC 8439, appendix A.5), in place and not,
 * and every way in which a sealed packet can be wrong. */
#include <string.h>

#include "../../c/crypto/crypto.h"
#include "check.h"

static const uint8_t key[32] = {0x1c, 0x92, 0x40, 0xa5, 0xeb, 0x55, 0xd3, 0x8a, 0xf3, 0x33, 0x88, 0x86, 0x04, 0xf6, 0xb5, 0xf0,
                                0x47, 0x39, 0x17, 0xc1, 0x40, 0x2b, 0x80, 0x09, 0x9d, 0xca, 0x5c, 0xbc, 0x20, 0x70, 0x75, 0xc0};
/* Nonce 00 00 00 00 01 02 03 04 05 06 07 08. */
static const uint64_t counter = 0x0807060504030201u;
static const uint8_t associated[12] = {0xf3, 0x33, 0x88, 0x86, 0, 0, 0, 0, 0, 0, 0x4e, 0x91};
static const char plain[] =
    "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, replaced, or obsoleted by other "
    "documents at any time. It is inappropriate to use Internet-Drafts as reference material or to cite them other than as "
    "/\xe2\x80\x9cwork in progress./\xe2\x80\x9d";
enum { PLAIN = sizeof plain - 1, SEALED = PLAIN + 16 };
static const uint8_t sealed_start[8] = {0x64, 0xa0, 0x86, 0x15, 0x75, 0x86, 0x1a, 0xf4};
static const uint8_t tag[16] = {0xee, 0xad, 0x9d, 0x67, 0x89, 0x0c, 0xbb, 0x22, 0x39, 0x23, 0x36, 0xfe, 0xa1, 0x85, 0x1f, 0x38};

static int32_t open_copy(const uint8_t *k, uint64_t n, const uint8_t *ad, const uint8_t *sealed, uint32_t size) {
    uint8_t out[SEALED];
    return pb_aead_open(k, n, ad, sizeof associated, sealed, size, out);
}

static void published_vector(uint8_t *sealed) {
    CHECK(PLAIN == 265);
    pb_aead_seal(key, counter, associated, sizeof associated, plain, PLAIN, sealed);
    CHECK(memcmp(sealed, sealed_start, sizeof sealed_start) == 0);
    CHECK(memcmp(sealed + PLAIN, tag, sizeof tag) == 0);
    uint8_t same[SEALED];
    memcpy(same, plain, PLAIN);
    pb_aead_seal(key, counter, associated, sizeof associated, same, PLAIN, same);
    CHECK(memcmp(same, sealed, SEALED) == 0);
    CHECK(pb_aead_open(key, counter, associated, sizeof associated, same, SEALED, same) == PLAIN);
    CHECK(memcmp(same, plain, PLAIN) == 0);
}

static void forgeries(uint8_t *sealed) {
    uint8_t wrong_key[32], wrong_associated[12];
    memcpy(wrong_key, key, sizeof key);
    memcpy(wrong_associated, associated, sizeof associated);
    wrong_key[31] ^= 1;
    wrong_associated[11] ^= 0x80;
    CHECK(open_copy(key, counter, associated, sealed, SEALED) == PLAIN);
    CHECK(open_copy(wrong_key, counter, associated, sealed, SEALED) == -1);
    CHECK(open_copy(key, counter + 1, associated, sealed, SEALED) == -1);
    CHECK(open_copy(key, counter, wrong_associated, sealed, SEALED) == -1);
    for (uint32_t size = 0; size < SEALED; size++) CHECK(open_copy(key, counter, associated, sealed, size) == -1);
    for (uint32_t bit = 0; bit < SEALED * 8; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(open_copy(key, counter, associated, sealed, SEALED) == -1);
        sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void empty_message(void) {
    uint8_t only_tag[16];
    pb_aead_seal(key, 0, NULL, 0, NULL, 0, only_tag);
    CHECK(pb_aead_open(key, 0, NULL, 0, only_tag, 16, NULL) == 0);
    only_tag[0] ^= 1;
    CHECK(pb_aead_open(key, 0, NULL, 0, only_tag, 16, NULL) == -1);
}

int main(void) {
    uint8_t sealed[SEALED];
    CHECK(pb_crypto_ready());
    published_vector(sealed);
    forgeries(sealed);
    empty_message();
    return 0;
}
