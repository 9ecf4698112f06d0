/**
 * The package as a stranger gets it: packed, installed in an empty project, run, and type-checked by an older compiler.
 *
 * Laws: the checkout is not touched (what is packed is a copy of it) and the registry is not needed, except for the older
 * compiler.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Channel, loadProto, VERSION } from "../src/index.js";
import { Command } from "./cli/command.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const packageJson = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
  dependencies: Record<string, string>;
  scripts: Record<string, string>;
};

/** What a package is made of, apart from what git ignores and what only the project itself needs. */
const PACKED_FROM = [
  "bin",
  "proto",
  "scripts",
  "src",
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
  "SECURITY.md",
];

/** The oldest compiler that must understand the published types. */
const OLDEST_TYPESCRIPT = "5.6.3";

interface Output {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[], cwd: string): Promise<Output> {
  return new Promise((resolve, reject) => {
    // Under npm or c8 their variables would reach the commands and change what those do; whom to trust is for the machine to say.
    const ours = /^(?:npm_(?!config_)|NODE_(?!EXTRA_CA_CERTS$|USE_SYSTEM_CA$))/;
    const inherited = Object.entries(process.env).filter(([name]) => !ours.test(name));
    const child = spawn(program, args, { cwd, env: Object.fromEntries(inherited), stdio: ["ignore", "pipe", "pipe"] });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => (output[name] += text));
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...output }));
  });
}

/** Runs a command that must succeed. */
async function mustRun(program: string, args: readonly string[], cwd: string): Promise<Output> {
  const output = await run(program, args, cwd);
  assert.equal(output.code, 0, `${program} ${args.join(" ")}\n${output.stdout}\n${output.stderr}`);
  return output;
}

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

async function pack(cwd: string, folder: string): Promise<Packed> {
  const { stdout } = await mustRun("npm", ["pack", "--json", "--pack-destination", folder], cwd);
  // Some versions of npm print the build's output before their own.
  const [packed] = JSON.parse(/^\[[\s\S]*^\]/m.exec(stdout)?.[0] ?? "[]") as Packed[];
  return packed ?? assert.fail(`npm pack printed ${stdout}`);
}

