// Tool calls, whole and streamed.
import assert from 'node:assert/strict';
import { client, hello } from './client.mjs';

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const tools = ['get_weather', 'get_time'].map((name) => ({ type: 'function', function: { name, parameters } }));
const asked = [{ role: 'user', content: 'use get_weather and get_time' }];

const { message, finish_reason } = (await client.chat.completions.create({ model: 'chat', messages: asked, tools })).choices[0];
assert.equal(finish_reason, 'tool_calls');
assert.deepEqual(message.tool_calls.map((c) => c.function.name), ['get_weather', 'get_time']);

const streamed = await client.chat.completions.stream({ model: 'chat', messages: asked, tools }).finalMessage();
assert.deepEqual(streamed.tool_calls.map((c) => c.function.arguments), message.tool_calls.map((c) => c.function.arguments));
for (const call of streamed.tool_calls) assert.equal(typeof JSON.parse(call.function.arguments).city, 'string');

const named = await client.chat.completions.create(
  { model: 'chat', messages: hello, tools, tool_choice: { type: 'function', function: { name: 'get_time' } } });
assert.equal(named.choices[0].message.tool_calls[0].function.name, 'get_time');
