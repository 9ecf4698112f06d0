import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { call as runCall } from "../../src/cli/call.js";
import { completion } from "../../src/cli/completion.js";
import { describe as describeCommand } from "../../src/cli/describe.js";
import { list } from "../../src/cli/list.js";
import { UsageError } from "../../src/cli/usage-error.js";
import { Code, gzip, loadProto, packAny, Server, StatusError } from "../../src/index.js";
import { barewire, barewireReading, type Ended, told } from "./command.js";
import { documented, type Running } from "./reflecting.js";

const folder = mkdtempSync(join(tmpdir(), "barewire-call-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function inFolder(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const PROTO = `syntax = "proto3";
package t;
import "google/protobuf/any.proto";
message Text { string text = 1; int64 big = 2; bytes raw = 3; google.protobuf.Any any = 4; }
message Hidden { string secret = 1; Text inner = 2; }
message Detail { string why = 1; }
service Texts {
  rpc Say(Text) returns (Text);
  rpc Fail(Text) returns (Text);
  rpc Wait(Text) returns (stream Text);
  rpc Chat(stream Text) returns (stream Text);
  rpc Leave(stream Text) returns (Text);
}`;

const schema = loadProto({ "t.proto": PROTO });
const Texts = schema.service("t.Texts");

/** What the server has seen of the calls that were cancelled. */
const cancelled: string[] = [];
let hears = (): void => undefined;

/** A server whose service tests need, and the documented ones. */
async function startTexts(): Promise<Running> {
  const server = new Server({ onError: () => undefined });
  server.add(Texts, {
    say: (request, call) => {
      call.headers.set("answered-by", "texts").set("odd", "a\tb".replace("\t", " "));
      call.trailers.set("cost", "3").set("proof-bin", new Uint8Array([1, 2]));
      if (call.metadata.get("echo") !== undefined) return { text: `${call.metadata.get("echo")} ${call.authority}` };
      return request;
    },
    fail: () => {
      throw new StatusError(Code.FAILED_PRECONDITION, "not \u001b[2J now", {
        details: [
          { typeName: "google.rpc.BadRequest", message: { fieldViolations: [{ field: "text", description: "bad" }] } },
          packAny(schema.message("t.Detail"), { why: "of\u009bitself" }),
        ],
      });
    },
    async *wait(_request, call) {
      yield { text: "waiting" };
      await new Promise<void>((resolve) => call.signal.addEventListener("abort", () => resolve()));
      cancelled.push("wait");
      hears();
    },
    async *chat(requests) {
      for await (const request of requests) yield { text: `you said ${String(request["text"])}` };
    },
    leave: () => ({ text: "enough" }),
  });
  const { address } = await server.listen("127.0.0.1:0");
  return { address, stop: () => server.close({ graceMs: 0 }) };
}

let services: Running;
let texts: Running;
before(async () => {
  services = await documented();
  texts = await startTexts();
});
after(async () => {
  await services.stop();
  await texts.stop();
});

const call = (method: string, ...args: string[]): Promise<Ended> => told("call", texts.address, method, ...args);

const COMMANDS = { call: runCall, list, describe: describeCommand, completion } as const;

/** Runs a command in this process: it must not get as far as printing anything. */
async function mistaken([name = "", ...args]: readonly string[], expected: RegExp): Promise<void> {
  const run = COMMANDS[name as keyof typeof COMMANDS];
  await assert.rejects(
    async () => await run(args),
    (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, expected);
      assert.equal(error.message.includes("\n"), false, error.message);
      assert.equal(error.exitCode, 64);
      return true;
    },
  );
}

const BERKSHIRE = '{"latitude": 413628156, "longitude": -749015468}';

describe("barewire call, the four kinds", { concurrency: 4 }, () => {
  test("unary", async () => {
    const args = ["call", services.address, "routeguide.RouteGuide/GetFeature", "-d", BERKSHIRE];
    const { code, stdout, stderr } = await told(...args);
    assert.equal(stdout, `${JSON.stringify({ location: JSON.parse(BERKSHIRE) as unknown }, undefined, 2)}\n`);
    assert.deepEqual([code, stderr], [0, ""]);
  });

  test("unary without a request, with its defaults", async () => {
    const path = "order.OrderManagement/getOrder";
    const { code, stderr } = await told("call", services.address, path);
    assert.match(stderr, /ended the call with NOT_FOUND: /);
    assert.equal(code, Code.NOT_FOUND);
    const { stdout } = await call("t.Texts/Say", "--emit-defaults", "--compact");
    assert.equal(stdout, '{"text":"","big":"0","raw":""}\n');
  });

  test("server streaming, one line a message", async () => {
    const rectangle = `{"lo": {"latitude": 400000000, "longitude": -750000000}, "hi": {"latitude": 420000000, "longitude": -730000000}}`;
    const args = ["routeguide.RouteGuide.ListFeatures", "-d", rectangle, "--compact"];
    const { code, stdout } = await told("call", services.address, ...args);
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split("\n");
    assert.ok(lines.length > 10);
    for (const line of lines) assert.equal(typeof (JSON.parse(line) as { name: unknown }).name === "number", false);
  });

  test("client streaming, from a file, and with no request at all", async () => {
    const points = inFolder("points.json", `${BERKSHIRE}\n${BERKSHIRE}{"latitude": 1}`);
    const path = "/routeguide.RouteGuide/RecordRoute";
    const { stdout } = await told("call", services.address, path, "-d", `@${points}`);
    assert.equal((JSON.parse(stdout) as { pointCount: number }).pointCount, 3);
    const nothing = await told("call", services.address, path);
    assert.deepEqual([nothing.code, nothing.stdout], [0, "{}\n"]);
  });

  test("bidirectional, each request as soon as it is written, each response as soon as it comes", async () => {
    const chat = barewireReading("call", texts.address, "t.Texts/Chat", "-d", "@-", "--compact");
    try {
      for (const word of ["one", "two", "three"]) {
        chat.write(`{"text":\n"${word}"}`);
        await chat.printed(new RegExp(`^\\{"text":"you said ${word}"\\}$`, "m"));
      }
      chat.endInput();
      const { code, stderr } = await chat.ended;
      assert.deepEqual([code, stderr], [0, ""]);
    } finally {
      await chat.stop();
    }
  });

  test("a server that ends early ends the command, whatever its input is at", async () => {
    const leave = barewireReading("call", texts.address, "t.Texts/Leave", "-d", "@", "--compact");
    try {
      leave.write('{"text": "a"}');
      const { code, stdout, stderr } = await leave.ended;
      assert.deepEqual([code, stdout, stderr], [0, '{"text":"enough"}\n', ""]);
    } finally {
      await leave.stop();
    }
  });
});

describe("barewire call, what it is told", { concurrency: 4 }, () => {
  test("--proto and --protoset in place of reflection", async () => {
    const proto = inFolder("t.proto", PROTO);
    const set = join(folder, "t.binpb");
    const args = ["-d", '{"text": "hi"}', "--compact"];
    const written = await call("t.Texts/Say", ...args, "--protoset-out", set);
    assert.deepEqual([written.code, written.stdout], [0, '{"text":"hi"}\n']);
    for (const from of [
      ["--proto", proto],
      ["--proto", "t.proto", "-I", folder],
      ["--protoset", set],
    ]) {
      const { code, stdout, stderr } = await call("t.Texts/Say", ...args, ...from);
      assert.deepEqual([code, stdout, stderr], [0, '{"text":"hi"}\n', ""]);
    }
  });

  test("-H, with bytes as base64, and --authority", async () => {
    const { stdout } = await call(
      "t.Texts/Say",
      "-H",
      "echo:  a: b ",
      "-H",
      "more-bin: AQI",
      "--authority",
      "here",
      "--compact",
    );
    assert.equal(stdout, '{"text":"a: b here"}\n');
  });

  test("--format text", async () => {
    const { stdout } = await call("t.Texts/Say", "-d", '{"text": "a\\u001bb", "big": 7}', "--format", "text");
    assert.equal(stdout, '# proto-message: t.Text\ntext: "a\\033b"\nbig: 7\n');
  });

  test("--compression", async () => {
    const text = "x".repeat(5000);
    const { code, stdout } = await call(
      "t.Texts/Say",
      "-d",
      JSON.stringify({ text }),
      "--compression",
      gzip.name,
      "--compact",
    );
    assert.deepEqual([code, stdout], [0, `{"text":"${text}"}\n`]);
  });

  test("--allow-unknown", async () => {
    const { code, stdout } = await call("t.Texts/Say", "-d", '{"txt": 1, "text": "a"}', "--allow-unknown", "--compact");
    assert.deepEqual([code, stdout], [0, '{"text":"a"}\n']);
  });

  test("an Any of a type that only reflection knows", async () => {
    const any = { "@type": "type.googleapis.com/grpc.health.v1.HealthCheckRequest", service: "x" };
    const { code, stdout } = await call("t.Texts/Say", "-d", JSON.stringify({ any }), "--compact");
    assert.deepEqual([code, JSON.parse(stdout)], [0, { any }]);
  });

  test("-v: metadata and times on stderr, messages on stdout, no secrets", async () => {
    const { code, stdout, stderr } = await call(
      "t.Texts/Say",
      "-d",
      '{"text": "a"}',
      "-v",
      "--compact",
      "-H",
      "authorization: Bearer x",
    );
    assert.deepEqual([code, stdout], [0, '{"text":"a"}\n']);
    for (const line of [
      /^\* connected to 127\.0\.0\.1 port \d+ in \d+\.\d ms$/m,
      /^\* t\.Texts\/Say, unary; its declaration was known after \d+\.\d ms$/m,
      /^> :path: \/t\.Texts\/Say$/m,
      /^> authorization: \*\*\*$/m,
      /^< headers after \d+\.\d ms\n< answered-by: texts$/m,
      /^< message 1 after \d+\.\d ms: 3 bytes$/m,
      /^< trailers\n< cost: 3\n< proof-bin: AQI=$/m,
      /^\* OK after \d+\.\d ms; messages sent: 1, received: 1$/m,
    ]) {
      assert.match(stderr, line);
    }
    assert.doesNotMatch(stderr, /Bearer/);
  });

  test("-v: headers come before the message, also when there is nothing in them", async () => {
    const { stderr } = await call("grpc.health.v1.Health/Check", "-v");
    const told = stderr.split("\n").map((line) => /^(?:< (?:headers|message|trailers)|\* OK)/.exec(line)?.[0]);
    assert.deepEqual(
      told.filter((what) => what !== undefined),
      ["< headers", "< message", "< trailers", "* OK"],
    );
  });
});

describe("barewire call, how it ends", { concurrency: 4 }, () => {
  test("with the status, its details and nothing that drives a terminal", async () => {
    const { code, stdout, stderr } = await call("t.Texts/Fail");
    assert.deepEqual([code, stdout], [Code.FAILED_PRECONDITION, ""]);
    assert.deepEqual(stderr.split("\n"), [
      `barewire: the server at ${texts.address} ended the call with FAILED_PRECONDITION: not \\u001b[2J now`,
      '  google.rpc.BadRequest {"fieldViolations":[{"field":"text","description":"bad"}]}',
      '  {"@type":"type.googleapis.com/t.Detail","why":"of\\u009bitself"}',
      "",
    ]);
  });

  test("--max-time: DEADLINE_EXCEEDED, 4", async () => {
    const { code, stderr } = await call("t.Texts/Wait", "--max-time", "1");
    assert.equal(code, 4);
    // Either side's clock may be the first, and on a busy machine the time is up before anything is called.
    assert.match(
      stderr,
      /^barewire: .* with DEADLINE_EXCEEDED: .*deadline .*; --max-time says how many seconds it may take\n$/,
    );
  });

  test("Ctrl-C cancels the call, so that the server sees it, and ends with 130", async () => {
    const heard = new Promise<void>((resolve) => (hears = resolve));
    cancelled.length = 0;
    const waiting = barewire("call", texts.address, "t.Texts/Wait");
    try {
      await waiting.printed(/waiting/);
      waiting.kill("SIGINT");
      const { code, stderr } = await waiting.ended;
      assert.deepEqual([code, stderr], [130, ""]);
      await heard;
      assert.ok(cancelled.includes("wait"));
    } finally {
      await waiting.stop();
    }
  });

  test("a reader that leaves ends the call, and is no failure", async () => {
    const path = "routeguide.RouteGuide/ListFeatures";
    const all = `{"lo": {"latitude": -900000000, "longitude": -1800000000}, "hi": {"latitude": 900000000, "longitude": 1800000000}}`;
    const running = barewire("call", services.address, path, "-d", all);
    running.closeStdout();
    const { code, stderr } = await running.ended;
    assert.deepEqual([code, stderr], [0, ""]);
  });

  test("a mistake in a later request cancels the call and says where it is", async () => {
    const chat = barewireReading("call", texts.address, "t.Texts/Chat", "-d", "@-", "--compact");
    try {
      chat.write('{"text": "a"}\n');
      await chat.printed(/you said a/);
      chat.write('\n {"text": "b",\n "txet": 1}');
      const { code, stderr } = await chat.ended;
      assert.equal(code, 64);
      assert.match(
        stderr,
        /^barewire: standard input: request 2, at line 3: Cannot read t\.Text from JSON: txet must be a field of t\.Text \(did you mean text\?\): current value is 1\n$/,
      );
    } finally {
      await chat.stop();
    }
  });

  test("nobody there: UNAVAILABLE, 14; a server that speaks something else", async () => {
    const deaf = createServer((socket) =>
      socket
        .on("error", () => undefined)
        .resume()
        .end("220 mail.example\r\n"),
    );
    deaf.listen(0, "127.0.0.1");
    await once(deaf, "listening");
    const address = `127.0.0.1:${(deaf.address() as AddressInfo).port}`;
    const talked = await told("list", address);
    assert.match(talked.stderr, /^barewire: cannot talk to 127\.0\.0\.1:\d+: .*; if it talks TLS, say --tls\n$/);
    assert.equal(talked.code, 14);
    deaf.close();
    await once(deaf, "close");
    const { code, stderr } = await told("list", address);
    assert.match(
      stderr,
      /^barewire: nobody answers at 127\.0\.0\.1:\d+ \(connect ECONNREFUSED .*\): is the server running/,
    );
    assert.equal(code, 14);
  });

  const files = [
    inFolder("two.json", "{}{}"),
    inFolder("bad.json", '{"text":\n  "a",}'),
    inFolder("latin.json", ""),
  ] as const;
  writeFileSync(files[2], new Uint8Array([0x22, 0xe4, 0x22]));
  for (const [args, expected] of [
    [["t.Texts/Sya"], /there is no method "Sya" in t\.Texts; did you mean Say\?/],
    [["t.Texts/Xyzzy"], /there is no method "Xyzzy" in t\.Texts; it has Say, Fail, Wait, Chat, Leave/],
    [["Texts/Say"], /there is no service "Texts"; did you mean t\.Texts\?/],
    [["t.Txets/Say"], /there is no service "t\.Txets"; did you mean t\.Texts\?/],
    [["quite.Different/Say"], /there is no service "quite\.Different"; there are grpc\.health\.v1\.Health, /],
    [["Say"], /a method must be SERVICE\/METHOD, such as .*: current value is "Say"/],
    [["t.Texts/Say", "more"], /call takes an address and one method: "more" is too much/],
    [["t.Texts/Say", "-d", "@none.json"], /--data "@none\.json": there is no such file/],
    [["t.Texts/Say", "-d", "{} {}"], /Say takes one request, and there are more in --data/],
    [["t.Texts/Say", "-d", `@${files[0]}`], /Say takes one request, and there are more in --data "@.*two\.json"/],
    [
      ["t.Texts/Say", "-d", `@${files[1]}`],
      /two\.json|bad\.json": Cannot parse JSON at line 2, column 7: wanted a name/,
    ],
    [["t.Texts/Say", "-d", `@${files[2]}`], /latin\.json": it must be UTF-8/],
    [["t.Texts/Say", "-d", '{"big": "1.5"}'], /--data: Cannot read t\.Text from JSON: big must be /],
    [["t.Texts/Say", "-H", "no colon"], /--header must be 'name: value': current value is "no colon"/],
    [["t.Texts/Say", "-H", "grpc-timeout: 1S"], /--header: .*"grpc-timeout" as it belongs to the protocol/],
    [["t.Texts/Say", "-H", "a-bin: %"], /--header: the value of "a-bin" must be base64: current value is "%"/],
    [["t.Texts/Say", "--max-time", "0"], /--max-time must be a number of seconds above 0: current value is "0"/],
    [
      ["t.Texts/Say", "--format", "jsno"],
      /--format must be json or text: current value is "jsno"; did you mean json\?/,
    ],
    [["t.Texts/Say", "--compression", "br"], /--compression must be gzip, deflate or identity: current value is "br"/],
    [["t.Texts/Say", "--proto", "gone.proto"], /Cannot find gone\.proto: looked for/],
    [["t.Texts/Say", "--protoset", "gone.binpb"], /--protoset "gone\.binpb": ENOENT/],
    [["t.Texts/Say", "--protoset", "package.json"], /--protoset "package\.json": Cannot decode/],
    [
      ["t.Texts/Say", "--proto", "a", "--protoset", "b"],
      /--proto and --protoset are two ways to say the same: say one/,
    ],
    [["t.Texts/Say", "-I", "."], /--include is for --proto: say --proto as well/],
    [["t.Texts/Say", "--ca-file", "x"], /--ca-file is for TLS: say --tls as well/],
    [["t.Texts/Say", "--dtaa", "x"], /there is no flag "--dtaa"; did you mean --data\?/],
  ] as const) {
    test(`${JSON.stringify(args).replaceAll(folder, "")} is a mistake, told in one line`, () =>
      mistaken(["call", texts.address, ...args], expected));
  }

  for (const [args, expected] of [
    [["call"], /call wants the address of a server .* and SERVICE\/METHOD/],
    [["call", "nonsense:port", "a.B/C"], /target must be "host:port", .*: current value is "nonsense:port"/],
    [["call", "192.0.2.1:1", "a.B/C"], /"192\.0\.2\.1:1" is another machine.*say --tls, or --plaintext/],
    [["list"], /list wants the address of a server .*, or --proto or --protoset/],
    [["list", "localhost:1", "a", "b"], /list takes an address and one name: "b" is too much/],
    [
      ["list", "--proto", "proto/order.proto", "localhost:1", "order.Order"],
      /list asks no server where files are named/,
    ],
    [["list", "--proto", "proto/order.proto", "order.Order"], /"order\.Order" is no service but a message/],
    [
      ["describe", "--proto", "proto/order.proto", "order.Ordr"],
      /there is no symbol "order\.Ordr"; did you mean order\.Order\?/,
    ],
    [["describe", "--proto", "proto/order.proto", "--template"], /--template wants a SYMBOL/],
    [
      ["describe", "--proto", "proto/order.proto", "order.Order.id", "--template"],
      /--template is for messages and methods: "order\.Order\.id" is a field/,
    ],
    [["completion"], /completion wants the name of a shell: bash, zsh, fish/],
    [["completion", "bsh"], /there is no script for "bsh"; did you mean bash\?/],
  ] as const) {
    test(`${JSON.stringify(args)} is a mistake, told in one line`, () => mistaken(args, expected));
  }

  test("a mistake ends the command with 64", async () => {
    const { code, stdout, stderr } = await call("t.Texts/Say", "-d", "[");
    assert.match(
      stderr,
      /^barewire: --data: Cannot parse JSON at line 1, column 2: wanted a value, but the text ends\n$/,
    );
    assert.deepEqual([code, stdout], [64, ""]);
  });
});
