/**
 * Recordings, from a call that passes to a server that answers as it was: what is written, what is answered, what is refused.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import * as grpcJs from "@grpc/grpc-js";
import { readRecording, serverOf } from "../../src/cli/replay.js";
import { Channel, Code, Metadata, Server, StatusError, type Client } from "../../src/index.js";
import { RouteGuide } from "../../src/services/gen/route_guide.js";
import { ServerReflection } from "../../src/services/reflection.js";
import { Secrets } from "../../src/transport/inspect/header-words.js";
import { OrderedOutput } from "../../src/transport/inspect/ordered-output.js";
import { Proxy } from "../../src/transport/inspect/proxy.js";
import { MAX_RECORDED_BYTES, Recorder } from "../../src/transport/inspect/recording/recorder.js";
import { parseRecording, RecordingError } from "../../src/transport/inspect/recording/recording.js";
import { Trace } from "../../src/transport/inspect/trace.js";
import { eventClock, type WireEvent } from "../../src/transport/inspect/wire-event.js";
import { Echo, EchoMessageType, type EchoService } from "../support/echo-service.js";
import { behaveAs, bytesOf, echo, ECHO_WAYS, outcomeOf } from "../support/echo-ways.js";
import { barewire } from "./command.js";
import { documented } from "./reflecting.js";

const folder = mkdtempSync(join(tmpdir(), "barewire-replay-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Recorded {
  readonly text: string;
  readonly fullTimes: number;
}

/** Records what `use` does with a server through a proxy. */
async function record(
  server: Server,
  use: (client: Client<EchoService>) => Promise<void>,
  { limitBytes = 1e8, compressed = false, types = true } = {},
): Promise<Recorded> {
  const { address: remote } = await server.listen("127.0.0.1:0");
  const file = new PassThrough();
  let text = "";
  file.on("data", (chunk: Buffer) => (text += chunk.toString()));
  let fullTimes = 0;
  const output = new OrderedOutput(file);
  const recorder = new Recorder(output, {
    secrets: new Secrets(),
    typesOf: () => (types ? { request: EchoMessageType, response: EchoMessageType } : undefined),
    limitBytes,
    full: () => fullTimes++,
  });
  const hear = (event: WireEvent): void => recorder.hear(event);
  const proxy = new Proxy({ remote }, new Trace(hear, { maxMessageBytes: MAX_RECORDED_BYTES }));
  const address = await proxy.listen("127.0.0.1", 0);
  hear({ kind: "listening", atMs: eventClock(), address, remote, certificate: undefined, caFile: undefined });
  const channel = new Channel(address, {
    onError: () => undefined,
    ...(compressed ? { compression: { send: "gzip", minBytes: 0 } } : {}),
  });
  try {
    await use(channel.client(Echo));
  } finally {
    await channel.close();
    await proxy.close();
    await server.close({ graceMs: 0 });
    await output.flushed();
  }
  return { text, fullTimes };
}

/** Serves a recording, and runs `use` with a channel to it. */
async function replayed(
  text: string,
  use: (client: Client<EchoService>, channel: Channel) => Promise<void>,
  flags: { readonly timing?: boolean; readonly strict?: boolean } = {},
): Promise<void> {
  const server = serverOf("a.jsonl", parseRecording(text), { ...flags, quiet: true });
  const { address } = await server.listen("127.0.0.1:0");
  const channel = new Channel(address, { onError: () => undefined });
  try {
    await use(channel.client(Echo), channel);
  } finally {
    await channel.destroy();
    await server.close({ graceMs: 0 });
  }
}

async function failure(call: Promise<unknown>): Promise<StatusError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof StatusError, String(error));
  return error;
}

