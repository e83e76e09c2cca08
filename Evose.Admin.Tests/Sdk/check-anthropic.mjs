// The unmodified Anthropic SDK: only its base URL and its key are ours. Prints one JSON line with what it saw.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: process.env.BASE_URL, apiKey: process.env.EVOSE_KEY, maxRetries: 0 });
const ask = { model: "claude-test", max_tokens: 16, messages: [{ role: "user", content: "hi" }] };
const seen = {};

const message = await client.messages.create(ask);
seen.completion = message.content[0].text;

seen.stream = [];
for await (const event of await client.messages.create({ ...ask, stream: true })) {
  if (event.type === "content_block_delta") seen.stream.push(event.delta.text);
}

try {
  await client.messages.create({ ...ask, model: "no-such-model" });
} catch (e) {
  seen.error = { status: e.status, type: e.error?.error?.type };
}
console.log(JSON.stringify(seen));