/** Every package that `dependencies` bring along, as they are installed here. */
function withDependencies(dependencies: Readonly<Record<string, string>>, found = new Set<string>()): Set<string> {
  for (const name of Object.keys(dependencies)) {
    if (found.has(name)) continue;
    found.add(name);
    const installed = JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as {
      dependencies?: Record<string, string>;
    };
    withDependencies(installed.dependencies ?? {}, found);
  }
  return found;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

const folder = mkdtempSync(join(tmpdir(), "barewire-package-"));
const project = join(folder, "project");
let packed: Packed;

before(
  async () => {
    const copy = join(folder, "copy");
    for (const name of PACKED_FROM) cpSync(join(root, name), join(copy, name), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    packed = await pack(copy, folder);
    rmSync(join(copy, "node_modules"));

    const dependencies: Record<string, string> = { barewire: `file:../${packed.filename}` };
    for (const name of withDependencies(packageJson.dependencies)) {
      const { filename } = await pack(join(root, "node_modules", name), folder);
      dependencies[name] = `file:../${filename}`;
    }
    mkdirSync(project);
    const text = JSON.stringify({ name: "stranger", private: true, type: "module", dependencies });
    writeFileSync(join(project, "package.json"), text);
    await mustRun("npm", ["install", "--offline", "--no-audit", "--no-fund"], project);
  },
  { timeout: 120_000 },
);

after(() => rmSync(folder, { recursive: true, force: true }));

describe("what is in the package", () => {
  test("every source as a module with its types, the command, the contracts, the papers, and nothing else", () => {
    const sources = filesBelow(join(root, "src")).map((file) => file.slice(join(root, "src/").length));
    const expected = [
      ...sources.flatMap((file) => [".js", ".d.ts"].map((end) => `dist/${file.replace(/\.ts$/, end)}`)),
      ...readdirSync(join(root, "proto")).map((file) => `proto/${file}`),
      "bin/barewire.js",
      "README.md",
      "LICENSE",
      "CHANGELOG.md",
      "SECURITY.md",
      "package.json",
    ];
    assert.deepEqual(packed.files.map(({ path }) => path).toSorted(), expected.toSorted());
  });

  test("the command can be executed", () => {
    assert.equal(packed.files.find(({ path }) => path === "bin/barewire.js")?.mode, 0o755);
  });

  test("no file names a place on the machine that built it", () => {
    const installed = filesBelow(join(project, "node_modules", "barewire"));
    assert.equal(installed.length, packed.files.length);
    const places = [root, homedir(), folder].filter((place) => place.length > 5);
    for (const file of installed) {
      const text = readFileSync(file, "utf8");
      assert.equal(
        places.find((place) => text.includes(place)),
        undefined,
        file,
      );
      assert.doesNotMatch(text, /\/(?:home|Users|root)\/[a-z]/i, file);
    }
  });

  test("VERSION is the package's version, and the changelog knows it", () => {
    assert.equal(VERSION, packageJson.version);
    assert.match(
      readFileSync(join(root, "CHANGELOG.md"), "utf8"),
      new RegExp(`^## \\[${VERSION.replaceAll(".", "\\.")}\\]`, "m"),
    );
  });

  test("the lock file is whole, so that npm ci takes it on any platform, and names no registry", () => {
    const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
      packages: Record<string, { optionalDependencies?: Record<string, string>; resolved?: string }>;
    };
    const missing = Object.values(packages)
      .flatMap(({ optionalDependencies }) => Object.keys(optionalDependencies ?? {}))
      .filter((name) => !Object.keys(packages).some((path) => path.endsWith(`node_modules/${name}`)));
    assert.deepEqual(missing, []);
    assert.deepEqual(
      Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined),
      [],
    );
  });

  test("packing builds first", () => {
    assert.equal(packageJson.scripts["prepack"], "npm run build");
  });

  test("every entry of exports is there, with its types", () => {
    const installed = join(project, "node_modules", "barewire");
    const { exports, bin } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
      exports: Record<string, string | Record<string, string>>;
      bin: Record<string, string>;
    };
    const files = Object.values(exports).flatMap((entry) => (typeof entry === "string" ? entry : Object.values(entry)));
    for (const file of [...files, ...Object.values(bin)]) assert.ok(existsSync(join(installed, file)), file);
  });
});

const ECHO = `import { Channel, Code, loadProto, Server, StatusError } from "barewire";

const proto = \`
  syntax = "proto3";
  package stranger;
  message Word { string text = 1; }
  service Echo {
    rpc Say (Word) returns (Word);
    rpc Spell (Word) returns (stream Word);
  }\`;
const Echo = loadProto({ "echo.proto": proto }).service("stranger.Echo");

const server = new Server();
server.add(Echo, {
  say: (word) => {
    if (word.text === "") throw new StatusError(Code.INVALID_ARGUMENT, "say something");
    return word;
  },
  *spell(word) {
    for (const text of word.text) yield { text };
  },
});
const { port } = await server.listen("127.0.0.1:0");
const channel = new Channel(\`127.0.0.1:\${port}\`);
const client = channel.client(Echo);
const said = await client.say({ text: "hello" });
const letters = [];
for await (const { text } of client.spell({ text: "abc" })) letters.push(text);
const refused = await client.say({}).then(String, String);
await channel.close();
await server.close();
console.log(JSON.stringify([said.text, letters, refused]));
`;

