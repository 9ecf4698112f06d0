/**
 * Names in generated modules: what a declaration is called, and what it is called where another one has that name.
 *
 * Laws: a `.proto` has no `$` in its names, so a name with `$` behind it is free; a name depends on the schema alone, never
 * on the order in which files are generated; names of JavaScript's own stay usable, as nothing generated relies on them.
 */

/** What no declaration of a module can be called: the words of JavaScript and of TypeScript's types. */
const RESERVED: readonly string[] = [
  ..."any arguments as asserts async await bigint boolean break case catch class const continue debugger".split(" "),
  ..."default delete do else enum eval export exports extends false finally for function globalThis if".split(" "),
  ..."implements import in infer instanceof interface is keyof let never new null number object package".split(" "),
  ..."private protected public readonly require return static string super switch symbol this throw true".split(" "),
  ..."try type typeof undefined unique unknown var void while with yield __proto__".split(" "),
];

/** The names of one module. */
export class Names {
  readonly #taken = new Set(RESERVED);

  /** `wanted`, or the first of `wanted$`, `wanted$$`, … that is not taken. */
  claim(wanted: string): string {
    let name = wanted;
    while (this.#taken.has(name)) name += "$";
    this.#taken.add(name);
    return name;
  }
}

/** A property's name in a type or an object literal. */
export function propertyKey(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

/** A key in an object literal: `__proto__` would set the prototype unless it is computed. */
export function literalKey(name: string): string {
  return name === "__proto__" ? '["__proto__"]' : propertyKey(name);
}

/** The module of a `.proto` file, from the output folder. Import names may go upwards; modules stay in the folder. */
export function modulePath(file: string): string {
  const inside = file
    .replace(/\\/g, "/")
    .split("/")
    .filter((part) => part !== "" && part !== ".");
  return `${inside
    .map((part) => (part === ".." ? "_" : part))
    .join("/")
    .replace(/\.proto$/, "")}.ts`;
}

/** How the module `from` imports the module `to`. */
export function moduleSpecifier(from: string, to: string): string {
  const here = from.split("/").slice(0, -1);
  const there = to.replace(/\.ts$/, ".js").split("/");
  let same = 0;
  while (same < here.length && same < there.length - 1 && here[same] === there[same]) same++;
  const up = "../".repeat(here.length - same);
  return `${up === "" ? "./" : up}${there.slice(same).join("/")}`;
}

/** What a module exports its file as: `file_google_api_http`. */
export function fileConstant(file: string): string {
  return `file_${modulePath(file).replace(/\.ts$/, "").replace(/\W+/g, "_")}`;
}
