// The unmodified OpenAI SDK: only its base URL and its key are ours. Prints one JSON line with what it saw.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.EVOSE_KEY, maxRetries: 0 });
const ask = { model: "gpt-test", messages: [{ role: "user", content: "hi" }] };
const seen = {};

const completion = await client.chat.completions.create(ask);
seen.completion = completion.choices[0].message.content;

seen.stream = [];
for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) {
  const text = chunk.choices[0]?.delta?.content;
  if (text) seen.stream.push(text);
}

try {
  await client.chat.completions.create({ ...ask, model: "no-such-model" });
} catch (e) {
  seen.error = { status: e.status, code: e.code, type: e.constructor.name };
}
console.log(JSON.stringify(seen));
