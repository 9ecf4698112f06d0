/**
 * The pages of `docs/` as they should be: what is made of the code put in, and links to lines led to where the lines are.
 *
 * A block that is made stands behind a comment that names it, `<!-- made: opening -->`. A link to a line says what is declared there:
 * its text is the name, in backquotes.
 */
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { root } from "../support/ledger.js";
import { CHANNEL_TRANSITIONS } from "../../src/transport/client/connectivity.js";
import { TRANSITIONS } from "../../src/transport/client/connecting/subchannel.js";
import { fourKinds, framing, oneCall, statuses } from "./calls.js";
import { goings, tls } from "./connections.js";
import { drawFloors, drawRooms, drawStates } from "./drawings.js";
import { lineOf } from "./source-lines.js";
import { endings, flow, kinds, lost, reflected } from "./streams.js";

export const GUIDE = "docs/guide/";

const SCENES = [oneCall, framing, statuses, fourKinds, endings, flow, lost, kinds, reflected, goings, tls];

const MADE = /^<!-- made: (?<name>[\w-]+) -->\n+```(?<language>\w+)\n(?<text>[^]*?)^```$/gm;
const LINK = /\[`(?<name>[^`\]]+)`\]\((?<path>(?:\.\.\/)+src\/[\w./-]+\.ts)(?:#L\d+)?\)/g;

/** The pages, by their paths from the repository's root. */
export function pages(): string[] {
  return readdirSync(new URL("docs/", root), { recursive: true, encoding: "utf8" })
    .map((file) => `docs/${file.replaceAll("\\", "/")}`)
    .filter((file) => file.endsWith(".md") && !file.includes("node_modules"))
    .toSorted();
}

/** A page as it is. */
export function readPage(page: string): string {
  return readFileSync(new URL(page, root), "utf8");
}

/** All that is made of the code, by its name: acts every scene. */
export async function makeAll(): Promise<ReadonlyMap<string, string>> {
  const made = new Map<string, string>([
    ["channel-states", drawStates(CHANNEL_TRANSITIONS)],
    ["subchannel-states", drawStates(TRANSITIONS)],
    ["floors", drawFloors()],
    ["client-rooms", drawRooms()],
  ]);
  for (const scene of SCENES) {
    for (const [name, text] of Object.entries(await scene())) {
      if (made.has(name)) throw new Error(`${name} is made twice`);
      made.set(name, text);
    }
  }
  return made;
}

/** The names of what is made in a page. */
export function madeIn(text: string): string[] {
  return [...text.matchAll(MADE)].map(({ groups }) => groups?.["name"] ?? "");
}

/** A page with what is made put in. @throws Error for a name that nobody makes. */
export function filled(page: string, text: string, made: ReadonlyMap<string, string>): string {
  return text.replaceAll(MADE, (_block, name: string, language: string) => {
    const now = made.get(name);
    if (now === undefined) throw new Error(`${page}: nobody makes ${name}`);
    return `<!-- made: ${name} -->\n\n\`\`\`${language}\n${now}\n\`\`\``;
  });
}

/** A page of the guide with its links to lines put right. @throws Error for a name that its source does not declare. */
export function linked(page: string, text: string): string {
  return text.replaceAll(LINK, (_link, name: string, path: string) => {
    const source = posix.join(posix.dirname(page), path);
    try {
      return `[\`${name}\`](${path}#L${lineOf(readPage(source), name)})`;
    } catch (error) {
      throw new Error(`${page}: ${source}: ${(error as Error).message}`, { cause: error });
    }
  });
}