describe("what was recorded is answered again", () => {
  /** What is recorded of events. */
  async function recorded(events: readonly unknown[]): Promise<string> {
    const file = new PassThrough();
    let text = "";
    file.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const output = new OrderedOutput(file);
    const recorder = new Recorder(output, {
      secrets: new Secrets(),
      typesOf: () => undefined,
      limitBytes: 1e6,
      full: () => undefined,
    });
    for (const event of [{ kind: "listening", atMs: 0, remote: "b:1" }, ...events]) recorder.hear(event as WireEvent);
    await output.flushed();
    return text;
  }

  function requestOf(path: string, more = 0): { readonly call: object; readonly headers: object } {
    const call = { path, streamId: 1, request: {}, response: { coding: "gzip" }, ending: { how: "lost" } };
    const names = [":path", ...Array.from({ length: more }, (_, i) => `x-${i}`)];
    const fields = names.map((name) => ({ name, value: "1" }));
    return { call, headers: { kind: "headers", atMs: 1, role: "request", fields, call } };
  }

  test("a request of a stranger's that is no call is left out, and the rest can be read", async () => {
    const paths = ["/healthz", "/", "*", `/a/${"b".repeat(2000)}`, "/a.B/C"];
    const text = await recorded(paths.map((path) => requestOf(path, 3000).headers));
    assert.deepEqual(
      parseRecording(text).calls.map(({ method }) => method),
      ["/a.B/C"],
    );
  });

  test("a compressed message is kept although its call ends before it is plain", async () => {
    const { call, headers } = requestOf("/a.B/C");
    const bytes = gzipSync("plain");
    const message = { bytes, compressed: true, length: bytes.length };
    const text = await recorded([
      headers,
      { kind: "message", atMs: 2, from: "server", call, message },
      { kind: "call-ended", atMs: 2, call },
    ]);
    assert.match(text, new RegExp(`"response".*"${Buffer.from("plain").toString("base64")}"`));
  });

  for (const compressed of [false, true]) {
    test(`calls of every kind, with metadata and statuses${compressed ? ", compressed" : ""}`, async () => {
      const behaviour = behaveAs(async function* (requests, call) {
        call.headers.set("x-own", "here");
        call.headers.set("x-bin", bytesOf(3));
        call.trailers.set("x-end", "there");
        call.trailers.set("set-cookie", "secret");
        yield* echo(requests);
        if (call.metadata.get("fail") !== undefined) throw new StatusError(Code.ABORTED, "on ☺ purpose");
      });
      const server = new Server({ compression: { send: "gzip", minBytes: 0 } }).add(Echo, behaviour);
      const requests = [{ text: "a", payload: bytesOf(5000) }, { text: "b" }];
      const all = async (client: Client<EchoService>): Promise<unknown[]> => {
        const outcomes: unknown[] = [];
        for (const way of ECHO_WAYS) {
          for (const fail of [{}, { fail: "yes" }]) {
            const given = way.manyRequests ? requests : requests.slice(0, 1);
            const { messages, status, headers, trailers } = await outcomeOf(
              way.start(client, given, { metadata: new Metadata({ ...fail, authorization: "Bearer abc" }) }),
            );
            const own = [headers.get("x-own"), headers.get("x-bin"), trailers.get("x-end")];
            outcomes.push([way.name, messages.length, messages[0], status.code, status.message, own]);
          }
        }
        return outcomes;
      };
      let before: unknown[] = [];
      const { text } = await record(server, async (client) => void (before = await all(client)), { compressed });
      assert.doesNotMatch(text, /abc|"secret"/);
      assert.match(text, /\["authorization","\*\*\*"\]/);
      await replayed(text, async (client) => assert.deepEqual(await all(client), before));
    });
  }

  test("grpc-js is answered as barewire is", async () => {
    const server = new Server().add(Echo, behaveAs(echo));
    const { text } = await record(server, async (client) => {
      await client.unary({ text: "a" });
      for await (const { text: said } of client.serverStreaming({ text: "b" })) assert.equal(said, "b");
    });
    await replayed(text, async (_client, { target }) => {
      const theirs = new grpcJs.Client(target, grpcJs.credentials.createInsecure());
      const asIs = (bytes: Buffer): Buffer => bytes;
      const request = Buffer.from(EchoMessageType.encode({ text: "a" }));
      const answer = await new Promise<Buffer | undefined>((resolve, reject) => {
        theirs.makeUnaryRequest("/barewire.test.Echo/Unary", asIs, asIs, request, (error, value) =>
          error === null ? resolve(value) : reject(error),
        );
      });
      assert.deepEqual(answer, request);
      const path = "/barewire.test.Echo/ServerStreaming";
      const streamed: unknown[] = [];
      for await (const one of theirs.makeServerStreamRequest(path, asIs, asIs, request)) streamed.push(one);
      assert.deepEqual(streamed, [Buffer.from(EchoMessageType.encode({ text: "b" }))]);
      theirs.close();
    });
  });

  test("streams in both directions go in steps, as they went", async () => {
    const talk = async (client: Client<EchoService>): Promise<string[]> => {
      const chat = client.bidiStreaming();
      const answers: string[] = [];
      for (const text of ["a", "b", "c"]) {
        await chat.send({ text });
        answers.push((await chat.receive())?.text ?? "nothing");
      }
      chat.closeSend();
      assert.equal(await chat.receive(), undefined);
      return answers;
    };
    const { text } = await record(new Server().add(Echo, behaveAs(echo)), async (client) => void (await talk(client)));
    await replayed(text, async (client) => assert.deepEqual(await talk(client), ["a", "b", "c"]));
  });

  test("of several, one with the same requests, and of those each in turn; else a sentence says what is missing", async () => {
    let answers = 0;
    const server = new Server().add(Echo, { unary: ({ text }) => ({ text: `${text} ${++answers}` }) });
    const { text } = await record(server, async (client) => {
      for (const asked of ["a", "b", "a"]) await client.unary({ text: asked });
    });
    await replayed(text, async (client) => {
      const said: string[] = [];
      for (const asked of ["b", "a", "a", "b", "a"]) said.push((await client.unary({ text: asked })).text);
      assert.deepEqual(said, ["b 2", "a 1", "a 3", "b 2", "a 1"]);
      const other = await failure(client.unary({ text: "c" }));
      assert.equal(other.code, Code.NOT_FOUND);
      assert.equal(
        other.rawMessage,
        '3 calls of "/barewire.test.Echo/Unary" were recorded, and none with these requests',
      );
      const never = await failure(client.clientStreaming([{ text: "a" }]));
      assert.equal(never.code, Code.UNIMPLEMENTED);
      assert.equal(never.rawMessage, 'no call of "/barewire.test.Echo/ClientStreaming" was recorded');
    });
  });

  test("the only one of a method answers whatever is asked; with --strict it does not", async () => {
    const server = new Server().add(Echo, { unary: ({ text }) => ({ text: `${text}!` }) });
    const { text } = await record(server, async (client) => void (await client.unary({ text: "a" })));
    await replayed(text, async (client) => assert.equal((await client.unary({ text: "other" })).text, "a!"));
    await replayed(
      text,
      async (client) => {
        assert.equal((await client.unary({ text: "a" })).text, "a!");
        assert.match((await failure(client.unary({ text: "other" }))).rawMessage, /^1 call of .* none with these/);
      },
      { strict: true },
    );
  });

  test("as late as it was, with --timing", async () => {
    const lines = [
      { barewire: "recording", version: 1 },
      { event: "start", call: 1, ms: 1000, method: "/barewire.test.Echo/ServerStreaming" },
      { event: "request", call: 1, ms: 1001, message: "" },
      { event: "requests-ended", call: 1, ms: 1001 },
      { event: "response", call: 1, ms: 1101, message: "" },
      { event: "response", call: 1, ms: 1301, message: "" },
      { event: "end", call: 1, ms: 1401, status: 0 },
    ];
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    const took = async (timing: boolean): Promise<number> => {
      let ms = 0;
      await replayed(
        text,
        async (client) => {
          const startedAtMs = performance.now();
          for await (const { text: none } of client.serverStreaming({})) assert.equal(none, "");
          ms = performance.now() - startedAtMs;
        },
        { timing },
      );
      return ms;
    };
    assert.ok((await took(true)) >= 390);
  });

  test("a call that was reset, lost or left in the middle ends with a sentence that says so", async () => {
    const call = (number: number, method: string, end: object): object[] => [
      { event: "start", call: number, method: `/barewire.test.Echo/${method}` },
      { event: "response", call: number, message: "" },
      ...(Object.keys(end).length === 0 ? [] : [{ event: "end", call: number, ...end }]),
    ];
    const lines = [
      { barewire: "recording", version: 1 },
      ...call(1, "ServerStreaming", { how: "reset", from: "server", code: "INTERNAL_ERROR" }),
      ...call(2, "ServerStreaming", { how: "lost" }),
      ...call(3, "ServerStreaming", {}),
    ];
    await replayed(lines.map((line) => JSON.stringify(line)).join("\n"), async (client) => {
      const ends: string[] = [];
      for (let i = 0; i < 3; i++) {
        const stream = client.serverStreaming({});
        assert.notEqual(await stream.receive(), undefined);
        ends.push((await failure(stream.receive())).message);
      }
      assert.deepEqual(ends, [
        'UNAVAILABLE: the recorded call 1 was reset by its server ("INTERNAL_ERROR")',
        "UNAVAILABLE: the recorded call 2 was lost with its connection",
        "UNAVAILABLE: the recording of this call, number 3, ends here",
      ]);
    });
  });

  test("reflection tells of what the services were declared as", async () => {
    const { text } = await record(
      new Server().add(Echo, behaveAs(echo)),
      async (client) => void (await client.unary({})),
    );
    assert.match(text, /"event":"file","name":"echo\.proto","descriptor":"/);
    await replayed(text, async (_client, channel) => {
      const ask = channel
        .client(ServerReflection)
        .serverReflectionInfo([{ messageRequest: { case: "fileContainingSymbol", value: "barewire.test.Echo" } }]);
      const answer = (await ask.receive())?.messageResponse;
      assert.ok(answer?.case === "fileDescriptorResponse");
      assert.ok(Buffer.from(answer.value.fileDescriptorProto[0] ?? []).includes("EchoMessage"));
      ask.cancel();
    });
  });
});

describe("a recording has an end", () => {
  test("at its limit it stops, says so, and what was written can be read", async () => {
    const limitBytes = 20_000;
    const { text, fullTimes } = await record(
      new Server().add(Echo, behaveAs(echo)),
      async (client) => {
        for (let i = 0; i < 50; i++) await client.unary({ payload: bytesOf(1000) });
      },
      { limitBytes },
    );
    assert.ok(text.length <= limitBytes && text.length > limitBytes / 2, `${text.length} bytes`);
    assert.equal(fullTimes, 1);
    assert.match(text, /\n\{"event":"full"\}\n$/);
    const { calls, isCut } = parseRecording(text);
    assert.ok(isCut && calls.length > 1 && calls.length < 50);
  });

  test("a last line that was being written is left out", () => {
    const head = '{"barewire":"recording","version":1}\n';
    const { calls, isCut } = parseRecording(`${head}{"event":"start","call":1,"method":"/a.B/C"}\n{"event":"requ`);
    assert.deepEqual([calls.length, isCut], [1, true]);
  });
});

test("docs/recordings.md shows recordings that can be read", () => {
  const page = readFileSync(new URL("../../docs/recordings.md", import.meta.url), "utf8");
  const shown = [...page.matchAll(/^```text\n([\s\S]*?)^```$/gm)].map(([, text]) => parseRecording(text ?? ""));
  assert.deepEqual(
    shown.map(({ calls }) => calls.map(({ steps }) => steps.length)),
    [[5], [2]],
  );
});

const HEAD = '{"barewire":"recording","version":1,"remote":"a:1"}';
const START = '{"event":"start","call":1,"ms":0,"method":"/a.B/C","headers":[]}';

const REFUSED: readonly (readonly [lines: readonly string[], line: number, why: RegExp])[] = [
  [[""], 1, /must begin with its head, and it is empty/],
  [["nonsense", "x"], 1, /must be JSON/],
  [["[]", ""], 1, /must be an object/],
  [['{"a":1}'], 1, /must begin with \{"barewire":"recording"\}/],
  [['{"barewire":"recording","version":2}'], 1, /version must be 1, and is 2: another barewire/],
  [[HEAD, "{", ""], 2, /must be JSON/],
  [[HEAD, "null"], 2, /must be an object/],
  [[HEAD, '{"event":"begin"}'], 2, /one of file, start, .*, and is "begin"/],
  [[HEAD, '{"event":"__proto__"}'], 2, /and is "__proto__"/],
  [[HEAD, '{"event":"start","call":0}'], 2, /call must be a whole number above 0, and is 0/],
  [[HEAD, '{"event":"start","call":1,"method":"a"}'], 2, /method must be a path such as .*, and is "a"/],
  [[HEAD, '{"event":"start","call":1,"method":"/a.B/C","ms":-1}'], 2, /ms must be a number, 0 or more, and is -1/],
  [[HEAD, '{"event":"start","call":1,"method":"/a.B/C","headers":[["a"]]}'], 2, /headers must be a list of pairs/],
  [[HEAD, START, START], 3, /call 1 has started already/],
  [[HEAD, '{"event":"request","call":1,"message":""}'], 2, /call 1 has not started/],
  [[HEAD, START, '{"event":"request","call":1}'], 3, /message must be base64, and is missing/],
  [[HEAD, START, '{"event":"response","call":1,"message":"?"}'], 3, /message must be base64, and is "\?"/],
  [[HEAD, START, '{"event":"end","call":1,"status":17}'], 3, /status must be a whole number from 0 to 16, and is 17/],
  [[HEAD, START, '{"event":"end","call":1,"how":"so"}'], 3, /how must be reset, lost or no status, and is "so"/],
  [[HEAD, START, '{"event":"end","call":1,"status":0}', '{"event":"end","call":1,"status":0}'], 4, /has ended already/],
  [[HEAD, '{"event":"file","name":"a","descriptor":5}'], 2, /descriptor must be base64, and is 5/],
];

describe("a recording that is none is refused", () => {
  for (const [lines, line, why] of REFUSED) {
    test(`${line}: ${lines.at(-1)?.slice(0, 60)}`, () => {
      assert.throws(
        () => parseRecording(lines.join("\n")),
        (error) => error instanceof RecordingError && error.line === line && why.test(error.message),
      );
    });
  }

  test("whatever its bytes are, with a line and nothing else", () => {
    const whole = [HEAD, START, '{"event":"request","call":1,"ms":1,"message":"AAAA"}', ""].join("\n");
    for (let seed = 1; seed < 3000; seed++) {
      const at = (seed * 7919) % whole.length;
      const text = whole.slice(0, at) + String.fromCharCode((seed * 31) % 128) + whole.slice(at + (seed % 3));
      try {
        parseRecording(text);
      } catch (error) {
        assert.ok(error instanceof RecordingError, `${String(error)} of ${JSON.stringify(text)}`);
      }
    }
  });

  test("descriptors that are none are a mistake of the file's, in one sentence", () => {
    const file = join(folder, "bad.jsonl");
    writeFileSync(file, `${HEAD}\n{"event":"file","name":"a","descriptor":"////"}\n`);
    assert.throws(() => serverOf(file, readRecording(file)), /bad\.jsonl: /);
    writeFileSync(file, `${HEAD}\n{"event":\n{}\n`);
    assert.throws(() => readRecording(file), /bad\.jsonl:2: it must be JSON/);
    assert.throws(() => readRecording(join(folder, "missing.jsonl")), /cannot read ".*missing\.jsonl": ENOENT/);
  });
});

test("barewire trace --record and barewire replay, as a person runs them", async () => {
  const file = join(folder, "orders.jsonl");
  const services = await documented();
  const trace = barewire("trace", "-r", services.address, "-q", "--record", file);
  try {
    const [, address = ""] = await trace.printed(/listening on ([\d.:]+)/);
    assert.equal((await barewire("demo", "route-guide", "--addr", address).ended).code, 0);
    trace.kill("SIGINT");
    assert.equal((await trace.ended).code, 0);
  } finally {
    await trace.stop();
    await services.stop();
  }
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.match(readFileSync(file, "utf8"), /^\{"barewire":"recording","version":1,"time":"20.*Z","remote":"/);
  const replay = barewire("replay", file, "-p", "0");
  try {
    const [, address = ""] = await replay.printed(
      /listening on ([\d.:]+)\nrecorded from 127\.0\.0\.1:\d+: \d+ calls\n/,
    );
    const channel = new Channel(address);
    const guide = channel.client(RouteGuide);
    const feature = await guide.getFeature({ latitude: 409146138, longitude: -746188906 });
    assert.equal(feature.name, "Weldon Ridge, Jefferson, NJ");
    assert.equal((await failure(guide.getFeature({ latitude: 1 }))).code, Code.NOT_FOUND);
    await channel.close();
    await replay.printed(/\/routeguide\.RouteGuide\/GetFeature NOT_FOUND/);
    replay.kill("SIGINT");
    assert.equal((await replay.ended).code, 0);
  } finally {
    await replay.stop();
  }
});
