// The official Anthropic SDK: Messages, with messages.stream and messages.parse.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";
import * as c from "./cases.mjs";

const client = new Anthropic({ baseURL: c.GATEWAY, apiKey: "dummy" });
const person = z.object({ name: z.string(), age: z.number().int() });
const tools = c.TOOLS.map((name) => ({ name, input_schema: c.PARAMETERS }));
const request = (model, content) => ({ model, max_tokens: 1000, messages: [{ role: "user", content }] });
const create = (body) => client.messages.create(body);
const stream = (body) => client.messages.stream(body).finalMessage();

async function turns(model, prompt, whole) {
  const body = { ...request(model, prompt), tools };
  const first = await whole(body);
  assert.equal(first.stop_reason, "tool_use");
  const calls = first.content.filter((block) => block.type === "tool_use");
  for (const call of calls) c.checkArguments(call.input);
  const results = calls.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: "sunny" }));
  const said = [{ role: "assistant", content: first.content }, { role: "user", content: results }];
  const second = await whole({ ...body, messages: [...body.messages, ...said] });
  c.checkAnswer(second.content[0].text, model);
  return calls;
}
const checkBoth = (calls) => c.checkBoth(calls.map((call) => call.name), calls.map((call) => call.id));

const messages = {
  text: async (model) => {
    const { content, stop_reason, usage } = await create(request(model, "Say hi."));
    assert.equal(content.length, 1);
    c.checkAnswer(content[0].text, model);
    assert.equal(stop_reason, "end_turn");
    c.checkUsage(usage.input_tokens, usage.output_tokens);
  },
  "text, streamed, with usage": async (model) => {
    const seen = [];
    let [text, usage] = ["", {}];
    for await (const event of await create({ ...request(model, "Say hi."), stream: true })) {
      seen.push(event.type);
      if (event.type === "content_block_delta") text += event.delta.text;
      if (event.type === "message_start") usage = { ...event.message.usage };
      if (event.type === "message_delta") {
        for (const [name, count] of Object.entries(event.usage)) usage[name] = count ?? usage[name];
        assert.equal(event.delta.stop_reason, "end_turn");
      }
    }
    c.checkAnswer(text, model);
    assert.equal(seen[0], "message_start");
    assert.deepEqual(seen.slice(-3), ["content_block_stop", "message_delta", "message_stop"]);
    c.checkUsage(usage.input_tokens, usage.output_tokens);
  },
  "stream helper": async (model) => {
    const helper = client.messages.stream(request(model, "Say hi."));
    let text = "";
    helper.on("text", (piece) => (text += piece));
    c.checkAnswer(await helper.finalText(), model);
    c.checkAnswer(text, model);
    const { usage } = await helper.finalMessage();
    c.checkUsage(usage.input_tokens, usage.output_tokens);
  },
  "tool, two turns": (model) => turns(model, c.ONE_TOOL, create),
  "tool, two turns, streamed": (model) => turns(model, c.ONE_TOOL, stream),
  "parallel tools": async (model) => checkBoth(await turns(model, c.TWO_TOOLS, create)),
  "parallel tools, streamed": async (model) => checkBoth(await turns(model, c.TWO_TOOLS, stream)),
  "JSON schema": async (model) => {
    const output_config = { format: zodOutputFormat(person) };
    c.checkObject((await client.messages.parse({ ...request(model, "Who?"), output_config })).parsed_output);
  },
  "unknown model": async () => {
    const { error } = await c.failure(() => create(request("argo:no-such-model", "Say hi.")));
    assert.ok(error instanceof Anthropic.NotFoundError, `${error}`);
    assert.match(error.message, /no-such-model/);
    assert.equal(error.type, "not_found_error");
  },
  "error within the stream": async (model) => {
    let text = "";
    const { error } = await c.failure(async () => {
      for await (const event of await create({ ...request(model, c.BROKEN), stream: true })) {
        if (event.type === "content_block_delta") text += event.delta.text;
      }
    });
    assert.ok(text, "no text before the error");
    assert.ok(error instanceof Anthropic.APIError && !(error instanceof Anthropic.APIConnectionError), `${error}`);
    assert.match(error.type ?? "", /_error$/);
  },
  timeout: async (model) => {
    const { error, seconds } = await c.failure(() => create({ ...request(model, c.SLOW), timeout: 1 }));
    assert.ok(error instanceof Anthropic.InternalServerError && error.status === 504, `${error}`);
    assert.equal(error.type, "timeout_error");
    c.checkTimeout(seconds, error.message);
  },
  "timeout within the stream": async (model) => {
    const { error, seconds } = await c.failure(async () => {
      for await (const _event of await create({ ...request(model, c.STUCK), timeout: 1, stream: true }));
    });
    assert.equal(error.type, "timeout_error", `${error}`);
    c.checkTimeout(seconds, error.message);
  },
  "count tokens": async (model) => {
    const { max_tokens: _limit, ...body } = request(model, "Say hi.");
    assert.ok((await client.messages.countTokens(body)).input_tokens > 0);
  },
};

await c.prove({ messages });
