// Each status is its class, with type, code and message as the upstream said them.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { client, hello } from './client.mjs';

const kinds = [OpenAI.BadRequestError, OpenAI.NotFoundError, OpenAI.ConflictError, OpenAI.UnprocessableEntityError,
  OpenAI.RateLimitError, OpenAI.InternalServerError, OpenAI.InternalServerError];
for (const kind of kinds) {
  await assert.rejects(client.chat.completions.create({ model: 'm', messages: hello }), (e) => {
    assert.ok(e instanceof kind, `${e.status} is ${e.constructor.name}`);
    assert.equal(e.code, 'some_code');
    assert.equal(e.type, 'some_type');
    assert.match(e.message, /as it was said/);
    assert.ok(e.requestID);
    return true;
  });
}
await assert.rejects(client.withOptions({ apiKey: 'sk-wrong' }).models.list(), OpenAI.AuthenticationError);
