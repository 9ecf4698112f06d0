/**
 * Whether a process that has made calls ends by itself: an idle channel must not keep it, a running call must.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { withEcho } from "../support/echo-served.js";
import { behaveAs, echo } from "../support/echo-ways.js";
import { Setting } from "../support/http2-frame.js";
import { RawServer } from "../support/peer.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program that has `Channel` and `Echo` and `target`, and waits until it ends by itself. */
function run(program: string, target: string): Promise<Ended> {
  const imports = `
    import { Channel, Server, StatusError } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
    import { Echo } from ${JSON.stringify(new URL("../support/echo-service.ts", import.meta.url).href)};
    const target = ${JSON.stringify(target)};`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", imports + program], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const guard = setTimeout(() => child.kill("SIGKILL"), 30_000);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(guard);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

/** Answers after a while, so that the program has nothing else to wait for. */
const late = behaveAs(async function* (requests) {
  await new Promise((resolve) => setTimeout(resolve, 200));
  yield* echo(requests);
});

describe("a process", () => {
  const programs: Record<string, [program: string, stdout: string]> = {
    "R107 ends although its channel is open: after calls of every kind, with deadlines and signals that have not fired":
      [
        `
      const client = new Channel(target).client(Echo);
      const options = { timeoutMs: 3_600_000, signal: new AbortController().signal };
      const answers = [(await client.unary({ text: "a" }, options)).text];
      for await (const { text } of client.serverStreaming({ text: "b" }, options)) answers.push(text);
      answers.push((await client.clientStreaming([{ text: "c" }], options)).text);
      const chat = client.bidiStreaming(options);
      await chat.send({ text: "d" });
      answers.push((await chat.receive()).text);
      chat.closeSend();
      answers.push(String(await chat.receive()));
      console.log(answers.join());`,
        "a,b,c,d,undefined\n",
      ],
    "ends although a call was cancelled or left": [
      `
      const client = new Channel(target).client(Echo);
      const chat = client.bidiStreaming({ timeoutMs: 3_600_000 });
      await chat.send({ text: "a" });
      for await (const { text } of chat) { console.log(text); break; }
      const call = client.unary({ text: "b" }, { timeoutMs: 3_600_000 });
      call.cancel();
      console.log((await call.status).code);`,
      "a\n1\n",
    ],
    "ends although the server could not be reached": [
      `
      const call = new Channel("127.0.0.1:1").client(Echo).unary({}, { timeoutMs: 3_600_000 });
      console.log((await call.status).code);`,
      "14\n",
    ],
    "waits for the answer of a call that runs": [
      `
      void new Channel(target).client(Echo).unary({ text: "waited" }).then(({ text }) => console.log(text));`,
      "waited\n",
    ],
    "waits for the second call on a channel that was idle": [
      `
      const client = new Channel(target).client(Echo);
      await client.unary({ text: "first" });
      void client.unary({ text: "second" }).then(({ text }) => console.log(text));`,
      "second\n",
    ],
    "ends when its server is closed": [
      `
      const server = new Server().add(Echo, { unary: (request) => request });
      const { address } = await server.listen("127.0.0.1:0");
      console.log((await new Channel(address).client(Echo).unary({ text: "own" })).text);
      await server.close();`,
      "own\n",
    ],
    "ends with an error of its own when nobody catches a rejected call": [
      `
      process.on("uncaughtException", (error) => {
        console.log(error instanceof StatusError, error.code);
        process.exitCode = 0;
      });
      await new Channel("127.0.0.1:1").client(Echo).unary({});`,
      "true 14\n",
    ],
  };
  for (const [name, [program, expected]] of Object.entries(programs)) {
    test(name, () =>
      withEcho(late, async ({ port }) => {
        const { code, signal, stdout, stderr } = await run(program, `127.0.0.1:${port}`);
        assert.equal(stderr, "");
        assert.equal(stdout, expected);
        assert.deepEqual({ code, signal }, { code: 0, signal: null });
      }),
    );
  }

  test("R99 R162 waits for a call that waits for a stream, until its deadline", async () => {
    const server = await RawServer.listen({ settings: { [Setting.MAX_CONCURRENT_STREAMS]: 0 } });
    try {
      const program = `
      const { status } = new Channel(target).client(Echo).unary({}, { timeoutMs: 500 });
      void status.then(({ code, message }) => console.log(code, message));`;
      const ended = await run(program, `127.0.0.1:${server.port}`);
      assert.deepEqual(ended, {
        code: 0,
        signal: null,
        stdout: "4 the deadline of 500 ms passed while waiting for a connection\n",
        stderr: "",
      });
      assert.equal(server.connections.length, 1, "it was connected");
    } finally {
      await server.close();
    }
  });
});
