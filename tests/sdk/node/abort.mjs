// Leaves in the middle of a stream.
import { client, hello } from './client.mjs';

const stream = await client.chat.completions.create({ model: 'm', messages: hello, stream: true });
for await (const chunk of stream) {
  if (!chunk.choices[0].delta.content) continue;
  console.log('aborting');
  break;
}
