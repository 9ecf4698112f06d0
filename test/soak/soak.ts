/**
 * The soak: calls and connections of every fate, after which everything must be back where it began.
 *
 * Laws: what the process holds is counted, never guessed; it fails with a sentence that says what there is too much of.
 * Usage: npm run soak [-- --calls 200000 --connections 2000 --only "half read" --settle-ms 10000 --planted]
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { codeName, type Code } from "../../src/index.js";
import { CensusTaker, grown, grownHeap, type Census } from "./census.js";
import { CONNECTION_FATES } from "./connection-fates.js";
import { FATES, type Fate } from "./fates.js";
import { PLANTED } from "./plants.js";
import { Venue } from "./venue.js";

/** Memory is compared between this many parts, the first two of which only warm up. */
const ROUNDS = 8;
const WARM_ROUNDS = 2;
const CALLS_AT_A_TIME = 64;
const CONNECTIONS_AT_A_TIME = 8;
/** A full soak takes two minutes on a small machine. */
const GUARD_MS = 15 * 60_000;
const SETTLE_STEP_MS = 50;
/** The heap after warming up, and this much: what V8 learns and keeps. A call that leaves 10 bytes passes it in a full soak. */
const HEAP_ROOM_BYTES = 1_500_000;
/** Pages that the allocator keeps are no leak, so that this is wide; it is there for what lies outside the heap. */
const RSS_ROOM_BYTES = 96 * 1024 * 1024;

interface Memory {
  readonly heap: number;
  readonly external: number;
  readonly rss: number;
}

const MEMORY = [
  ["heap", "heap", HEAP_ROOM_BYTES],
  ["buffers outside the heap", "external", HEAP_ROOM_BYTES],
  ["memory of the process", "rss", RSS_ROOM_BYTES],
] as const satisfies readonly (readonly [string, keyof Memory, number])[];

/** What happened to a fate. */
class Tally {
  readonly fate: Fate;
  readonly codes = new Map<Code | undefined, number>();
  turns = 0;
  running = 0;

  constructor(fate: Fate) {
    this.fate = fate;
  }

  async run(venue: Venue): Promise<void> {
    this.running++;
    const end = await this.fate.run(venue, this.turns++);
    this.running--;
    const code = end?.code;
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
    if (code === undefined || this.fate.codes.includes(code)) return;
    const wanted = this.fate.codes.map((one) => codeName(one)).join(" or ");
    throw new Error(
      `"${this.fate.name}" must end with ${wanted}: it ended with ${codeName(code)}: ${end?.message ?? ""}`,
    );
  }
}

/** Every fate as often as its weight says, in an order that mixes them. */
function* schedule(tallies: readonly Tally[]): Generator<Tally, never> {
  const round = tallies.flatMap((tally) => Array.from({ length: tally.fate.weight }, () => tally));
  let state = 1;
  for (let at = round.length - 1; at > 0; at--) {
    state = (state * 48_271) % 2_147_483_647;
    const other = state % (at + 1);
    [round[at], round[other]] = [round[other] as Tally, round[at] as Tally];
  }
  for (;;) yield* round;
}

/** Runs `count` of them, some at a time. */
async function runMany(order: Iterator<Tally, never>, count: number, atATime: number, venue: Venue): Promise<void> {
  let left = count;
  const work = async (): Promise<void> => {
    while (left-- > 0) await order.next().value.run(venue);
  };
  await Promise.all(Array.from({ length: atATime }, work));
}

/** After what was on its way has arrived, and what it used is collected: V8 gives buffers back a little later than objects. */
async function remember(): Promise<Memory> {
  for (let again = 0; again < 3; again++) {
    await sleep(SETTLE_STEP_MS);
    globalThis.gc?.();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed, external, rss };
}

/** A census that the next one does not undercut: nothing of the beginning is on its way to its end. */
async function quiet(taker: CensusTaker): Promise<Census> {
  let before = await taker.take();
  for (;;) {
    await sleep(SETTLE_STEP_MS);
    const now = await taker.take();
    if (grown(now, before).length === 0) return now;
    before = now;
  }
}

/** Waits until nothing is left of what was begun; what then is, is a leak. */
async function settle(taker: CensusTaker, before: Census, settleMs: number): Promise<Census> {
  const until = performance.now() + settleMs;
  for (;;) {
    await sleep(SETTLE_STEP_MS);
    const now = await taker.take();
    if (grown(before, now).length === 0 || performance.now() > until) return now;
  }
}

interface Options {
  readonly calls: number;
  readonly connections: number;
  /** Fates whose names have it. */
  readonly only: string;
  /** Whether leaks are planted, to see that they are found. */
  readonly planted: boolean;
  /** How long what is on its way to its end may take: more than any deadline here, less than the timers of the runtime. */
  readonly settleMs: number;
}

/** What a soak found. */
interface Found {
  readonly tallies: readonly Tally[];
  readonly connectionTallies: readonly Tally[];
  readonly before: Census;
  readonly after: Census;
  /** After each round. */
  readonly memory: readonly Memory[];
  /** What must not be. Nothing for a pass. */
  readonly leaks: readonly string[];
}

function talliesOf(fates: readonly Fate[], only: string): Tally[] {
  return fates.filter((fate) => fate.name.includes(only)).map((fate) => new Tally(fate));
}

