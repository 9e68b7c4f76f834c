// What every scenario begins with.
import OpenAI from 'openai';

export const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0 });
export const hello = [{ role: 'user', content: 'Hello there, gateway' }];