describe("the package in a project", () => {
  test("serves and calls over loopback", async () => {
    writeFileSync(join(project, "echo.js"), ECHO);
    const { stdout } = await mustRun(process.execPath, ["echo.js"], project);
    const [said, letters, refused] = JSON.parse(stdout) as [string, string[], string];
    assert.equal(said, "hello");
    assert.deepEqual(letters, ["a", "b", "c"]);
    assert.match(refused, /INVALID_ARGUMENT: say something$/);
  });

  test("is an ES module that CommonJS can require, as no module of it awaits at its top", async () => {
    const script = `const { Server, VERSION } = require("barewire"); console.log(typeof Server, VERSION);`;
    writeFileSync(join(project, "old.cjs"), script);
    const { stdout } = await mustRun(process.execPath, ["old.cjs"], project);
    assert.equal(stdout, `function ${VERSION}\n`);
  });

  test("barewire/core is the same library without batteries", async () => {
    const script = `import * as all from "barewire"; import * as core from "barewire/core";
      console.log(Object.keys(core).filter((name) => !(name in all)).length, core.Channel === all.Channel);`;
    writeFileSync(join(project, "core.js"), script);
    const { stdout } = await mustRun(process.execPath, ["core.js"], project);
    assert.equal(stdout, "0 true\n");
  });

  test("barewire/testing connects both sides in one process", async () => {
    const script = ECHO.slice(0, ECHO.indexOf("const server ="));
    const use = `import { connectInProcess } from "barewire/testing";
      const { client, fault, close } = connectInProcess((server) => server.add(Echo, { say: (word) => word }));
      fault("status=UNAVAILABLE once");
      const refused = await client(Echo).say({ text: "a" }).then(String, String);
      console.log(refused, (await client(Echo).say({ text: "b" })).text);
      await close();`;
    writeFileSync(join(project, "testing.js"), script + use);
    const { stdout } = await mustRun(process.execPath, ["testing.js"], project);
    assert.match(stdout, /UNAVAILABLE: a fault on purpose b\n$/);
  });

  test("barewire/inspect prints what a server's connections are used for", async () => {
    const script = `import { inspector } from "barewire/inspect";
      ${ECHO.replace("new Server(", "new Server({ tap: inspector({ output: process.stdout, hexBytes: 0 }) }")}`;
    writeFileSync(join(project, "inspect.js"), script);
    const { stdout } = await mustRun(process.execPath, ["inspect.js"], project);
    assert.match(stdout, /\[1\] client → server {2}HEADERS stream 1/);
  });

  test("what is not exported cannot be imported", async () => {
    writeFileSync(join(project, "deep.js"), `await import("barewire/dist/codec/status.js");`);
    const { code, stderr } = await run(process.execPath, ["deep.js"], project);
    assert.notEqual(code, 0);
    assert.match(stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
  });

  test("has the command: --help lists what it can do, --version is the package's", async () => {
    const help = await mustRun("npx", ["--no-install", "barewire", "--help"], project);
    for (const word of ["usage: barewire", "serve", "demo", "generate"])
      assert.ok(help.stdout.includes(word), help.stdout);
    const version = await mustRun("npx", ["--no-install", "barewire", "--version"], project);
    assert.ok(version.stdout.includes(VERSION));
  });
});

describe("barewire serve with handlers, in a folder where the package is not installed", () => {
  const elsewhere = join(folder, "elsewhere");
  const greeter = join(root, "examples", "greeter");
  const start = (handlers: string): Command => {
    const bin = join(project, "node_modules", "barewire", "bin", "barewire.js");
    const flags = ["--port", "0", "--proto", join(greeter, "greeter.proto"), "--handlers", handlers];
    // In that folder, and by the process that the shell was, which is the one to be signalled.
    const args = ["-c", 'cd "$0" && exec "$@"', elsewhere, process.execPath, bin, "serve", ...flags];
    return new Command("sh", args);
  };
  /** What the server answers, and that a wrong request has the status that the handlers gave. */
  const greet = async (handlers: string): Promise<unknown> => {
    const server = start(handlers);
    try {
      const [, port] = await server.printed(/^listening on 127\.0\.0\.1:(\d+)\n[^]*npx barewire call /);
      const channel = new Channel(`127.0.0.1:${port}`);
      const service = loadProto(join(greeter, "greeter.proto")).service("greeter.Greeter");
      const client: Readonly<Record<string, (name: object) => Promise<unknown>>> = channel.client(service);
      const answers = [await client["greet"]?.({ name: "Ada" }), await client["greet"]?.({}).catch(String)];
      await channel.close();
      server.kill("SIGTERM");
      assert.equal((await server.ended).code, 0);
      return answers;
    } finally {
      await server.stop();
    }
  };
  const expected = [{ text: "Hello, Ada!" }, "StatusError: INVALID_ARGUMENT: a name is wanted"];

  test("handlers import barewire all the same", async () => {
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "package.json"), '{ "type": "module" }');
    cpSync(join(greeter, "greeter.js"), join(elsewhere, "greeter.js"));
    assert.deepEqual(await greet("greeter.js"), expected);
  });

  test("handlers in TypeScript, where Node runs it or tsx is there; else one sentence", async () => {
    const text = `import { Code, type HandlerCall, StatusError } from "barewire";
      interface Person { readonly name: string }
      export function greet({ name }: Person, call: HandlerCall): { text: string } {
        if (name === "") throw new StatusError(Code.INVALID_ARGUMENT, "a name is wanted");
        return { text: \`Hello, \${name}!\` };
      }`;
    writeFileSync(join(elsewhere, "typed.ts"), text);
    const { typescript = false } = process.features as { readonly typescript?: string | false };
    if (typescript === false) {
      const { code, stderr } = await start("typed.ts").ended;
      assert.match(stderr, /^barewire: --handlers "typed\.ts" is TypeScript, which Node [\d.]+ does not run: .*\n$/);
      assert.equal(code, 1);
      mkdirSync(join(elsewhere, "node_modules"));
      symlinkSync(join(root, "node_modules", "tsx"), join(elsewhere, "node_modules", "tsx"));
    }
    assert.deepEqual(await greet("typed.ts"), expected);
  });
});

