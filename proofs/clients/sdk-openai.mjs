// The official OpenAI SDK: Chat Completions and Responses, with the helpers of both.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import * as c from "./cases.mjs";

const client = new OpenAI({ baseURL: `${c.GATEWAY}/v1`, apiKey: "dummy" });
const person = z.object({ name: z.string(), age: z.number().int() });
const say = (content) => [{ role: "user", content }];
const chatTools = c.TOOLS.map((name) => ({ type: "function", function: { name, parameters: c.PARAMETERS } }));
const tools = c.TOOLS.map((name) => ({ type: "function", name, parameters: c.PARAMETERS, strict: true }));

async function chatTurns(model, prompt, whole) {
  const messages = say(prompt);
  const first = await whole({ model, messages, tools: chatTools });
  assert.equal(first.choices[0].finish_reason, "tool_calls");
  const { message } = first.choices[0];
  for (const call of message.tool_calls) c.checkArguments(call.function.arguments);
  const results = message.tool_calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: "sunny" }));
  const second = await whole({ model, messages: [...messages, message, ...results], tools: chatTools });
  c.checkAnswer(second.choices[0].message.content, model);
  return message.tool_calls;
}
const chatCreate = (body) => client.chat.completions.create(body);
const chatStream = (body) => client.chat.completions.stream(body).finalChatCompletion();
const checkChatBoth = (calls) => c.checkBoth(calls.map((call) => call.function.name), calls.map((call) => call.id));

