/* IP addresses: from text, from and to the system's form, and the number that TypeScript tells senders apart by.
 * Names are never resolved here. IPv4 addresses that a two-family socket reports inside IPv6 come out as IPv4. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "../crypto/crypto.h"
#include "net.h"

enum { TEXT_BYTES = INET6_ADDRSTRLEN + IF_NAMESIZE + 1 };

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* What follows the % of an address: an interface's name or number. 0: there is none such. */
static uint32_t scope_of(const char *text) {
    uint32_t scope = if_nametoindex(text);
    if (scope) return scope;
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    return *text && !*end && number <= UINT32_MAX ? (uint32_t)number : 0;
}

bool pb_address_parse(const char *text, uint32_t port, struct pb_address *out) {
    char address[TEXT_BYTES];
    memset(out, 0, sizeof *out);
    if (port > UINT16_MAX || strlen(text) >= sizeof address) return false;
    out->port = (uint16_t)port;
    if (inet_pton(AF_INET, text, out->ip) == 1) {
        out->family = 4;
        return true;
    }
    strcpy(address, text);
    char *percent = strchr(address, '%');
    if (percent) {
        *percent = 0;
        out->scope = scope_of(percent + 1);
        if (!out->scope) return false;
    }
    if (inet_pton(AF_INET6, address, out->ip) != 1) return false;
    out->family = 6;
    if (memcmp(out->ip, mapped, sizeof mapped) == 0) {
        uint8_t ip[4];
        memcpy(ip, out->ip + 12, 4);
        memset(out->ip, 0, sizeof out->ip);
        memcpy(out->ip, ip, 4);
        out->family = 4;
        out->scope = 0;
    }
    return true;
}

bool pb_address_to_system(const struct pb_address *address, int family, struct pb_sockaddr *out) {
    memset(out, 0, sizeof *out);
    if (family == AF_INET) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&out->bytes;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address->port);
        memcpy(&v4->sin_addr, address->ip, 4);
        out->size = sizeof *v4;
        return address->family == 4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->bytes;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address->port);
    v6->sin6_scope_id = address->scope;
    out->size = sizeof *v6;
    if (address->family == 4) {
        memcpy(&v6->sin6_addr, mapped, sizeof mapped);
        memcpy((uint8_t *)&v6->sin6_addr + 12, address->ip, 4);
        return true;
    }
    memcpy(&v6->sin6_addr, address->ip, 16);
    return address->family == 6;
}

void pb_address_from_system(const struct sockaddr_storage *from, struct pb_datagram *out) {
    memset(out->ip, 0, sizeof out->ip);
    out->scope = 0;
    out->family = 4;
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
        memcpy(out->ip, &v4->sin_addr, 4);
        out->port = ntohs(v4->sin_port);
        return;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
    out->port = ntohs(v6->sin6_port);
    if (memcmp(&v6->sin6_addr, mapped, sizeof mapped) == 0) {
        memcpy(out->ip, (const uint8_t *)&v6->sin6_addr + 12, 4);
        return;
    }
    memcpy(out->ip, &v6->sin6_addr, 16);
    out->family = 6;
    out->scope = v6->sin6_scope_id;
}

/* IPv4 is exact, below 2^48. IPv6 lies from 2^52 to 2^53: a keyed hash of what the first 24 bytes hold. */
double pb_address_key(const uint8_t hash_key[16], const struct pb_datagram *address) {
    if (address->family == 4) {
        uint32_t ip;
        memcpy(&ip, address->ip, 4);
        return (double)((uint64_t)ntohl(ip) << 16 | address->port);
    }
    const uint64_t space = (uint64_t)1 << 52;
    _Static_assert(offsetof(struct pb_datagram, received_us) == 24, "the address comes first");
    return (double)(space | (pb_crypto_short_hash(hash_key, address, 24) & (space - 1)));
}
