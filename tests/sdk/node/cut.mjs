// A stream that breaks is an error, never a short answer.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { client, hello } from './client.mjs';

let text = '';
await assert.rejects(async () => {
  for await (const chunk of await client.chat.completions.create({ model: 'm', messages: hello, stream: true }))
    text += chunk.choices[0].delta.content;
}, OpenAI.APIError);
assert.equal(text, 'Hello');
