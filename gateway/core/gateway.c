#include "gateway/core/gateway.h"

#include "gateway/base/crypto.h"

uint64_t worker_dice(struct worker *w)
{
    uint64_t x = w->dice;
    while (x == 0)
        crypto_random(&x, sizeof x);
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    w->dice = x;
    return x * 0x2545F4914F6CDD1DULL;
}

void worker_request_id(struct worker *w, int64_t wall_ms, char id[REQUEST_ID_BYTES])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    enum { PREFIX = 4, TIME = 10, CHANCE = 8 };
    uint64_t time = (uint64_t)wall_ms, chance[] = {worker_dice(w), worker_dice(w)};
    id[0] = 'r', id[1] = 'e', id[2] = 'q', id[3] = '_';
    for (unsigned i = 0; i < TIME; i++, time >>= 5)
        id[PREFIX + TIME - 1 - i] = digits[time & 31];
    for (unsigned i = 0; i < 2 * CHANCE; i++) {
        id[PREFIX + TIME + i] = digits[chance[i / CHANCE] & 31];
        chance[i / CHANCE] >>= 5;
    }
    id[PREFIX + TIME + 2 * CHANCE] = '\0';
}
