"""Reads the vectors of test_price on stdin and computes each cost and bound anew, in Decimal."""
import decimal, sys

decimal.getcontext().prec = 60
PICO, MILLION, NANO = decimal.Decimal("1e-12"), decimal.Decimal("1e-6"), decimal.Decimal("1e-9")
count = 0
for line in sys.stdin:
    numbers = [int(word) for word in line.split()]
    n, rest = numbers[0], numbers[1:]
    tiers = [rest[i * 8:i * 8 + 8] for i in range(n)]
    inp, cached, written, audio_in, out, reasoning, audio_out, cost, bound = rest[n * 8:]
    tier = [t for t in tiers if t[0] == 0 or inp > t[0]][-1]
    tokens = [inp - cached - written - audio_in, cached, written, audio_in,
              out - reasoning - audio_out, reasoning, audio_out]
    usd = sum(decimal.Decimal(t) * p * PICO * MILLION for t, p in zip(tokens, tier[1:]))
    want = int((usd / NANO).to_integral_value(decimal.ROUND_HALF_EVEN))
    most = max(decimal.Decimal(inp) * max(t[1:5]) + decimal.Decimal(out) * max(t[5:8])
               for t in tiers if t[0] == 0 or inp > t[0]) * PICO * MILLION
    want_bound = int((most / NANO).to_integral_value(decimal.ROUND_CEILING))
    if (cost, bound) != (want, want_bound):
        sys.exit(f"{line.strip()}: want {want} and {want_bound}")
    count += 1
sys.exit(0 if count == 5000 else f"only {count} vectors came")
