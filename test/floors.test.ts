/**
 * The floors of the source: which folder may import what. The tables of test/support/floors.ts are the law; the tests below hold the
 * source to them.
 *
 * Laws: types count as imports; a floor knows nothing of those above it, and what it needs from there is handed to it as a
 * value; no file imports itself in a circle.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { CLIENT_ROOMS, type Floor, FLOORS } from "./support/floors.js";

/**
 * What makes an HTTP/2 session, and the one file that may call it. Types of `node:http2` are free on the transport floor,
 * and so are the values that make nothing: the numbers in `constants` and the symbol `sensitiveHeaders`.
 */
const HTTP2_VALUES: Readonly<Record<string, string>> = {
  createServer: "src/transport/server/listener.ts",
  createSecureServer: "src/transport/server/listener.ts",
  performServerHandshake: "src/transport/server/listener.ts",
  connect: "src/transport/client/connecting/connect.ts",
  constants: "src/transport/",
  sensitiveHeaders: "src/transport/",
};

/** What a codec cannot be pure with: time, chance and the process, which are globals and need no import. */
const IMPURE =
  /\b(?:set(?:Timeout|Interval|Immediate)|queueMicrotask|Date\.now|new Date\(\)|performance\.|Math\.random|crypto\.|process[.[]|fetch\(|console\.)/;

interface Import {
  /** What stands between the quotes. */
  readonly specifier: string;
  /** What it takes by value: `["*"]` for everything; none when all of it is types. */
  readonly values: readonly string[];
}

interface Source {
  readonly path: string;
  readonly code: string;
  readonly imports: readonly Import[];
}

const root = new URL("..", import.meta.url);
const sources = readSources();

function readSources(): Source[] {
  return readdirSync(new URL("src/", root), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => {
      const path = posix.join("src", file.replaceAll("\\", "/"));
      const code = withoutComments(readFileSync(new URL(path, root), "utf8"));
      return { path, code, imports: importsIn(code) };
    });
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

/**
 * Statements begin a line, as the formatter has it; `import("…")` stands anywhere, in types too. Generated code holds the
 * text of its `.proto` file, which has imports of its own.
 */
function importsIn(code: string): Import[] {
  const statements = code.matchAll(
    /^(?:import|export)\s+(?:(?<clause>[\w\s{},*$]+?)\s+from\s+)?"(?<specifier>[^"]+)";/gm,
  );
  const calls = code.matchAll(/\bimport\("(?<specifier>[^"]+)"\)/g);
  return [
    ...[...statements].map(({ groups }) => ({
      specifier: groups?.["specifier"] ?? "",
      values: valuesIn(groups?.["clause"] ?? ""),
    })),
    ...[...calls].map(({ groups }) => ({ specifier: groups?.["specifier"] ?? "", values: ["*"] })),
  ].filter(({ specifier }) => !specifier.endsWith(".proto"));
}

function valuesIn(clause: string): string[] {
  if (/^\s*type\b/.test(clause)) return [];
  const named = /\{(?<names>[^}]*)\}/.exec(clause)?.groups?.["names"];
  if (named === undefined) return ["*"];
  return named
    .split(",")
    .map((name) => name.trim().replace(/\s+as\s.*/s, ""))
    .filter((name) => name !== "" && !name.startsWith("type "));
}

function isRelative({ specifier }: Import): boolean {
  return specifier.startsWith(".");
}

/** The source file that a relative import means. */
function target(from: string, { specifier }: Import): string {
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, ".ts");
}

function floorOf(path: string): Floor | undefined {
  return FLOORS.filter(({ floor }) => path.startsWith(floor)).toSorted((a, b) => b.floor.length - a.floor.length)[0];
}

const CLIENT = "src/transport/client/";

/** The number of the client's room that a file stands in; `undefined` for files that are not the client's. */
function clientRoomOf(path: string): number | undefined {
  if (!path.startsWith(CLIENT)) return undefined;
  const places = CLIENT_ROOMS.flatMap(({ has }, room) => has.map((place) => ({ place, room })));
  const fitting = places.filter(({ place }) => path.startsWith(place, CLIENT.length));
  return fitting.toSorted((a, b) => b.place.length - a.place.length)[0]?.room;
}

function isWithin(path: string, place: string): boolean {
  if (place.endsWith("/*")) return posix.dirname(path) === place.slice(0, -2);
  return place.endsWith("/") ? path.startsWith(place) : path === place;
}

/** Every import of every source that `breaks` objects to, in a form that points at it. */
function faults(breaks: (source: Source, one: Import) => string | undefined): string[] {
  return sources.flatMap((source) =>
    source.imports.flatMap((one) => {
      const fault = breaks(source, one);
      return fault === undefined ? [] : [`${source.path} imports ${one.specifier}: ${fault}`];
    }),
  );
}

