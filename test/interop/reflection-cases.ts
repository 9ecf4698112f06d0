/**
 * What clients that know a server by its reflection alone must find: every service, file and symbol, as they are declared.
 *
 * Laws: what a client was told is compared with what this library says of the same files; no symbol is left out.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadDescriptorSet, type Schema } from "../../src/index.js";
import { joinSets, type ParsedFile, parseFile, parseSet } from "../support/parsed-descriptor.js";
import { type Corpus, loadCorpus, type SymbolKind, symbolsOf } from "./corpus.js";
import { mustRun, type Output } from "./program.js";
import { VERSIONS, type Version } from "./reflection-server.js";

/** A server with reflection of one version, and what it serves. */
export interface Reflected {
  readonly port: number;
  readonly corpus: Corpus;
  readonly version: Version;
}

/** The programs of others that a case needs. */
export interface Tools {
  readonly grpcurl: string;
  readonly buf: string;
  readonly python: string;
}

type Case = (where: Reflected, tools: Tools) => Promise<void>;

const AT_ONCE = 4;
/** Go's messages of types that are known at run time only are written in another order every time. */
const ANY_ORDER = { customOptions: "in any order" } as const;

function grpcurl(
  { port }: Reflected,
  { grpcurl: command }: Tools,
  flags: readonly string[],
  ...words: string[]
): Promise<Output> {
  return mustRun({ command, args: ["-plaintext", ...flags, `127.0.0.1:${port}`, ...words] });
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** The names of all services there are, sorted. */
function serviceNames({ version }: Reflected, schema: Schema): string[] {
  return [...schema.serviceNames, "grpc.health.v1.Health", VERSIONS[version].typeName].toSorted();
}

/** What grpcurl calls the kinds. */
const CALLED: Readonly<Record<SymbolKind, string>> = {
  message: "(?:a message|the entry type for a map field|the type of a group.*)",
  enum: "an enum",
  service: "a service",
  method: "a method",
  extension: "(?:an extension|a group field)",
  field: "(?:a field|a group field)",
  oneof: "a one-of",
  value: "an enum value",
};

async function list(where: Reflected, tools: Tools): Promise<void> {
  const schema = loadCorpus(where.corpus);
  assert.deepEqual(lines((await grpcurl(where, tools, [], "list")).stdout), serviceNames(where, schema));
  for (const { typeName, methods } of schema.services) {
    const names = Object.values(methods).map(({ name }) => `${typeName}.${name}`);
    const { stdout } = await grpcurl(where, tools, [], "list", typeName);
    assert.deepEqual(lines(stdout), names.length === 0 ? ["(No methods)"] : names.toSorted());
  }
}

async function describe(where: Reflected, tools: Tools): Promise<void> {
  // Whichever the version, the server looks a symbol up in the same way: what is within another is described once.
  const symbols = symbolsOf(loadCorpus(where.corpus)).filter(
    ({ kind }) => where.version === "v1" || !["field", "oneof", "value"].includes(kind),
  );
  const next = symbols.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const { name, kind } of next) {
        const { stdout } = await grpcurl(where, tools, [], "describe", name);
        const [first] = lines(stdout);
        // A value of an enum is told by the enum's name as well.
        const last = name.slice(name.lastIndexOf(".") + 1);
        const shown = kind === "value" ? String.raw`[\w.]*\b${last}` : name.replaceAll(".", String.raw`\.`);
        const expected = new RegExp(`^${shown} is ${CALLED[kind]}:$`);
        assert.match(first ?? "", expected, `${kind} ${name} is described as ${first}`);
      }
    }),
  );
}

