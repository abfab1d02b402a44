// What the SDKs' scripts share: the models, the tools, what an answer must look like, and how cases are run.
import assert from "node:assert/strict";

export const GATEWAY = process.env.GATEWAY;
export const MODELS = ["argo:gpt-4o", "argo:claude-opus-4.7", "argo:gemini-2.5-pro"];
export const PARAMETERS = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
export const TOOLS = ["weather", "clock"];
export const ONE_TOOL = "What is the weather? [tool=weather]";
export const TWO_TOOLS = "What are the weather and the time? [tool=weather,clock]";
export const SCHEMA = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};
export const BROKEN = "Begin, and fail. [error_after=2]";
export const SLOW = "Take your time. [first_token=5]";
export const STUCK = "Begin, and say nothing more. [stall_after=2]";
const CASE_MILLISECONDS = 30_000;
const AT_ONCE = 4;

/** Check that the simulator said this, in the name of a model of the right family. */
export function checkAnswer(text, model) {
  const family = model.match(/gpt|claude|gemini/)[0];
  assert.match(text ?? "", new RegExp(`^This is the Argo simulator, answering as \\S*${family}`));
  assert.ok(text.endsWith("only fill"), `the answer is not whole: ${text}`);
}

/** Check what a structured answer holds. */
export function checkObject(value) {
  assert.deepEqual(Object.keys(value).sort(), ["age", "name"]);
  assert.equal(typeof value.name, "string");
  assert.ok(Number.isInteger(value.age));
}

/** Check a tool's arguments: as JSON text, or an object already. */
export function checkArguments(value) {
  const given = typeof value === "string" ? JSON.parse(value) : value;
  assert.deepEqual(Object.keys(given), ["city"]);
  assert.equal(typeof given.city, "string");
}

/** Check that both tools were called, each with an id of its own. */
export function checkBoth(names, ids) {
  assert.deepEqual([...names].sort(), [...TOOLS].sort());
  assert.equal(new Set(ids).size, 2, `two ids: ${ids}`);
}

/** Check that tokens were counted in and out. */
export function checkUsage(input, output) {
  assert.ok(input > 0 && output > 0, `usage: ${input} in, ${output} out`);
}

/** Return the error that `work` throws, and how many seconds it took. */
export async function failure(work) {
  const start = Date.now();
  let result;
  try {
    result = await work();
  } catch (error) {
    return { error, seconds: (Date.now() - start) / 1000 };
  }
  throw new Error(`no error was raised; it returned ${JSON.stringify(result)?.slice(0, 300)}`);
}

/** Check that a timeout of one second fired after one second, once, and said what it was. */
export function checkTimeout(seconds, message) {
  assert.ok(seconds >= 0.9 && seconds < 2.5, `it took ${seconds} s`);
  assert.match(message, /total timeout of 1 s/);
}

function words(error) {
  const text = error?.stack?.startsWith("AssertionError") ? error.message : `${error?.name}: ${error?.message}`;
  const cause = error?.cause?.message ? ` (${error.cause.message})` : "";
  const place = error?.stack?.match(/sdk-[a-z-]+\.mjs:\d+/)?.[0];
  return `${text}${cause}${place ? ` at ${place}` : ""}`.replaceAll(/\s+/g, " ").slice(0, 900);
}

function inTime(work) {
  let timer;
  const limit = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("had not ended after 30 s")), CASE_MILLISECONDS);
  });
  return Promise.race([Promise.resolve().then(work), limit]).finally(() => clearTimeout(timer));
}

/** Run every case of every API with every model, a few at once, and print one line of JSON for each. */
export async function prove(apis) {
  const strays = [];
  process.on("unhandledRejection", (error) => strays.push(words(error)));
  const work = [];
  for (const [api, cases] of Object.entries(apis)) {
    for (const model of MODELS) {
      for (const [name, run] of Object.entries(cases)) {
        work.push({ api, model, case: name, run: () => run(model), why: "" });
      }
    }
  }
  const waiting = [...work];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      try {
        await inTime(next.run);
      } catch (error) {
        next.why = words(error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  for (const { run: _run, ...row } of work) console.log(JSON.stringify(row));
  const tally = { cases: work.length };
  if (strays.length) {
    console.log(JSON.stringify({ api: "-", model: "-", case: "no stray rejections", why: strays.join("; ").slice(0, 900) }));
  }
  console.log(JSON.stringify(tally));
  process.exit(0);
}
