import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { readHandlers } from "../../src/cli/handlers-module.js";
import { explainLoadFailure } from "../../src/cli/load-failure.js";
import { UsageError } from "../../src/cli/usage-error.js";
import * as barewire from "../../src/index.js";
import { loadProto, Server } from "../../src/index.js";

const folder = mkdtempSync(join(tmpdir(), "barewire-handlers-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const schema = loadProto({
  "two.proto": `syntax = "proto3";
    package two;
    message M { string text = 1; }
    service Greeter { rpc Greet(M) returns (M); rpc Chat(stream M) returns (stream M); rpc Both(M) returns (M); }
    service Counter { rpc Count(M) returns (M); rpc Both(M) returns (M); }`,
});
const both = schema.services;
const one = [schema.service("two.Greeter")];

let files = 0;

/** What a module with this text implements: `Service: method, method`. */
async function read(text: string, services = both, end = "mjs"): Promise<string[]> {
  const file = join(folder, `handlers-${++files}.${end}`);
  writeFileSync(file, text);
  const server = new Server();
  const found = await readHandlers(file, services, { barewire, schema, server });
  // They are good for a server, too.
  for (const { service, implementation } of found) server.add(service, implementation);
  return found.map(({ service, implementation }) => {
    const names = Object.keys(service.methods).filter((name) => name in implementation);
    return `${service.typeName}: ${names.join(", ")}`;
  });
}

async function fault(text: string, services = both): Promise<string> {
  try {
    await read(text, services);
  } catch (error) {
    assert.ok(error instanceof UsageError || error instanceof TypeError, String(error));
    return error.message;
  }
  return assert.fail("it was taken");
}

describe("what a module of handlers may export", () => {
  const SHAPES: Readonly<Record<string, readonly [text: string, found: readonly string[]]>> = {
    "an object by the service's name": [
      "export const Greeter = { greet() {}, async *chat() {} };",
      ["two.Greeter: greet, chat"],
    ],
    "by its name as a variable is written": ["export const greeter = { greet() {} };", ["two.Greeter: greet"]],
    "by its full name": ['const a = { greet() {} }; export { a as "two.Greeter" };', ["two.Greeter: greet"]],
    "two services": [
      "export const Greeter = { greet() {} }, Counter = { count() {} };",
      ["two.Counter: count", "two.Greeter: greet"],
    ],
    "one default object, by its methods": ["export default { count() {} };", ["two.Counter: count"]],
    "a default object by the services' names": [
      "export default { Greeter: { greet() {} }, 'two.Counter': { count() {} } };",
      ["two.Greeter: greet", "two.Counter: count"],
    ],
    "functions, method by method": [
      "export function greet() {} export async function* chat() {} export const other = 5;",
      ["two.Greeter: greet, chat"],
    ],
    "a class": ["export class Greeter { #a = {}; greet() { return this.#a; } }", ["two.Greeter: greet"]],
    "a class that inherits": [
      "class Base { greet() {} } export default class extends Base { chat() {} }",
      ["two.Greeter: greet, chat"],
    ],
    "an instance": ["class A { greet() {} helper() {} } export const greeter = new A();", ["two.Greeter: greet"]],
    "a function": ["export default () => ({ greet() {} });", ["two.Greeter: greet"]],
    "an async function by the service's name": [
      "export const Counter = async () => ({ count() {} });",
      ["two.Counter: count"],
    ],
    "handlers and what is for others": [
      "export const Greeter = { greet() {} }; export const VERSION = '1'; export function unrelatedThing() {}",
      ["two.Greeter: greet"],
    ],
  };
  for (const [name, [text, found]] of Object.entries(SHAPES)) {
    test(name, async () => assert.deepEqual(await read(text), found));
  }

  test("CommonJS: module.exports of either form, and exports compiled from ES modules", async () => {
    assert.deepEqual(await read("module.exports = { greet() {} };", both, "cjs"), ["two.Greeter: greet"]);
    assert.deepEqual(await read("exports.Greeter = { greet() {} };", both, "cjs"), ["two.Greeter: greet"]);
    const compiled = "Object.defineProperty(exports, '__esModule', { value: true });";
    assert.deepEqual(await read(`${compiled} exports.default = { greet() {} };`, both, "cjs"), ["two.Greeter: greet"]);
    assert.deepEqual(await read(`${compiled} exports.Greeter = { greet() {} };`, both, "cjs"), ["two.Greeter: greet"]);
  });

  test("functions and classes are given the library, the schema and the server", async () => {
    const text = `export class Greeter {
      constructor({ barewire, schema, server }) {
        if (!(server instanceof barewire.Server)) throw new Error("no server");
        server.health.set(schema.service("two.Counter"), "NOT_SERVING");
      }
      greet() {}
    }`;
    assert.deepEqual(await read(text), ["two.Greeter: greet"]);
  });

  test("a function may add its services itself", async () => {
    const text = 'export default ({ schema, server }) => { server.add(schema.service("two.Greeter"), {}); };';
    assert.deepEqual(await read(text), []);
  });
});

