// A document that a schema describes.
import assert from 'node:assert/strict';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { client, hello } from './client.mjs';

const Trip = z.object({ city: z.string(), days: z.int(), tags: z.array(z.string()) });
const done = await client.chat.completions.parse(
  { model: 'chat', messages: hello, response_format: zodResponseFormat(Trip, 'trip') });
assert.equal(typeof done.choices[0].message.parsed.city, 'string');
assert.ok(Number.isInteger(done.choices[0].message.parsed.days));