describe("the floors", () => {
  test("every source stands on a floor", () => {
    assert.ok(sources.length > 50, `only ${sources.length} sources were found`);
    assert.deepEqual(
      sources.map(({ path }) => path).filter((path) => floorOf(path) === undefined),
      [],
    );
  });

  test("every import of a source is one that its floor allows", () => {
    const broken = faults((source, one) => {
      if (!isRelative(one)) return undefined;
      const floor = floorOf(source.path);
      const imported = target(source.path, one);
      if (floor === undefined || floor.imports.some((place) => isWithin(imported, place))) return undefined;
      return `${floor.floor} may import ${floor.imports.join(", ")}`;
    });
    assert.deepEqual(broken, []);
  });

  test("no room of the client knows one above it", () => {
    const broken = faults((source, one) => {
      const room = clientRoomOf(source.path);
      const imported = isRelative(one) ? clientRoomOf(target(source.path, one)) : undefined;
      if (room === undefined || imported === undefined || imported <= room) return undefined;
      return `"${CLIENT_ROOMS[room]?.is}" stands below "${CLIENT_ROOMS[imported]?.is}"`;
    });
    assert.deepEqual(broken, []);
  });

  test("every module from outside is one that its floor allows", () => {
    const broken = faults((source, one) => {
      if (isRelative(one)) return undefined;
      const modules = floorOf(source.path)?.modules ?? [];
      const allowed = modules.some((module) =>
        module === "node:" ? one.specifier.startsWith(module) : one.specifier === module,
      );
      return allowed ? undefined : `allowed here: ${modules.join(", ") || "none"}`;
    });
    assert.deepEqual(broken, []);
  });

  test("every relative import is written as the file that tsc makes, and the file exists", () => {
    const broken = faults((source, one) => {
      if (!isRelative(one)) return undefined;
      if (!one.specifier.endsWith(".js")) return "it must end in .js";
      return existsSync(new URL(target(source.path, one), root)) ? undefined : "there is no such file";
    });
    assert.deepEqual(broken, []);
  });

  test("no source imports itself in a circle", () => {
    const byPath = new Map(sources.map((source) => [source.path, source]));
    const settled = new Set<string>();
    const circles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      if (trail.includes(path) || settled.has(path)) return;
      for (const one of byPath.get(path)?.imports ?? [])
        if (isRelative(one)) visit(target(path, one), [...trail, path]);
      settled.add(path);
    };
    for (const { path } of sources) visit(path, []);
    assert.deepEqual(circles, []);
  });
});

describe("what one place alone may have", () => {
  test("the runtime depends on protobufjs and nothing else", () => {
    const { dependencies } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
      dependencies: object;
    };
    assert.deepEqual(Object.keys(dependencies), ["protobufjs"]);
  });

  test("a server is created in one file and a connection opened in another, both on the transport floor", () => {
    const broken = faults((source, { specifier, values }) => {
      if (specifier !== "node:http2") return undefined;
      const wrong = values.find((name) => !isWithin(source.path, HTTP2_VALUES[name] ?? "nowhere"));
      return wrong === undefined ? undefined : `${wrong} is for ${HTTP2_VALUES[wrong] ?? "nobody"}`;
    });
    assert.deepEqual(broken, []);
  });

  test("the codec has no clock, timers, randomness or process", () => {
    const impure = sources.flatMap(({ path, code }) => {
      const word = isWithin(path, "src/codec/") ? IMPURE.exec(code)?.[0] : undefined;
      return word === undefined ? [] : [`${path} uses ${word}`];
    });
    assert.deepEqual(impure, []);
  });

  test("a source is a comfortable room: none has more than 500 lines of code", () => {
    const long = sources
      .map(({ path, code }) => ({ path, lines: code.split("\n").filter((line) => line.trim() !== "").length }))
      .filter(({ lines }) => lines > 500);
    assert.deepEqual(long, []);
  });

  test("a source opens with a comment that says what it is", () => {
    const silent = sources
      .map(({ path }) => path)
      .filter((path) => !/^(?:#!.*\n)?(?:\/\*\*?|\/\/)/.test(readFileSync(new URL(path, root), "utf8")));
    assert.deepEqual(silent, []);
  });
});

describe("how this test reads imports", () => {
  const imports = (code: string): Import[] => importsIn(withoutComments(code));

  test("statements over one line and several, values apart from types", () => {
    assert.deepEqual(imports('import {\n  a,\n  type B,\n  c as d,\n} from "./x.js";\nimport type { E } from "y";'), [
      { specifier: "./x.js", values: ["a", "c"] },
      { specifier: "y", values: [] },
    ]);
    assert.deepEqual(imports('import a, { b } from "x";\nimport * as c from "y";\nimport "z";').length, 3);
  });

  test("re-exports, side effects, calls and types by import()", () => {
    assert.deepEqual(
      imports(
        'export { a, type B } from "w";\nexport * from "x";\nimport "y";\nconst f = () => import("z");\nlet t: typeof import("u");',
      ),
      [
        { specifier: "w", values: ["a"] },
        { specifier: "x", values: ["*"] },
        { specifier: "y", values: ["*"] },
        { specifier: "z", values: ["*"] },
        { specifier: "u", values: ["*"] },
      ],
    );
  });

  test("not comments, not strings of other statements, not the imports of a .proto text", () => {
    assert.deepEqual(
      imports('export const c = "d";\nexport class E { f = "g"; }\nimport "google/protobuf/any.proto";'),
      [],
    );
    assert.deepEqual(
      imports('// import "a";\n/*\nimport "b";\n*/\nexport const c = f("d");\nexport function e() {}'),
      [],
    );
  });

  test("floors: the longest prefix counts, and /* is a folder's own files", () => {
    assert.equal(floorOf("src/codec/proto/files.ts")?.floor, "src/codec/proto/files.ts");
    assert.equal(floorOf("src/codec/proto/load.ts")?.floor, "src/codec/proto/");
    assert.equal(floorOf("src/elsewhere.ts"), undefined);
    assert.ok(CLIENT_ROOMS.every(({ has }) => has.every((place) => existsSync(new URL(CLIENT + place, root)))));
    assert.deepEqual(
      ["settings/method-table.ts", "clock.ts", "attempts/retries.ts", "attempts/send-requests.ts", "channel.ts"].map(
        (file) => clientRoomOf(CLIENT + file),
      ),
      [0, 1, 5, 6, 6],
    );
    assert.ok(isWithin("src/transport/call.ts", "src/transport/*"));
    assert.ok(!isWithin("src/transport/client/client.ts", "src/transport/*"));
    assert.equal(fileURLToPath(root).endsWith("/"), true);
  });
});
