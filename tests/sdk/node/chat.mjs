// A chat, its usage, and many at once.
import assert from 'node:assert/strict';
import { client, hello } from './client.mjs';

const done = await client.chat.completions.create({ model: 'echo', messages: hello });
assert.equal(done.choices[0].message.content, hello[0].content);
assert.equal(done.model, 'echo');
assert.equal(done.usage.completion_tokens, 3);

const texts = Array.from({ length: 30 }, (_, i) => `text ${i}`);
const answers = await Promise.all(
  texts.map((content) => client.chat.completions.create({ model: 'echo', messages: [{ role: 'user', content }] })));
assert.deepEqual(answers.map((a) => a.choices[0].message.content), texts);

const stream = await client.chat.completions.create(
  { model: 'chat', messages: hello, stream: true, stream_options: { include_usage: true } });
let last;
for await (const chunk of stream) last = chunk;
assert.deepEqual(last.choices, []);
assert.ok(last.usage.completion_tokens > 0);
