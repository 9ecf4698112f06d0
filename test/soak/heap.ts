/**
 * What is in the heap: how many objects of each class, from a snapshot that V8 writes after a full garbage collection.
 *
 * Laws: one pass, and nothing of the snapshot is kept, as it is as large as the heap itself.
 */
import { getHeapSnapshot } from "node:v8";

/** Counts by the name of the class; functions count as `closure`. */
export type HeapCount = ReadonlyMap<string, number>;

const CLOSURE = "closure";
const NODES = '"nodes":[';
const STRINGS = '"strings":[';
const [COMMA, DIGIT_0, DIGIT_9, END] = [0x2c, 0x30, 0x39, 0x5d];

/** Counts what can be reached. Blocks while V8 collects and writes: a second for a small heap. */
export async function countHeap(): Promise<HeapCount> {
  const reader = new SnapshotReader();
  for await (const chunk of getHeapSnapshot()) reader.push(String(chunk));
  return reader.end();
}

interface Layout {
  readonly snapshot: {
    readonly meta: { readonly node_fields: readonly string[]; readonly node_types: readonly [readonly string[]] };
  };
}

/** Reads the text of a snapshot as it comes. */
class SnapshotReader {
  #read = (text: string): void => this.#readLayout(text);
  #text = "";
  #fields = 0;
  #objectType = -1;
  #closureType = -1;
  #field = 0;
  #number = 0;
  #type = 0;
  #name = 0;
  /** By the index of the class's name. */
  readonly #objects = new Map<number, number>();
  #closures = 0;

  push(text: string): void {
    this.#read(text);
  }

  /** The type of a node is its first field, its name the second. */
  #readLayout(text: string): void {
    this.#text += text;
    const at = this.#text.indexOf(NODES);
    if (at < 0) return;
    const { meta } = (JSON.parse(`${this.#text.slice(0, at).trimEnd().replace(/,$/, "")}}`) as Layout).snapshot;
    const [type, name] = meta.node_fields;
    if (type !== "type" || name !== "name") throw new Error("a heap snapshot looks different in this version of Node");
    this.#fields = meta.node_fields.length;
    this.#objectType = meta.node_types[0].indexOf("object");
    this.#closureType = meta.node_types[0].indexOf("closure");
    const rest = this.#text.slice(at + NODES.length);
    this.#text = "";
    this.#read = (more) => this.#readNodes(more);
    this.#readNodes(rest);
  }

  #readNodes(text: string): void {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code >= DIGIT_0 && code <= DIGIT_9) this.#number = this.#number * 10 + code - DIGIT_0;
      else if (code === COMMA || code === END) this.#readField();
      if (code !== END) continue;
      this.#read = (more) => this.#skipToStrings(more);
      this.#skipToStrings(text.slice(at));
      return;
    }
  }

  #readField(): void {
    if (this.#field === 0) this.#type = this.#number;
    else if (this.#field === 1) this.#name = this.#number;
    this.#number = 0;
    if (++this.#field < this.#fields) return;
    this.#field = 0;
    if (this.#type === this.#objectType) this.#objects.set(this.#name, (this.#objects.get(this.#name) ?? 0) + 1);
    else if (this.#type === this.#closureType) this.#closures++;
  }

  #skipToStrings(text: string): void {
    const joined = this.#text + text;
    const at = joined.indexOf(STRINGS);
    if (at < 0) {
      this.#text = joined.slice(-STRINGS.length);
      return;
    }
    this.#text = joined.slice(at + STRINGS.length - 1);
    this.#read = (more) => void (this.#text += more);
  }

  end(): HeapCount {
    const names = JSON.parse(this.#text.trimEnd().replace(/\}$/, "")) as string[];
    const counts = new Map([[CLOSURE, this.#closures]]);
    for (const [index, count] of this.#objects) {
      const name = names[index] ?? "";
      counts.set(name, (counts.get(name) ?? 0) + count);
    }
    return counts;
  }
}