const CONSUMER = `import {
  Channel, Code, loadProto, Metadata, Server, StatusError,
  type Client, type HandlerCall, type MessageType, type Method, type Service, type UnaryCall,
} from "barewire";
import { VERSION } from "barewire/core";
import { Health, HealthStatuses } from "barewire/health";
import { addReflection } from "barewire/reflection";
import { inspector, type Tap } from "barewire/inspect";
import { connectInProcess, type FaultInit, type InProcess } from "barewire/testing";

interface Word { text: string }
interface WordInit { text?: string | undefined }
type WordMethod<Kind extends "unary" | "bidiStreaming"> = Method<Kind, Word, WordInit, Word, WordInit>;
type EchoService = Service<{ say: WordMethod<"unary">; chat: WordMethod<"bidiStreaming"> }>;

export async function main(Echo: EchoService, type: MessageType<Word, WordInit>): Promise<string> {
  await using server = new Server({ onError: (error: unknown, path: string) => console.error(path, error) });
  server.add(Echo, {
    say: (word: Word, call: HandlerCall) => {
      if (call.metadata.get("x-refuse") !== undefined) throw new StatusError(Code.ABORTED, VERSION);
      return { text: word.text };
    },
    async *chat(words) {
      for await (const word of words) yield { text: word.text.toUpperCase() };
    },
  });
  const { port } = await server.listen("127.0.0.1:0");
  const channel = new Channel(\`127.0.0.1:\${port}\`);
  const client: Client<EchoService> = channel.client(Echo);
  const call: UnaryCall<Word> = client.say({ text: "a" }, { timeoutMs: 500, metadata: new Metadata({ a: "1" }) });
  const { text } = await call;
  // @ts-expect-error the field is a string
  void client.say({ text: 5 });
  // @ts-expect-error a call with many messages is no promise
  void client.chat().then;
  const bytes: Uint8Array | undefined = (await call.trailers).get("x-bin");
  const dynamic = loadProto("echo.proto").service("a.Echo");
  server.add(dynamic, {});
  server.health.set(dynamic, "NOT_SERVING");
  const bare = new Server({ health: false, reflection: false, onDrain: () => undefined });
  bare.add(Health, new HealthStatuses().handlers());
  addReflection(bare);
  await channel.close();
  const tap: Tap = inspector({ hexBytes: 0, redact: ["x-own"] });
  void new Channel("localhost:1", { tap });
  const fault: FaultInit = { kind: "reset", code: "CANCEL", afterResponses: 3, on: Echo.methods.say };
  // @ts-expect-error there is no such kind
  const nonsense: FaultInit = { kind: "explode" };
  await using pair: InProcess = connectInProcess(bare, { channel: { maxReceiveBytes: 5 }, faults: ["drop once", fault, nonsense] });
  const again: string = (await pair.client(Echo).say({ text })).text + String(pair.fault("goaway").fired);
  return again + text + String(type.encode({ text }).length + (bytes?.length ?? 0));
}
`;