describe("what fits nothing is told", () => {
  const FAULTS: Readonly<Record<string, readonly [text: string, expected: RegExp]>> = {
    "no exports": [
      "const Greeter = {};",
      /^--handlers ".*": it implements no service: it exports nothing; wanted is, for one, export const Greeter = \{ greet\(request, call\) \{ … \} \}$/,
    ],
    "other exports": ["export const a = 1, b = 2;", /it implements no service: it exports a and b; wanted/],
    "a misspelt service": [
      "export const Greter = { greet() {} };",
      /no service or method "Greter"; did you mean Greeter\?$/,
    ],
    "a misspelt exported method": [
      "export function greet() {} export function chatt() {}",
      /no service or method "chatt"; did you mean chat\?$/,
    ],
    "a misspelt method of a named service": [
      "export const Greeter = { gret() {} };",
      /^Cannot add two\.Greeter as it has no method "gret"; did you mean "greet"\?$/,
    ],
    "a misspelt method of a default object": [
      "export default { greett() {} };",
      /no service has greett, which the default export has; did you mean greet\?$/,
    ],
    "methods of two services": ["export default { greet() {}, count() {} };", /no service has greet and count, which/],
    "methods that two services have": [
      "export default { both() {} };",
      /the default export fits two\.Greeter and two\.Counter, as each has both: export handlers by the service's name/,
    ],
    "no object": [
      "export const Greeter = 5;",
      /: Greeter must be an object of handlers, or a class or function that makes one: it is number$/,
    ],
    "a list": ["export default [];", /the default export must be an object .*: it is a list$/],
    "nothing from a function": ["export const Greeter = () => {};", /: Greeter must be .*: it is undefined$/],
    "no function": ["export const Greeter = { greet: 5 };", /greet must be a function: current value is number$/],
    twice: [
      "export const Greeter = { greet() {} }; export default { chat() {} };",
      /it has handlers of two\.Greeter twice$/,
    ],
    "a class that throws": [
      "export class Greeter { constructor() { throw new Error('no database'); } }",
      /: Greeter failed: Error: no database\n +at new Greeter \(file:.*handlers-\d+\.mjs:1:\d+\)$/,
    ],
    "a function that rejects": [
      "export default async () => { throw 'why'; };",
      /the default export failed: it threw why$/,
    ],
    "a syntax error": [
      "export const Greeter = {",
      /cannot be loaded: [^]*SyntaxError|cannot be loaded: Error: Transform failed/,
    ],
    "a module that throws": [
      "throw new RangeError('broken');",
      /cannot be loaded: RangeError: broken\n +at file:.*mjs:1:7$/,
    ],
    "an import that is not there": [
      "import './none.mjs';",
      /cannot be loaded: Error.*: Cannot find module '.*none\.mjs'/,
    ],
  };
  for (const [name, [text, expected]] of Object.entries(FAULTS)) {
    test(name, async () => assert.match(await fault(text), expected));
  }

  test("with one service only, its methods are named", async () => {
    assert.match(await fault("export default { gret() {} };", one), /no method "gret"; did you mean "greet"\?$/);
  });

  test("a name that two packages have: how to say which", async () => {
    const twice = loadProto({
      "a.proto": 'syntax = "proto3"; package a; message M {} service S { rpc X(M) returns (M); }',
      "b.proto": 'syntax = "proto3"; package b; message M {} service S { rpc X(M) returns (M); }',
    }).services;
    assert.match(
      await fault("export const S = { x() {} };", twice),
      /: S is the name of a\.S and b\.S: export \{ … as "a\.S" \}$/,
    );
  });

  test("an ES module that Node 20 takes for CommonJS: what to call it", () => {
    for (const said of ["Cannot use import statement outside a module", "Unexpected token 'export'"]) {
      assert.match(
        explainLoadFailure(new SyntaxError(said)),
        /call it \.mjs, or say "type": "module" in package\.json\)$/,
      );
    }
    assert.doesNotMatch(explainLoadFailure(new SyntaxError("Unexpected token '}'")), /mjs/);
  });

  test("a file that is not there", async () => {
    const context = { barewire, schema, server: new Server() };
    await assert.rejects(
      readHandlers(join(folder, "none.js"), both, context),
      /cannot be loaded: .*Cannot find module/,
    );
  });
});
