// The official Google GenAI SDK: generateContent and generateContentStream, and chats.
import assert from "node:assert/strict";
import { ApiError, GoogleGenAI } from "@google/genai";
import * as c from "./cases.mjs";

const client = new GoogleGenAI({ apiKey: "dummy", httpOptions: { baseUrl: c.GATEWAY } });
const tools = [{ functionDeclarations: c.TOOLS.map((name) => ({ name, parametersJsonSchema: c.PARAMETERS })) }];
const say = (text) => [{ role: "user", parts: [{ text }] }];
const limited = { httpOptions: { extraBody: { timeout: 1 } } };
const create = (body) => client.models.generateContent(body);

/** Read a stream to its end, and return what its pieces add up to. */
async function stream(body) {
  const whole = { text: "", parts: [], functionCalls: [], pieces: 0, usageMetadata: undefined, finishReason: undefined };
  for await (const piece of await client.models.generateContentStream(body)) {
    whole.text += piece.text ?? "";
    whole.parts.push(...(piece.candidates?.[0]?.content?.parts ?? []));
    whole.functionCalls.push(...(piece.functionCalls ?? []));
    whole.pieces += piece.text ? 1 : 0;
    whole.usageMetadata = piece.usageMetadata ?? whole.usageMetadata;
    whole.finishReason = piece.candidates?.[0]?.finishReason ?? whole.finishReason;
  }
  return whole;
}

async function turns(model, prompt, whole) {
  const body = { model, contents: say(prompt), config: { tools } };
  const first = await whole(body);
  const calls = first.functionCalls ?? [];
  assert.ok(calls.length, "no call");
  for (const call of calls) c.checkArguments(call.args);
  const results = calls.map(({ id, name }) => ({ functionResponse: { id, name, response: { output: "sunny" } } }));
  const parts = first.parts ?? first.candidates[0].content.parts;
  const said = [{ role: "model", parts }, { role: "user", parts: results }];
  const second = await whole({ ...body, contents: [...body.contents, ...said] });
  c.checkAnswer(second.text, model);
  return calls;
}

// Google's ids are optional: the order tells two calls apart as well.
const checkBoth = (calls) => c.checkBoth(calls.map((call) => call.name), calls.map((call, index) => call.id ?? index));

const google = {
  text: async (model) => {
    const { text, candidates, usageMetadata } = await create({ model, contents: "Say hi." });
    c.checkAnswer(text, model);
    assert.equal(candidates[0].finishReason, "STOP");
    c.checkUsage(usageMetadata.promptTokenCount, usageMetadata.candidatesTokenCount);
  },
  "text, streamed, with usage": async (model) => {
    const { text, pieces, finishReason, usageMetadata } = await stream({ model, contents: "Say hi." });
    c.checkAnswer(text, model);
    assert.ok(pieces > 5, `${pieces} pieces`);
    assert.equal(finishReason, "STOP");
    c.checkUsage(usageMetadata.promptTokenCount, usageMetadata.candidatesTokenCount);
  },
  "chat, two turns": async (model) => {
    const chat = client.chats.create({ model });
    c.checkAnswer((await chat.sendMessage({ message: "Say hi." })).text, model);
    c.checkAnswer((await chat.sendMessage({ message: "Say it again." })).text, model);
  },
  "tool, two turns": (model) => turns(model, c.ONE_TOOL, create),
  "tool, two turns, streamed": (model) => turns(model, c.ONE_TOOL, stream),
  "parallel tools": async (model) => checkBoth(await turns(model, c.TWO_TOOLS, create)),
  "parallel tools, streamed": async (model) => checkBoth(await turns(model, c.TWO_TOOLS, stream)),
  "JSON schema": async (model) => {
    const config = { responseMimeType: "application/json", responseJsonSchema: c.SCHEMA };
    c.checkObject(JSON.parse((await create({ model, contents: "Who?", config })).text));
  },
  "unknown model": async () => {
    const { error } = await c.failure(() => create({ model: "argo:no-such-model", contents: "Say hi." }));
    assert.ok(error instanceof ApiError && error.status === 404, `${error}`);
    assert.match(error.message, /no-such-model/);
  },
  "error within the stream": async (model) => {
    let text = "";
    const { error } = await c.failure(async () => {
      for await (const piece of await client.models.generateContentStream({ model, contents: c.BROKEN })) {
        text += piece.text ?? "";
      }
    });
    assert.ok(text, "no text before the error");
    assert.ok(error instanceof ApiError, `${error?.name}: ${error?.message}`);
  },
  timeout: async (model) => {
    const { error, seconds } = await c.failure(() => create({ model, contents: c.SLOW, config: limited }));
    assert.ok(error instanceof ApiError && error.status === 504, `${error}`);
    c.checkTimeout(seconds, error.message);
  },
  "timeout within the stream": async (model) => {
    const { error, seconds } = await c.failure(() => stream({ model, contents: c.STUCK, config: limited }));
    assert.ok(error instanceof ApiError && error.status === 504, `${error?.name}: ${error?.message}`);
    c.checkTimeout(seconds, error.message);
  },
  "count tokens": async (model) => {
    assert.ok((await client.models.countTokens({ model, contents: "Say hi." })).totalTokens > 0);
  },
};

await c.prove({ google });
