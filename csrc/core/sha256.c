#include "sha256.h"

#include <stdint.h>
#include <string.h>

#include "buffer.h"

#define BLOCK 64

/* FIPS 180-4, 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
    0x428a2f98U, 0x71374491U, 0xb5c0fbcfU, 0xe9b5dba5U, 0x3956c25bU, 0x59f111f1U, 0x923f82a4U, 0xab1c5ed5U,
    0xd807aa98U, 0x12835b01U, 0x243185beU, 0x550c7dc3U, 0x72be5d74U, 0x80deb1feU, 0x9bdc06a7U, 0xc19bf174U,
    0xe49b69c1U, 0xefbe4786U, 0x0fc19dc6U, 0x240ca1ccU, 0x2de92c6fU, 0x4a7484aaU, 0x5cb0a9dcU, 0x76f988daU,
    0x983e5152U, 0xa831c66dU, 0xb00327c8U, 0xbf597fc7U, 0xc6e00bf3U, 0xd5a79147U, 0x06ca6351U, 0x14292967U,
    0x27b70a85U, 0x2e1b2138U, 0x4d2c6dfcU, 0x53380d13U, 0x650a7354U, 0x766a0abbU, 0x81c2c92eU, 0x92722c85U,
    0xa2bfe8a1U, 0xa81a664bU, 0xc24b8b70U, 0xc76c51a3U, 0xd192e819U, 0xd6990624U, 0xf40e3585U, 0x106aa070U,
    0x19a4c116U, 0x1e376c08U, 0x2748774cU, 0x34b0bcb5U, 0x391c0cb3U, 0x4ed8aa4aU, 0x5b9cca4fU, 0x682e6ff3U,
    0x748f82eeU, 0x78a5636fU, 0x84c87814U, 0x8cc70208U, 0x90befffaU, 0xa4506cebU, 0xbef9a3f7U, 0xc67178f2U};

static uint32_t rotate(uint32_t word, unsigned bits) {
  return word >> bits | word << (32 - bits);
}

/* Section 6.2.2. */
static void compress(uint32_t state[8], uint32_t schedule[64], const unsigned char *block) {
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  for (size_t t = 0; t < 16; t++)
    schedule[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 | (uint32_t)block[4 * t + 2] << 8 |
                  (uint32_t)block[4 * t + 3];
  for (size_t t = 16; t < 64; t++) {
    uint32_t early = schedule[t - 15], late = schedule[t - 2];
    uint32_t sigma0 = rotate(early, 7) ^ rotate(early, 18) ^ early >> 3;
    uint32_t sigma1 = rotate(late, 17) ^ rotate(late, 19) ^ late >> 10;
    schedule[t] = schedule[t - 16] + sigma0 + schedule[t - 7] + sigma1;
  }
  for (size_t t = 0; t < 64; t++) {
    uint32_t sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    uint32_t sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    uint32_t first = h + sum1 + ((e & f) ^ (~e & g)) + constants[t] + schedule[t];
    uint32_t second = sum0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

void lks_sha256(const void *data, size_t length, unsigned char digest[LKS_SHA256_SIZE]) {
  uint32_t state[8] = {0x6a09e667U, 0xbb67ae85U, 0x3c6ef372U, 0xa54ff53aU,
                       0x510e527fU, 0x9b05688cU, 0x1f83d9abU, 0x5be0cd19U};
  uint32_t schedule[64];
  unsigned char tail[2 * BLOCK] = {0};
  const unsigned char *bytes = data;
  size_t rest = length % BLOCK, whole = length - rest;
  for (size_t at = 0; at < whole; at += BLOCK) compress(state, schedule, bytes + at);

  /* The padding is a one bit, zeros, and the length in bits as a big-endian 64-bit number (5.1.1). */
  size_t padded = rest + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
  uint64_t bit_length = (uint64_t)length * 8;
  if (rest > 0) memcpy(tail, bytes + whole, rest);
  tail[rest] = 0x80;
  for (unsigned i = 0; i < 8; i++) tail[padded - 1 - i] = (unsigned char)(bit_length >> 8 * i);
  for (size_t at = 0; at < padded; at += BLOCK) compress(state, schedule, tail + at);

  for (size_t i = 0; i < LKS_SHA256_SIZE; i++) digest[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
  /* What is hashed here is a key, and these hold enough to rebuild its last block. */
  lks_wipe(schedule, sizeof schedule);
  lks_wipe(tail, sizeof tail);
}
