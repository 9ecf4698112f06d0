/**
 * `barewire serve` with a `.proto` and a module of handlers: run as a process, called by our client, by grpc-js and by buf.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { serveUntilTold } from "../../src/cli/serve.js";
import { UsageError } from "../../src/cli/usage-error.js";
import { Channel, type ChannelOptions, Code, type DynamicCall, loadProto, StatusError } from "../../src/core.js";
import { Health } from "../../src/services/health.js";
import { runBuf } from "../support/buf.js";
import { GrpcJsClient, grpcJsServiceOfFile } from "../support/grpc-js-peer.js";
import { barewire, type Command, root, serving } from "./command.js";

const GREETER = join(root, "examples/greeter/greeter.proto");
const example = ["--proto", "examples/greeter/greeter.proto", "--handlers", "examples/greeter/greeter.js"];

const folder = mkdtempSync(join(tmpdir(), "barewire-custom-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file as editors do: as a whole, in the place of the one before. */
function file(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}~`, text);
  renameSync(`${path}~`, path);
  return path;
}

type Caller = (input?: unknown, options?: { readonly timeoutMs?: number }) => DynamicCall;

/** Gives the methods of a service by their local names, over a channel of their own. */
async function calling<T>(
  address: string,
  [proto, service]: readonly [string, string],
  use: (method: (name: string) => Caller, channel: Channel) => Promise<T>,
  options: ChannelOptions = {},
): Promise<T> {
  const channel = new Channel(address, options);
  try {
    const client: Readonly<Record<string, Caller>> = channel.client(loadProto(proto).service(service));
    return await use((name) => client[name] ?? assert.fail(name), channel);
  } finally {
    await channel.close();
  }
}

const WORDS_TEXT = `syntax = "proto3";
package words;
message Word { string text = 1; }
service Words { rpc Say(Word) returns (Word); rpc Spell(Word) returns (stream Word); }
service Unused { rpc Nothing(Word) returns (Word); }
`;
const WORDS = [file("words.proto", WORDS_TEXT), "words.Words"] as const;

/** What Words.Say answers. */
function say(port: string | undefined, text: string): Promise<unknown> {
  return calling(`127.0.0.1:${port}`, WORDS, async (method) => {
    return (await method("say")({ text }, { timeoutMs: 20_000 }))["text"];
  });
}

describe("the example", () => {
  test("answers all four kinds, to our client", () =>
    serving(example, async (server, port) => {
      await server.printed(/\ngreeter\.Greeter: 4 methods from greeter\.js\n/);
      await calling(`127.0.0.1:${port}`, [GREETER, "greeter.Greeter"], async (method) => {
        const call = method("greet")({ name: "Ada", language: "FRENCH" });
        assert.deepEqual(await call, { text: "Bonjour, Ada!" });
        assert.equal((await call.trailers).get("greeted-by"), "barewire");
        const hours: unknown[] = [];
        for await (const { text } of method("greetAllDay")({ name: "Ada" })) hours.push(text);
        assert.deepEqual([hours.length, hours[23]], [24, "23:00 Hello, Ada!"]);
        const together = await method("greetTogether")([{ name: "Ada" }, { name: "Grace" }]);
        assert.deepEqual(together, { text: "Hello, Ada and Grace!" });
        const door = method("greetAtTheDoor")();
        await door.send({ name: "Alan" });
        assert.deepEqual(await door.receive(), { text: "Hello, Alan!" });
        door.closeSend();
        assert.equal(await door.receive(), undefined);
        // The class of the error is the one the server knows, though the module imports it by the package's name.
        await assert.rejects(
          method("greet")({}),
          (error) =>
            error instanceof StatusError &&
            error.code === Code.INVALID_ARGUMENT &&
            error.rawMessage === "a name is wanted",
        );
      });
    }));

  test("answers grpc-js", () =>
    serving(example, async (_server, port) => {
      const client = new GrpcJsClient(grpcJsServiceOfFile(GREETER, "greeter.Greeter"), port);
      try {
        const people = [{ name: "Ada" }, { name: "Grace", language: 1 }];
        for (const [method, texts] of [
          ["Greet", ["Hello, Ada!"]],
          ["GreetTogether", ["Hello, Ada and Grace!"]],
          ["GreetAtTheDoor", ["Hello, Ada!", "Bonjour, Grace!"]],
        ] as const) {
          const { messages, status } = await client.call(method, people);
          assert.deepEqual([status.code, messages.map(({ text }) => text)], [0, texts]);
        }
        const { messages } = await client.call("GreetAllDay", people);
        assert.equal(messages.length, 24);
      } finally {
        client.close();
      }
    }));

  test("is found by reflection, healthy, and its log has a line for every call", () =>
    serving(example, async (server, port) => {
      const flags = ["--http2-prior-knowledge", "--protocol", "grpc"];
      const { stdout, stderr } = await runBuf(["curl", ...flags, "--list-methods", `http://127.0.0.1:${port}`]);
      assert.match(stdout, /^greeter\.Greeter\/GreetAtTheDoor$/m, stderr);
      const path = `http://127.0.0.1:${port}/greeter.Greeter/Greet`;
      const greeted = await runBuf(["curl", ...flags, "--data", '{"name":"Ada","language":"FRENCH"}', path]);
      assert.deepEqual(JSON.parse(greeted.stdout), { text: "Bonjour, Ada!" }, greeted.stderr);
      await server.printed(/ \/greeter\.Greeter\/Greet OK \d+\.\d ms 1\/1\n/);
      const channel = new Channel(`127.0.0.1:${port}`);
      assert.equal((await channel.client(Health).check({ service: "greeter.Greeter" })).status, 1);
      await channel.close();
    }));

  test("over TLS, with the certificate that the start tells of", async () => {
    const server = barewire("serve", "--port", "0", "--tls", "--quiet", ...example);
    try {
      const [, port] = await server.printed(/^listening on 127\.0\.0\.1:(\d+)\n/);
      const [, caFile = ""] = await server.printed(/grpcurl -cacert (\S+) .*greeter\.Greeter\/Greet\n/);
      const greeter = [GREETER, "greeter.Greeter"] as const;
      const call = async (method: (name: string) => Caller): Promise<unknown> => await method("greet")({ name: "Ada" });
      const options = { tls: { ca: readFileSync(caFile, "utf8") } };
      assert.deepEqual(await calling(`127.0.0.1:${port}`, greeter, call, options), { text: "Hello, Ada!" });
    } finally {
      await server.stop();
    }
  });

  test("on a unix socket", async () => {
    const path = join(folder, "greeter.sock");
    const server = barewire("serve", "--unix", path, ...example);
    try {
      await server.printed(/ -unix .*greeter\.Greeter\/Greet\n/);
      const greeter = [GREETER, "greeter.Greeter"] as const;
      const answer = await calling(`unix:${path}`, greeter, async (method) => await method("greet")({ name: "Ada" }));
      assert.deepEqual(answer, { text: "Hello, Ada!" });
    } finally {
      await server.stop();
    }
  });
});

