// Vectors, as base64 (which the SDK asks for by itself) and as numbers.
import assert from 'node:assert/strict';
import { client } from './client.mjs';

const decoded = (await client.embeddings.create({ model: 'embed', input: ['one two', 'one'] })).data;
const floats = (await client.embeddings.create({ model: 'embed', input: 'one two', encoding_format: 'float' })).data;
assert.equal(decoded.length, 2);
assert.equal(decoded[0].embedding.length, 256);
decoded[0].embedding.forEach((v, i) => assert.ok(Math.abs(v - floats[0].embedding[i]) < 1e-6));
