// Prints each piece of text as it comes.
import { client, hello } from './client.mjs';

for await (const chunk of await client.chat.completions.create({ model: 'm', messages: hello, stream: true })) {
  const text = chunk.choices[0].delta.content;
  if (text) console.log(text);
}