async function soak(options: Options): Promise<Found> {
  const taker = new CensusTaker();
  const venue = await Venue.open();
  taker.signals.add(venue.shutdown.signal);
  const tallies = talliesOf(options.planted ? [...FATES, ...PLANTED] : FATES, options.only);
  const connectionTallies = talliesOf(CONNECTION_FATES, options.only);
  const calls = schedule(tallies);
  const connections = schedule(connectionTallies);
  const guard = setTimeout(() => hangs([...tallies, ...connectionTallies]), GUARD_MS).unref();
  const before = await quiet(taker);
  const memory: Memory[] = [];
  const run = async (round: number): Promise<void> => {
    const started = performance.now();
    await Promise.all([
      runMany(calls, shareOf(tallies, options.calls, round), CALLS_AT_A_TIME, venue),
      runMany(connections, shareOf(connectionTallies, options.connections, round), CONNECTIONS_AT_A_TIME, venue),
    ]);
    await venue.rest();
    memory.push(await remember());
    progress(round, performance.now() - started, memory);
  };
  for (let round = 1; round <= WARM_ROUNDS; round++) await run(round);
  const warm = await settle(taker, before, options.settleMs);
  for (let round = WARM_ROUNDS + 1; round <= ROUNDS; round++) await run(round);
  const after = await settle(taker, before, options.settleMs);
  const leaks = [...grown(before, after), ...grownHeap(warm, after), ...grownMemory(memory)];
  taker.close();
  clearTimeout(guard);
  if (leaks.length === 0) await venue.close();
  return { tallies, connectionTallies, before, after, memory, leaks };
}

/** A call that never ends would keep a soak for ever. */
function hangs(tallies: readonly Tally[]): never {
  const running = tallies
    .filter((tally) => tally.running > 0)
    .map((tally) => `${tally.running} of "${tally.fate.name}"`);
  process.stderr.write(`\nHANGS: after ${GUARD_MS / 60_000} minutes there still run ${running.join(", ") || "none"}\n`);
  process.exit(1);
}

/** How many of `all` come in one round. */
function shareOf(tallies: readonly Tally[], all: number, round: number): number {
  if (tallies.length === 0) return 0;
  return Math.floor((all * round) / ROUNDS) - Math.floor((all * (round - 1)) / ROUNDS);
}

/** What memory has gained since it was warm. */
function grownMemory(memory: readonly Memory[]): string[] {
  const warm = memory[WARM_ROUNDS - 1];
  const last = memory.at(-1);
  if (warm === undefined || last === undefined) return [];
  return MEMORY.flatMap(([name, kind, room]) => {
    const gained = last[kind] - warm[kind];
    return gained > room ? [`${name}: ${inMiB(last[kind])}, it was ${inMiB(warm[kind])} when it was warm`] : [];
  });
}

function inMiB(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

function say(line = ""): void {
  process.stdout.write(`${line}\n`);
}

function progress(round: number, ms: number, memory: readonly Memory[]): void {
  const { heap, external, rss } = memory.at(-1) as Memory;
  say(
    `round ${round} of ${ROUNDS}: ${(ms / 1000).toFixed(1)} s, heap ${inMiB(heap)}, external ${inMiB(external)}, RSS ${inMiB(rss)}`,
  );
}

function table(title: string, tallies: readonly Tally[]): void {
  say(`\n${title}`);
  for (const { fate, turns, codes } of tallies) {
    const ends = [...codes].map(([code, count]) => `${code === undefined ? "left" : codeName(code)} ${count}`);
    say(`  ${String(turns).padStart(7)}  ${fate.name.padEnd(44)}  ${ends.join(", ")}`);
  }
}

function report({ tallies, connectionTallies, before, after }: Found): void {
  table("calls", tallies);
  table("connections", connectionTallies);
  say("\nalive                            before    after");
  for (const name of new Set([...before.exact.keys(), ...after.exact.keys()])) {
    const [had, has] = [before.exact.get(name) ?? 0, after.exact.get(name) ?? 0];
    say(`  ${name.padEnd(28)} ${String(had).padStart(8)} ${String(has).padStart(8)}`);
  }
}

function numberFrom(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new TypeError(`Cannot soak as --${name} must be a number: current value is ${JSON.stringify(text)}`);
}

async function main(): Promise<void> {
  if (globalThis.gc === undefined)
    throw new Error("Cannot soak as memory must be collected: run node with --expose-gc");
  const { values } = parseArgs({
    options: {
      calls: { type: "string", default: "200000" },
      connections: { type: "string", default: "2000" },
      only: { type: "string", default: "" },
      planted: { type: "boolean", default: false },
      "settle-ms": { type: "string", default: "10000" },
    },
  });
  const calls = numberFrom("calls", values.calls);
  const connections = numberFrom("connections", values.connections);
  const settleMs = numberFrom("settle-ms", values["settle-ms"]);
  const started = performance.now();
  const found = await soak({ calls, connections, only: values.only, planted: values.planted, settleMs });
  report(found);
  const what = `after ${calls} calls and ${connections} connections`;
  const seconds = Math.round((performance.now() - started) / 1000);
  if (found.leaks.length === 0) {
    say(`\nNothing has leaked: ${what}, everything is back where it began (${seconds} s)`);
    return;
  }
  process.stderr.write(`\nLEAK: ${what} there is more than at the beginning:\n  ${found.leaks.join("\n  ")}\n`);
  process.exit(1);
}

await main();
