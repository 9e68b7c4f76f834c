// A 429 is tried again, what says x-should-retry: false is not.
import assert from 'node:assert/strict';
import { client, hello } from './client.mjs';

const patient = client.withOptions({ maxRetries: 2 });
assert.equal((await patient.chat.completions.create({ model: 'm', messages: hello })).choices[0].message.content, 'Hello there');
await assert.rejects(patient.chat.completions.create({ model: 'm', messages: hello }), { code: 'upstream_refused' });
