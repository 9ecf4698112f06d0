/**
 * One battle: the servers, what stands before them, the load, and what is done to them in turn.
 *
 * Laws: what happened is read from what the servers wrote, not from what the client believes; every fault is a sentence.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Code, type Channel } from "../../src/index.js";
import { MAX_BACKOFF_MS, openChannel } from "./channel.js";
import { Load } from "./load.js";
import { Nginx } from "./nginx.js";
import { freePort, ServerProcess } from "./processes.js";
import { faultsOf, readJournal, tally, unevenness, type Run } from "./verdict.js";

export type Through = "direct" | "nginx";

/** How far a server may be from an even share, while nothing happens. */
const MAX_UNEVENNESS = 0.05;
/** Between two blows. */
const PAUSE_MS = 300;
const FROZEN_MS = 1500;
/** A backoff is given or taken a fifth; then a connection is made, and a call has to come. */
const RECOVERY_MS = MAX_BACKOFF_MS * 1.2 + 2000;

/** A proxy that loses a server in the middle of an answer can but reset the call. */
const LOST = { direct: [Code.UNAVAILABLE], nginx: [Code.UNAVAILABLE, Code.INTERNAL] } as const;

export class Battle {
  readonly faults: string[] = [];
  readonly #through: Through;
  readonly #say: (line: string) => void;
  readonly #folder = mkdtempSync(join(tmpdir(), "barewire-fire-"));
  readonly #journal = join(this.#folder, "journal");
  readonly #servers: ServerProcess[] = [];
  #nginx: Nginx | undefined;
  #channel: Channel | undefined;
  #load: Load | undefined;

  constructor(through: Through, say: (line: string) => void) {
    this.#through = through;
    this.#say = say;
    writeFileSync(this.#journal, "");
  }

  async start(servers: number): Promise<void> {
    const ports: number[] = [];
    while (ports.length < servers) ports.push(await freePort());
    this.#servers.push(...ports.map((port, index) => new ServerProcess(`server-${index + 1}`, port, this.#journal)));
    await Promise.all(this.#servers.map((server) => server.start()));
    if (this.#through === "nginx") this.#nginx = await Nginx.start(this.#folder, await freePort(), ports);
    const targets = (this.#nginx === undefined ? ports : [this.#nginx.port]).map((port) => `127.0.0.1:${port}`);
    this.#channel = openChannel(targets, (error) => this.faults.push(`nobody awaited ${String(error)}`));
    this.#load = new Load(this.#channel);
    this.#load.start();
    for (const { name } of this.#servers) await this.#serves(name, Date.now());
  }

  /** Nothing happens: every server gets its share. nginx has shares of its own. */
  async steady(forMs: number): Promise<void> {
    const from = Date.now();
    await sleep(forMs);
    const runs = this.#runs().filter(({ at }) => at >= from);
    const uneven = unevenness(
      runs,
      this.#servers.map(({ name }) => name),
    );
    this.#say(`  steady: ${runs.length} calls, shares within ${(uneven * 100).toFixed(1)} %`);
    this.#failures("while nothing happened", from);
    if (this.#through === "direct" && uneven > MAX_UNEVENNESS) {
      this.faults.push(`the servers' shares of ${runs.length} calls differ by ${(uneven * 100).toFixed(1)} %`);
    }
  }

  /** Each in turn is killed without a word, and comes back. */
  async kill(victims = this.#servers.length): Promise<void> {
    for (const server of this.#servers.slice(0, victims)) {
      await sleep(PAUSE_MS);
      await server.kill();
      await sleep(PAUSE_MS);
      await this.#back(server, "killed");
    }
  }

  /** Each in turn is told to go, and comes back. Without a proxy not even a call that may not be sent again is lost. */
  async drain(victims = this.#servers.length): Promise<void> {
    for (const server of this.#servers.slice(0, victims)) {
      await sleep(PAUSE_MS);
      const from = Date.now();
      await server.drain();
      await sleep(PAUSE_MS);
      if (this.#through === "direct") this.#failures(`while ${server.name} drained`, from);
      await this.#back(server, "drained");
    }
  }

  /** Each in turn stops in its tracks, and goes on. What it has in hand comes late, and is not lost. */
  async freeze(victims = this.#servers.length): Promise<void> {
    for (const server of this.#servers.slice(0, victims)) {
      await sleep(PAUSE_MS);
      const from = Date.now();
      server.freeze();
      await sleep(FROZEN_MS);
      const thawedAt = Date.now();
      server.thaw();
      await this.#serves(server.name, thawedAt);
      this.#failures(`while ${server.name} was frozen`, from);
    }
  }

  /** The proxy reads its configuration again: connections end, calls do not. */
  async reloadProxy(): Promise<void> {
    const from = Date.now();
    this.#nginx?.reload();
    await sleep(1000);
    this.#failures("while nginx read its configuration again", from);
  }

  /** Ends it, and says what became of all calls. */
  async close(): Promise<void> {
    await this.#load?.stop();
    await this.#channel?.close();
    await this.#nginx?.close();
    await Promise.all(this.#servers.map((server) => server.kill()));
    const outcomes = this.#load?.outcomes ?? [];
    this.faults.push(...faultsOf(outcomes, this.#runs(), LOST[this.#through]));
    this.#say(`  ${outcomes.length} calls: ${tally(outcomes)}`);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #back(server: ServerProcess, what: string): Promise<void> {
    await server.start();
    const readyAt = Date.now();
    const tookMs = await this.#serves(server.name, readyAt);
    this.#say(`  ${server.name}, ${what}, was called again ${tookMs} ms after it was back`);
    if (tookMs > RECOVERY_MS) this.faults.push(`${server.name} was back for ${tookMs} ms before it was called again`);
  }

  /** Waits until a server has run a call since then; how long it took. */
  async #serves(name: string, since: number): Promise<number> {
    const until = Date.now() + 10 * RECOVERY_MS;
    while (Date.now() < until) {
      const run = this.#runs().find(({ server, at }) => server === name && at >= since);
      if (run !== undefined) return run.at - since;
      await sleep(20);
    }
    this.faults.push(`${name} was not called any more`);
    return Infinity;
  }

  #failures(when: string, from: number): void {
    const failed = (this.#load?.outcomes ?? []).filter(({ code, endedAt }) => code !== Code.OK && endedAt >= from);
    const [first] = failed;
    if (first !== undefined)
      this.faults.push(`${failed.length} calls failed ${when}, such as ${first.id}: ${first.text}`);
  }

  #runs(): Run[] {
    return readJournal(readFileSync(this.#journal, "utf8"));
  }
}
