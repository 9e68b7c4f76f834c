// The list of models, one of them, and one that is not there.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { client } from './client.mjs';

const ids = [];
for await (const model of client.models.list()) ids.push(model.id);
assert.ok(ids.includes('echo') && ids.includes('m'));
assert.equal((await client.models.retrieve('echo')).id, 'echo');
await assert.rejects(client.models.retrieve('org/none'), OpenAI.NotFoundError);
