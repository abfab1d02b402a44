// The Vercel AI SDK, with each of its providers.
import assert from "node:assert/strict";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, isStepCount, Output, streamText, tool } from "ai";
import { z } from "zod";
import * as c from "./cases.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;
const apiKey = "dummy";
const openai = createOpenAI({ baseURL: `${c.GATEWAY}/v1`, apiKey });
const compatible = createOpenAICompatible({
  name: "relay",
  baseURL: `${c.GATEWAY}/v1`,
  apiKey,
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const providers = {
  openai: (model) => openai.responses(model),
  "openai.chat": (model) => openai.chat(model),
  "openai-compatible": (model) => compatible(model),
  anthropic: createAnthropic({ baseURL: `${c.GATEWAY}/v1`, apiKey }),
  google: createGoogleGenerativeAI({ baseURL: `${c.GATEWAY}/v1beta`, apiKey }),
};

/** Return the cases of one provider. */
function cases(provider) {
  const common = (model, prompt) => ({ model: provider(model), prompt, maxRetries: 0, maxOutputTokens: 1000 });
  const limited = (model, prompt) => ({ ...common(model, prompt), headers: { "X-Request-Timeout": "1" } });

  const tools = (asked) =>
    Object.fromEntries(
      c.TOOLS.map((name) => [
        name,
        tool({
          inputSchema: z.object({ city: z.string() }),
          execute: (given) => {
            c.checkArguments(given);
            asked.push(name);
            return "sunny";
          },
        }),
      ]),
    );

  /** Read a stream to its end; return its text and its error, if it had one. */
  async function read(options) {
    const found = { text: "", pieces: 0, error: undefined };
    const result = streamText({ ...options, onError: () => {} });
    for await (const part of result.fullStream) {
      if (part.type === "text-delta") Object.assign(found, { text: found.text + part.text, pieces: found.pieces + 1 });
      if (part.type === "error") found.error = part.error;
    }
    return { ...found, result };
  }

  async function loop(model, prompt, expected, streamed) {
    const asked = [];
    const options = { ...common(model, prompt), tools: tools(asked), stopWhen: isStepCount(4) };
    let text, steps;
    if (streamed) {
      const done = await read(options);
      if (done.error) throw done.error;
      [text, steps] = [done.text, await done.result.steps];
    } else {
      ({ text, steps } = await generateText(options));
    }
    c.checkAnswer(text, model);
    assert.deepEqual(asked.sort(), [...expected].sort());
    assert.equal(steps.length, 2);
    const calls = steps[0].toolCalls;
    assert.equal(new Set(calls.map((call) => call.toolCallId)).size, expected.length);
    assert.equal(steps[0].finishReason, "tool-calls");
  }

  return {
    text: async (model) => {
      const { text, usage, finishReason } = await generateText(common(model, "Say hi."));
      c.checkAnswer(text, model);
      assert.equal(finishReason, "stop");
      c.checkUsage(usage.inputTokens, usage.outputTokens);
    },
    "text, streamed, with usage": async (model) => {
      const { text, pieces, error, result } = await read(common(model, "Say hi."));
      if (error) throw error;
      c.checkAnswer(text, model);
      assert.ok(pieces > 5, `${pieces} pieces`);
      assert.equal(await result.finishReason, "stop");
      const usage = await result.usage;
      c.checkUsage(usage.inputTokens, usage.outputTokens);
    },
    "tool, two turns": (model) => loop(model, c.ONE_TOOL, ["weather"], false),
    "tool, two turns, streamed": (model) => loop(model, c.ONE_TOOL, ["weather"], true),
    "parallel tools": (model) => loop(model, c.TWO_TOOLS, c.TOOLS, false),
    "parallel tools, streamed": (model) => loop(model, c.TWO_TOOLS, c.TOOLS, true),
    "JSON schema": async (model) => {
      const output = Output.object({ schema: z.object({ name: z.string(), age: z.number().int() }) });
      c.checkObject((await generateText({ ...common(model, "Who?"), output })).output);
    },
    "unknown model": async () => {
      const { error } = await c.failure(() => generateText(common("argo:no-such-model", "Say hi.")));
      assert.ok(APICallError.isInstance(error), `${error}`);
      assert.equal(error.statusCode, 404);
      assert.match(error.message, /no-such-model/);
    },
    "error within the stream": async (model) => {
      const { text, error } = await read(common(model, c.BROKEN));
      assert.ok(text, "no text before the error");
      assert.ok(error, "no error came");
      const words = JSON.stringify(error) + error.message;
      assert.doesNotMatch(words, /terminated|validation failed/i);
    },
    timeout: async (model) => {
      const { error, seconds } = await c.failure(() => generateText(limited(model, c.SLOW)));
      assert.ok(APICallError.isInstance(error) && error.statusCode === 504, `${error}`);
      c.checkTimeout(seconds, error.message);
    },
    "timeout within the stream": async (model) => {
      const start = Date.now();
      const { error } = await read(limited(model, c.STUCK));
      const words = typeof error === "string" ? error : JSON.stringify(error) + error?.message;
      c.checkTimeout((Date.now() - start) / 1000, words);
    },
  };
}

await c.prove(Object.fromEntries(Object.entries(providers).map(([name, provider]) => [name, cases(provider)])));