/** What grpcurl writes of everything that a server has is a schema to us, to buf and to protoc, and the one we began with. */
async function protoset(where: Reflected, tools: Tools): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "barewire-protoset-"));
  try {
    const schema = loadCorpus(where.corpus);
    const ours = new Map(schema.descriptors.map(({ name, bytes }) => [name, parseFile(bytes, ANY_ORDER)]));
    const all = join(folder, "all.binpb");
    const roots = new Map(symbolsOf(schema).map(({ file, name }) => [file, name]));
    const sets: Buffer[] = [];
    for (const [i, name] of [...roots.values()].entries()) {
      const out = join(folder, `${i}.binpb`);
      await grpcurl(where, tools, ["-protoset-out", out], "describe", name);
      sets.push(readFileSync(out));
    }
    writeFileSync(all, joinSets(sets));
    expectFiles(parseSet(readFileSync(all), ANY_ORDER), ours, roots.keys());

    const again = loadDescriptorSet(readFileSync(all));
    assert.deepEqual(
      again.serviceNames.filter((name) => schema.serviceNames.includes(name)).toSorted(),
      schema.serviceNames.toSorted(),
    );
    expectFiles(
      new Map(again.descriptors.map(({ name, bytes }) => [name, parseFile(bytes, ANY_ORDER)])),
      ours,
      roots.keys(),
    );

    const bufs = join(folder, "buf.binpb");
    await mustRun({ command: tools.buf, args: ["build", all, "--as-file-descriptor-set", "-o", bufs] });
    expectFiles(parseSet(readFileSync(bufs), ANY_ORDER), ours, roots.keys());

    const protocs = join(folder, "protoc.binpb");
    const flags = [`--descriptor_set_in=${all}`, "--include_source_info", `--descriptor_set_out=${protocs}`];
    await mustRun({ command: tools.python, args: ["-m", "grpc_tools.protoc", ...flags, ...roots.keys()] });
    expectFiles(parseSet(readFileSync(protocs), ANY_ORDER), ours, roots.keys());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What others may bring of their own. */
const NOT_OURS = /^google\/protobuf\//;

/** Compares files of others with ours. */
function expectFiles(
  theirs: ReadonlyMap<string, ParsedFile>,
  ours: ReadonlyMap<string, ParsedFile>,
  names: Iterable<string>,
): void {
  for (const name of names) if (!NOT_OURS.test(name)) assert.deepEqual(theirs.get(name), ours.get(name), name);
}

const KNOWN = { latitude: 409146138, longitude: -746188906 };

/** One call of each kind, by nothing but what reflection says of it. */
const CALLS: Readonly<
  Record<string, readonly [method: string, requests: readonly object[], check: (answers: readonly unknown[]) => void]>
> = {
  unary: [
    "GetFeature",
    [KNOWN],
    (answers) => assert.deepEqual(answers, [{ name: "Weldon Ridge, Jefferson, NJ", location: KNOWN }]),
  ],
  server_streaming: [
    "ListFeatures",
    [{ lo: { latitude: 400000000, longitude: -750000000 }, hi: { latitude: 420000000, longitude: -730000000 } }],
    (answers) => assert.ok(answers.length > 50, `${answers.length} features`),
  ],
  client_streaming: [
    "RecordRoute",
    [KNOWN, KNOWN, {}],
    (answers) =>
      assert.deepEqual(
        (answers as { pointCount: number }[]).map(({ pointCount }) => pointCount),
        [3],
      ),
  ],
  bidi_streaming: [
    "RouteChat",
    [1, 2].map((n) => ({ location: { latitude: n, longitude: 1 }, message: `note ${n}` })),
    (answers) =>
      assert.deepEqual(
        (answers as { message: string }[]).map(({ message }) => message),
        ["note 1", "note 2"],
      ),
  ],
};

async function call(where: Reflected, tools: Tools, name: string): Promise<void> {
  const [method, requests, check] = CALLS[name] ?? assert.fail(name);
  const input = requests.map((request) => JSON.stringify(request)).join("\n");
  const args = ["-plaintext", "-d", "@", `127.0.0.1:${where.port}`, `routeguide.RouteGuide/${method}`];
  const { stdout } = await mustRun({ command: tools.grpcurl, args, input });
  const texts = stdout.split(/^(?=\{)/m).filter((text) => text.trim() !== "");
  check(texts.map((text): unknown => JSON.parse(text)));
}

/** Python's client asks for every file and symbol, and links them; its files are those we have. */
async function everySymbol(where: Reflected, tools: Tools): Promise<void> {
  const schema = loadCorpus(where.corpus);
  const symbols = symbolsOf(schema);
  const input = JSON.stringify({ services: serviceNames(where, schema), symbols });
  const args = ["test/interop/python/reflection.py", `127.0.0.1:${where.port}`];
  const { stdout } = await mustRun({ command: tools.python, args, input });
  const files = JSON.parse(stdout) as Record<string, string>;
  const ours = new Map(schema.descriptors.map(({ name, bytes }) => [name, parseFile(bytes).file]));
  for (const [name, bytes] of Object.entries(files)) {
    assert.deepEqual(parseFile(Buffer.from(bytes, "base64")).file, ours.get(name), name);
  }
  for (const { file } of symbols) assert.ok(file in files, file);
}

export const GRPCURL_CASES: Readonly<Record<string, Case>> = { list, describe, protoset };
export const CALL_CASES: Readonly<Record<string, Case>> = Object.fromEntries(
  Object.keys(CALLS).map((name) => [name, (where, tools) => call(where, tools, name)] satisfies [string, Case]),
);
export const PYTHON_CASES: Readonly<Record<string, Case>> = { every_symbol: everySymbol };