describe("barewire serve with handlers", () => {
  test("what nobody implements is told, answers UNIMPLEMENTED and is NOT_SERVING; what fails is told", () => {
    const handlers = file("some.js", "export default { say() { throw new Error('secret'); } };");
    return serving(["--proto", WORDS[0], "--handlers", handlers], async (server, port) => {
      await server.printed(/\nwords\.Words: 1 method from some\.js\n/);
      await server.printed(/\nwords\.Words: spell missing, which answers UNIMPLEMENTED\n/);
      await server.printed(/\nwords\.Unused: no handlers, so that every method answers UNIMPLEMENTED\n/);
      const address = `127.0.0.1:${port}`;
      await calling(address, WORDS, async (method, channel) => {
        assert.equal((await method("spell")({}).status).code, Code.UNIMPLEMENTED);
        assert.equal((await channel.client(Health).check({ service: "words.Words" })).status, 1);
        assert.equal((await channel.client(Health).check({ service: "words.Unused" })).status, 2);
        const { code, message } = await method("say")({ text: "a" }).status;
        assert.equal(code, Code.UNKNOWN);
        assert.doesNotMatch(message, /secret/);
      });
      await server.complained(/\/words\.Words\/Say failed: Error: secret\n/);
      const unused = [WORDS[0], "words.Unused"] as const;
      const { code } = await calling(address, unused, async (method) => await method("nothing")({}).status);
      assert.equal(code, Code.UNIMPLEMENTED);
    });
  });

  test("several files of both, in TypeScript too; services of imported files are not looked for", () => {
    const other = `syntax = "proto3"; package other; import "sub/words.proto";
      service Other { rpc Echo(words.Word) returns (words.Word); }
      service Third { rpc Echo(words.Word) returns (words.Word); }`;
    file("inc/sub/words.proto", WORDS_TEXT);
    const protos = ["--proto", "other.proto", "--proto", GREETER, "-I", join(folder, "inc")];
    file("inc/other.proto", other);
    const first = file(
      "first.ts",
      "export class Other { echo(word: { text: string }): object { return { text: word.text + '!' }; } }",
    );
    const second = file("second.mjs", "export function greet() { return { text: 'hi' }; }");
    return serving([...protos, "--handlers", first, "--handlers", second], async (server, port) => {
      await server.printed(/things to try/);
      assert.doesNotMatch(server.stdout, /words\.Words|words\.Unused/);
      assert.match(server.stdout, /\nother\.Third: no handlers/);
      const answer = await calling(
        `127.0.0.1:${port}`,
        [join(folder, "inc/other.proto"), "other.Other"],
        async (method) => await method("echo")({ text: "a" }),
        // The import is found beside the file.
      );
      assert.deepEqual(answer, { text: "a!" });
    });
  });

  test("SIGTERM lets the running call end, and a timer of the handlers does not keep the process", () => {
    const handlers = file(
      "slow.js",
      `setInterval(() => {}, 1000);
       export const Words = { async *spell({ text }, call) { yield { text }; await new Promise((r) => setTimeout(r, 300)); yield { text: "end" }; } };`,
    );
    return serving(["--proto", WORDS[0], "--handlers", handlers], async (server, port) => {
      await calling(`127.0.0.1:${port}`, WORDS, async (method) => {
        const call = method("spell")({ text: "a" });
        assert.equal((await call.receive())?.["text"], "a");
        server.kill("SIGTERM");
        await server.printed(/draining/);
        assert.equal((await call.receive())?.["text"], "end");
        assert.equal(await call.receive(), undefined);
      });
      const { code, stdout, stderr } = await server.ended;
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /drained, bye\n$/);
    });
  });

  test("handlers that cannot be loaded: what was thrown and where, and exit code 1", async () => {
    const handlers = file("broken.js", "setInterval(() => {}, 1000);\nthrow new Error('no database');");
    const { code, stdout, stderr } = await barewire("serve", "--proto", WORDS[0], "--handlers", handlers).ended;
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(
      stderr,
      /^barewire: --handlers ".*broken\.js" cannot be loaded: Error: no database\n +at .*broken\.js:2:7\)?\n$/,
    );
  });

  const USAGE: Readonly<Record<string, readonly [args: readonly string[], expected: RegExp]>> = {
    "no handlers": [["--proto", "a.proto"], /^--proto wants --handlers as well/],
    "no proto": [["--handlers", "a.js"], /^--handlers wants --proto as well/],
    "an include alone": [["-I", "x"], /^--include is for services of your own: say --proto and --handlers as well$/],
    "--watch alone": [["--watch"], /^--watch is for services of your own/],
    "a flag of the examples": [["--batch-size", "3", ...example], /^--batch-size is for the example services/],
    "a second file without its flag": [
      ["--proto", "a.proto", "b.proto"],
      /is too much \(each file has a flag of its own: --proto b\.proto\)$/,
    ],
    "handlers without their flag": [["a.ts"], /\(each file has a flag of its own: --handlers a\.ts\)$/],
    "an empty path": [["--proto", "", "--handlers", "a.js"], /one is empty$/],
    "a .proto that is not there": [
      ["--proto", "none.proto", "--handlers", "a.js"],
      /^Cannot find none\.proto: looked for /,
    ],
    "a .proto that does not parse": [
      ["--proto", file("bad.proto", 'syntax = "proto3";\nmessage {'), "--handlers", "a.js"],
      /^Cannot load .*bad\.proto:2:9: expected a name/,
    ],
    "a .proto without services": [
      ["--proto", file("messages.proto", 'syntax = "proto3"; message A {}'), "--handlers", "a.js"],
      /messages\.proto: there is no service in it$/,
    ],
    "two modules for one service": [
      [
        "--proto",
        WORDS[0],
        "--handlers",
        file("w1.js", "export function say() {}"),
        "--handlers",
        file("w2.js", "export default { say() {} };"),
      ],
      /^words\.Words has handlers in w1\.js and in w2\.js: one is too much$/,
    ],
    "a misspelt method": [
      ["--proto", WORDS[0], "--handlers", file("w3.js", "export const Words = { sai() {} };")],
      /^w3\.js: Cannot add words\.Words as it has no method "sai"; did you mean "say"\?$/,
    ],
  };
  for (const [name, [args, expected]] of Object.entries(USAGE)) {
    test(`${name} is one sentence`, async () => {
      await assert.rejects(serveUntilTold(["--port", "0", ...args]), (error) => {
        assert.ok(error instanceof UsageError, String(error));
        assert.match(error.message, expected);
        assert.ok(!error.message.includes("\n"), error.message);
        return true;
      });
    });
  }
});