const chat = {
  text: async (model) => {
    const { choices, usage } = await chatCreate({ model, messages: say("Say hi.") });
    c.checkAnswer(choices[0].message.content, model);
    assert.equal(choices[0].finish_reason, "stop");
    c.checkUsage(usage.prompt_tokens, usage.completion_tokens);
    assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  },
  "text, streamed, with usage": async (model) => {
    const options = { stream: true, stream_options: { include_usage: true } };
    let [text, pieces, finish, usage] = ["", 0, null, null];
    for await (const chunk of await chatCreate({ model, messages: say("Say hi."), ...options })) {
      const choice = chunk.choices[0];
      if (choice?.delta.content) [text, pieces] = [text + choice.delta.content, pieces + 1];
      finish = choice?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    c.checkAnswer(text, model);
    assert.ok(pieces > 5, `${pieces} pieces`);
    assert.equal(finish, "stop");
    c.checkUsage(usage.prompt_tokens, usage.completion_tokens);
  },
  "stream helper": async (model) => {
    const { choices } = await chatStream({ model, messages: say("Say hi.") });
    c.checkAnswer(choices[0].message.content, model);
  },
  "tool, two turns": (model) => chatTurns(model, c.ONE_TOOL, chatCreate),
  "tool, two turns, streamed": (model) => chatTurns(model, c.ONE_TOOL, chatStream),
  "parallel tools": async (model) => checkChatBoth(await chatTurns(model, c.TWO_TOOLS, chatCreate)),
  "parallel tools, streamed": async (model) => checkChatBoth(await chatTurns(model, c.TWO_TOOLS, chatStream)),
  runTools: async (model) => {
    const asked = [];
    const runnable = c.TOOLS.map((name) => ({
      type: "function",
      function: { name, parameters: c.PARAMETERS, parse: JSON.parse, function: (given) => asked.push(given) && "sunny" },
    }));
    const runner = client.chat.completions.runTools({ model, messages: say(c.ONE_TOOL), tools: runnable, stream: true });
    c.checkAnswer(await runner.finalContent(), model);
    assert.equal(asked.length, 1);
    c.checkArguments(asked[0]);
  },
  "JSON schema": async (model) => {
    const format = zodResponseFormat(person, "person");
    const parsed = await client.chat.completions.parse({ model, messages: say("Who?"), response_format: format });
    c.checkObject(parsed.choices[0].message.parsed);
  },
  "unknown model": async () => {
    const { error } = await c.failure(() => chatCreate({ model: "argo:no-such-model", messages: say("Say hi.") }));
    assert.ok(error instanceof OpenAI.NotFoundError, `${error}`);
    assert.match(error.message, /no-such-model/);
    assert.equal(error.code, "model_not_found");
  },
  "error within the stream": async (model) => {
    let text = "";
    const { error } = await c.failure(async () => {
      for await (const chunk of await chatCreate({ model, messages: say(c.BROKEN), stream: true })) {
        text += chunk.choices[0]?.delta.content ?? "";
      }
    });
    assert.ok(text, "no text before the error");
    assert.ok(error instanceof OpenAI.APIError && !(error instanceof OpenAI.APIConnectionError), `${error}`);
    assert.ok(error.message && error.type, `message ${error.message}, type ${error.type}`);
  },
  timeout: async (model) => {
    const { error, seconds } = await c.failure(() => chatCreate({ model, messages: say(c.SLOW), timeout: 1 }));
    assert.ok(error instanceof OpenAI.InternalServerError && error.status === 504, `${error}`);
    assert.equal(error.code, "timeout_total");
    c.checkTimeout(seconds, error.message);
  },
  "timeout within the stream": async (model) => {
    const body = { model, messages: say(c.STUCK), timeout: 1, stream: true };
    const { error, seconds } = await c.failure(async () => {
      for await (const _chunk of await chatCreate(body));
    });
    assert.equal(error.code, "timeout_total", `${error}`);
    c.checkTimeout(seconds, error.message);
  },
};

async function turns(model, prompt, whole) {
  const input = say(prompt);
  const first = await whole({ model, input, tools });
  const calls = first.output.filter((item) => item.type === "function_call");
  for (const call of calls) c.checkArguments(call.arguments);
  const results = calls.map(({ call_id }) => ({ type: "function_call_output", call_id, output: "sunny" }));
  const second = await whole({ model, input: [...input, ...first.output, ...results], tools });
  c.checkAnswer(second.output_text, model);
  return calls;
}
const create = (body) => client.responses.create(body);
const stream = (body) => client.responses.stream(body).finalResponse();
const checkBoth = (calls) => c.checkBoth(calls.map((call) => call.name), calls.map((call) => call.call_id));

const responses = {
  text: async (model) => {
    const response = await create({ model, input: "Say hi." });
    c.checkAnswer(response.output_text, model);
    assert.equal(response.status, "completed");
    c.checkUsage(response.usage.input_tokens, response.usage.output_tokens);
  },
  "text, streamed, with usage": async (model) => {
    const seen = [];
    let [text, last] = ["", null];
    for await (const event of await create({ model, input: "Say hi.", stream: true })) {
      seen.push(event.type);
      if (event.type === "response.output_text.delta") text += event.delta;
      last = event;
    }
    c.checkAnswer(text, model);
    assert.equal(seen[0], "response.created");
    for (const type of ["output_item.added", "content_part.added", "output_text.done", "content_part.done"]) {
      assert.ok(seen.includes(`response.${type}`), `no response.${type} among ${[...new Set(seen)]}`);
    }
    assert.equal(last.type, "response.completed");
    assert.equal(last.response.output[0].content[0].text, text);
    c.checkUsage(last.response.usage.input_tokens, last.response.usage.output_tokens);
  },
  "stream helper": async (model) => {
    const response = await stream({ model, input: "Say hi." });
    c.checkAnswer(response.output_text, model);
    assert.equal(response.status, "completed");
  },
  "tool, two turns": (model) => turns(model, c.ONE_TOOL, create),
  "tool, two turns, streamed": (model) => turns(model, c.ONE_TOOL, stream),
  "parallel tools": async (model) => checkBoth(await turns(model, c.TWO_TOOLS, create)),
  "parallel tools, streamed": async (model) => checkBoth(await turns(model, c.TWO_TOOLS, stream)),
  "JSON schema": async (model) => {
    const text = { format: zodTextFormat(person, "person") };
    c.checkObject((await client.responses.parse({ model, input: "Who?", text })).output_parsed);
  },
  "unknown model": async () => {
    const { error } = await c.failure(() => create({ model: "argo:no-such-model", input: "Say hi." }));
    assert.ok(error instanceof OpenAI.NotFoundError, `${error}`);
    assert.match(error.message, /no-such-model/);
  },
  "error within the stream": async (model) => {
    let [text, failed] = ["", null];
    for await (const event of await create({ model, input: c.BROKEN, stream: true })) {
      if (event.type === "response.output_text.delta") text += event.delta;
      if (event.type === "response.failed") failed = event.response;
    }
    assert.ok(text, "no text before the error");
    assert.equal(failed?.status, "failed");
    assert.ok(failed.error.code && failed.error.message, JSON.stringify(failed.error));
  },
  timeout: async (model) => {
    const { error, seconds } = await c.failure(() => create({ model, input: c.SLOW, timeout: 1 }));
    assert.ok(error instanceof OpenAI.InternalServerError && error.status === 504, `${error}`);
    assert.equal(error.code, "timeout_total");
    c.checkTimeout(seconds, error.message);
  },
  "timeout within the stream": async (model) => {
    const start = Date.now();
    let failed = null;
    for await (const event of await create({ model, input: c.STUCK, timeout: 1, stream: true })) {
      if (event.type === "response.failed") failed = event.response;
    }
    c.checkTimeout((Date.now() - start) / 1000, failed?.error.message ?? "no response.failed");
  },
};

await c.prove({ chat, responses });
