// The Responses API, whole and as events.
import assert from 'node:assert/strict';
import { client } from './client.mjs';

const done = await client.responses.create({ model: 'echo', input: 'Hello again' });
assert.equal(done.output_text, 'Hello again');
assert.equal(done.usage.output_tokens, 2);

const types = [];
let text = '';
for await (const event of await client.responses.create({ model: 'echo', input: 'Hello again', stream: true })) {
  types.push(event.type);
  if (event.type === 'response.output_text.delta') text += event.delta;
}
assert.equal(text, 'Hello again');
assert.equal(types[0], 'response.created');
assert.equal(types.at(-1), 'response.completed');
assert.equal((await client.responses.stream({ model: 'echo', input: 'x' }).finalResponse()).output_text, 'x');
