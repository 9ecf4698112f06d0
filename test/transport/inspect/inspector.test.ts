/**
 * The inspector in process: the lines of a server's and a channel's connections, without a proxy.
 */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import { Channel, Server } from "../../../src/index.js";
import { inspector, type InspectorOptions } from "../../../src/inspect.js";
import { Authority } from "../../support/certificates.js";
import { Echo } from "../../support/echo-service.js";
import { behaveAs, echo, gate } from "../../support/echo-ways.js";

/** Makes a call with an inspector on one side, and gives what was printed until the connection had closed. */
async function printed(side: "server" | "channel", options: InspectorOptions = {}): Promise<string> {
  const output = new PassThrough();
  let text = "";
  const closed = gate();
  output.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (/\[1\] closed|"event":"closed"/.test(text)) closed.open();
  });
  const authority = new Authority();
  const tap = inspector({ output, ...options });
  const server = new Server({ tls: authority.issue(), ...(side === "server" ? { tap } : {}) });
  server.add(Echo, behaveAs(echo));
  const { port } = await server.listen("127.0.0.1:0");
  const channel = new Channel(`127.0.0.1:${port}`, {
    tls: { ca: authority.cert },
    ...(side === "channel" ? { tap } : {}),
  });
  await channel
    .client(Echo)
    .unary({ text: "hello\u001b[31m", number: 150 }, { metadata: { authorization: "Bearer abc", "x-own": "def" } });
  await channel.close();
  await server.close({ graceMs: 0 });
  await closed.opened;
  return text;
}

describe("inspector", () => {
  for (const side of ["server", "channel"] as const) {
    test(`of a ${side}: frames, names of fields and how calls end, inside of TLS`, async () => {
      const text = await printed(side, { hexBytes: 0 });
      const peer = side === "server" ? /^\S+ \[1\] accepted from 127\.0\.0\.1:\d+\n/ : /^\S+ \[1\] connected to 127\./;
      assert.match(text, peer);
      assert.match(text, /\[1\] client → server {2}the preface of HTTP\/2, 24 bytes\n/);
      assert.match(text, /:path: \/barewire\.test\.Echo\/Unary\n/);
      assert.match(text, /authorization: \*\*\*\n/);
      assert.match(text, /x-own: def\n/);
      assert.match(
        text,
        /stream 1 message 1, \d+ bytes: barewire\.test\.EchoMessage\n {4}text: "hello.*\n {4}number: 150\n/,
      );
      assert.match(text, /stream 1 \/barewire\.test\.Echo\/Unary ended OK after/);
      for (const never of ["\u001b", "abc", "|"]) assert.ok(!text.includes(never), text);
    });
  }

  test("bytes, colours and more secrets, when they are asked for", async () => {
    const text = await printed("channel", { colour: true, redact: ["x-own"], hexBytes: 16 });
    assert.ok(text.includes("\u001b[36mclient → server\u001b[0m"));
    assert.match(text, /x-own: \*\*\*\n/);
    assert.match(text, /\|PRI \* HTTP\/2\.0\.\.\|/);
    const frames = await printed("server", { framesOnly: true, showSecrets: true });
    assert.match(frames, /authorization: Bearer abc\n/);
    assert.doesNotMatch(frames, /message 1|ended OK/);
  });

  test("calls in blocks, and JSON", async () => {
    const blocks = await printed("channel", { view: "calls" });
    assert.match(blocks, /\/barewire\.test\.Echo\/Unary/);
    assert.doesNotMatch(blocks, /SETTINGS/);
    const lines = (await printed("server", { view: "json", framesOnly: false })).trimEnd().split("\n");
    const events = lines.map((line) => (JSON.parse(line) as { event: string }).event);
    for (const event of ["opened", "preface", "headers", "message", "call-ended", "closed"]) {
      assert.ok(events.includes(event), events.join());
    }
  });

  test("a slow reader of the lines holds up what passes, and not the memory", async () => {
    const output = new PassThrough({ highWaterMark: 1024 });
    const server = new Server({ tap: inspector({ output }) }).add(Echo, behaveAs(echo));
    const { address } = await server.listen("127.0.0.1:0");
    const channel = new Channel(address);
    const call = channel.client(Echo).unary({ payload: new Uint8Array(3_000_000) });
    let isHere = false;
    void call.then(() => (isHere = true));
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(isHere, false);
    assert.ok(output.writableLength + output.readableLength < 1024 * 1024);
    output.resume();
    assert.equal((await call).payload.length, 3_000_000);
    await channel.close();
    await server.close({ graceMs: 0 });
  });

  test("refuses what it cannot use, by name", () => {
    for (const [options, expected] of [
      [{ hexbytes: 5 }, /no option "hexbytes"/],
      [{ hexBytes: -1 }, /hexBytes .* 0 to \d+: current value is -1/],
      [{ view: "lies" }, /view .* one of lines, calls, json: current value is lies/],
      [{ output: "stdout" }, /output .* a writable stream/],
      [{ redact: "authorization" }, /redact .* a list of header names/],
    ] as const) {
      assert.throws(() => inspector(options as never), expected);
    }
  });
});