/** Handlers whose answer comes from a module of its own, and the port they are served at. */
async function watching(
  name: string,
  use: (
    server: Command,
    port: string | undefined,
    paths: { words: string; lib: string; proto: string },
  ) => Promise<void>,
): Promise<void> {
  const proto = file(`${name}/words.proto`, WORDS_TEXT);
  const lib = file(`${name}/lib/answer.js`, "export const ANSWER = 'one';");
  const words = file(
    `${name}/words.js`,
    `import { ANSWER } from "./lib/answer.js";
     export const Words = {
       say: ({ text }) => ({ text: ANSWER + text }),
       async *spell({ text }, call) { yield { text }; await new Promise((r) => call.signal.addEventListener("abort", r)); },
     };`,
  );
  const server = barewire("serve", "--port", "0", "--watch", "--proto", proto, "--handlers", words);
  try {
    const [, port] = await server.printed(/^listening on 127\.0\.0\.1:(\d+)\n[^]*things to try/);
    await use(server, port, { words, lib, proto });
  } finally {
    await server.stop();
  }
}

/** Resolves when the server has listened for the n-th time. */
function listened(server: Command, times: number): Promise<unknown> {
  return server.printed(new RegExp(`(?:listening on [^]*){${times}}words\\.Unused`));
}

describe("barewire serve --watch", { timeout: 120_000 }, () => {
  test("starts again where it was when what the handlers import changes, and ends a call that does not", () =>
    watching("imported", async (server, port, { lib }) => {
      assert.equal(await say(port, "!"), "one!");
      await calling(`127.0.0.1:${port}`, WORDS, async (method) => {
        const call = method("spell")({ text: "a" });
        assert.equal((await call.receive())?.["text"], "a");
        file("imported/lib/answer.js", "export const ANSWER = 'two';");
        await server.printed(
          new RegExp(`${lib.slice(lib.indexOf("imported")).replaceAll(".", "\\.")} changed: starting again\n`),
        );
        assert.equal((await call.status).code, Code.UNAVAILABLE);
      });
      await listened(server, 2);
      assert.equal(await say(port, "!"), "two!");
      assert.equal(server.stdout.match(/things to try/g)?.length, 1);
      server.kill("SIGINT");
      const { code, stdout, stderr } = await server.ended;
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, /SIGINT: draining.*\ndrained, bye\n$/);
    }));

  test("a broken file is told, and the next change serves again", () =>
    watching("broken", async (server, port) => {
      const words = "broken/words.js";
      file(words, "export const Words = { say: () => ({ text: 'x' }) ");
      await server.complained(/barewire: --handlers ".*words\.js" cannot be loaded: /);
      await server.printed(/the server ended with exit code 1: it starts again when a file has changed/);
      file(words, "import { A } from './later.js'; export const Words = { say: () => ({ text: A }) };");
      await server.complained(/Cannot find module '.*later\.js'/);
      await server.printed(/(?:the server ended with exit code 1[^]*){2}/);
      // A file that was not there when it was looked for.
      file("broken/later.js", "export const A = 'late';");
      await listened(server, 2);
      assert.equal(await say(port, "!"), "late");
      server.kill("SIGTERM");
      assert.equal((await server.ended).code, 0);
    }));

  test("a .proto that changes changes what is served; SIGHUP ends who waits for a change", () =>
    watching("proto", async (server, port) => {
      file("proto/words.proto", `${WORDS_TEXT}service More { rpc Say(Word) returns (Word); }`);
      await server.printed(/changed[^]*listening on [^]*\nwords\.More: no handlers/);
      assert.equal(await say(port, "!"), "one!");
      file("proto/words.proto", "nonsense");
      await server.complained(/barewire: Cannot load .*words\.proto:1/);
      await server.printed(/the server ended with exit code 1/);
      server.kill("SIGHUP");
      assert.equal((await server.ended).code, 0);
      await assert.rejects(say(port, "!"), StatusError);
    }));

  test("a parent that is killed leaves no server behind", () =>
    watching("orphan", async (server, port) => {
      assert.equal(await say(port, "!"), "one!");
      server.kill("SIGKILL");
      // The pipe of its output is closed by the last who has it.
      const { stdout } = await server.ended;
      assert.match(stdout, /draining/);
    }));
});