/** Modules of the project's own schema and of the hardest ones, by the installed command. */
async function generateInto(out: string): Promise<void> {
  const schemas = join(root, "test", "schemas");
  const files = readdirSync(schemas).filter((file) => file.endsWith(".proto"));
  await mustRun(
    "npx",
    ["--no-install", "barewire", "generate", ...files.map((file) => join(schemas, file)), "-I", schemas, "--out", out],
    project,
  );
}

const GENERATED = `import { Channel, Server } from "barewire";
import { Kind, Choices } from "./gen/proto3.js";
import { WellKnown } from "./gen/services.js";

const server = new Server();
server.add(WellKnown, { ping: () => ({}), *wait() { yield { seconds: 5n }; } });
const { port } = await server.listen("127.0.0.1:0");
const channel = new Channel(\`127.0.0.1:\${port}\`);
const client = channel.client(WellKnown);
const times = [];
for await (const { seconds } of client.wait({})) times.push(String(seconds));
const { one } = Choices.decode(Choices.encode({ one: { case: "kind", value: "MOST" } }));
console.log(JSON.stringify([await client.ping({}), times, one.case, one.value === Kind.MOST]));
await channel.close();
await server.close();
`;

test("modules generated by the installed command serve and call", async () => {
  await generateInto("gen");
  // What the loader of types would do: the modules hold no syntax that is more than types.
  const { transformSync } = createRequire(join(root, "package.json"))("esbuild") as {
    transformSync: (code: string, options: { loader: "ts" }) => { code: string };
  };
  for (const file of filesBelow(join(project, "gen"))) {
    writeFileSync(file.replace(/ts$/, "js"), transformSync(readFileSync(file, "utf8"), { loader: "ts" }).code);
  }
  writeFileSync(join(project, "generated.js"), GENERATED);
  const { stdout } = await mustRun(process.execPath, ["generated.js"], project);
  assert.equal(stdout, '[{},["5"],"kind",true]\n');
  for (const file of filesBelow(join(project, "gen")).filter((one) => one.endsWith(".js"))) rmSync(file);
});

describe("the published types", () => {
  test(`are understood by TypeScript ${OLDEST_TYPESCRIPT}, under strict and with every library checked`, async (t) => {
    const packages = [`typescript@${OLDEST_TYPESCRIPT}`, "@types/node@20"];
    const options = ["--prefer-offline", "--no-audit", "--no-fund", "--fetch-retries=1"];
    const installed = await run("npm", ["install", ...options, ...packages], project);
    if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED|ENETUNREACH/.test(installed.stderr)) {
      t.skip("the older compiler is not in npm's cache and no registry can be reached");
      return;
    }
    assert.equal(installed.code, 0, installed.stderr);
    writeFileSync(join(project, "consumer.ts"), CONSUMER);
    await generateInto("gen");
    for (const resolution of [
      { module: "nodenext", moduleResolution: "nodenext" },
      { module: "esnext", moduleResolution: "bundler" },
    ]) {
      const compilerOptions = {
        ...resolution,
        target: "es2022",
        lib: ["es2022", "esnext.disposable"],
        types: ["node"],
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        verbatimModuleSyntax: true,
        isolatedDeclarations: true,
        declaration: true,
        skipLibCheck: false,
        noEmit: true,
      };
      const include = ["consumer.ts", "gen"];
      writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include }));
      await mustRun(process.execPath, ["node_modules/typescript/bin/tsc"], project);
    }
  });
});
