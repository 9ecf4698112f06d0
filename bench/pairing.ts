/**
 * The two processes of one contender in one row, which live as long as the row does and take turns of work.
 */
import { Child } from "./child.js";
import type { ConnectOptions, ServeOptions } from "./contender.js";
import { BUILT, OURS, type ContenderName } from "./contenders.js";
import { h2load } from "./h2load.js";
import type { Metric } from "./metrics.js";
import type { Measurement } from "./report.js";
import { profileName } from "./profile.js";
import type { Row } from "./rows.js";
import type { Settings } from "./settings.js";
import type { Usage } from "./usage.js";
import type { Done, Turn } from "./work.js";

/** A certificate for localhost, and the authority that signed it. */
export interface Certificate {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

type ClientTurn = Done & { readonly cpuUs: number; readonly peakRssBytes: number };

export class Pairing {
  readonly contender: ContenderName;
  readonly #row: Row;
  readonly #server: Child;
  #client: Child | undefined;
  #port = 0;

  readonly #settings: Settings;

  constructor(contender: ContenderName, row: Row, certificate: Certificate | undefined, settings: Settings) {
    this.contender = contender;
    this.#settings = settings;
    this.#row = row;
    const tls = certificate === undefined ? undefined : { cert: certificate.cert, key: certificate.key };
    const options: ServeOptions = { tls, maxConcurrentStreams: Math.max(250, row.work.inFlight) };
    this.#server = this.#spawn("server", row.server ?? contender, [JSON.stringify(options)]);
  }

  /** Waits for the server, and starts the client. */
  async start(certificate: Certificate | undefined): Promise<void> {
    const { port } = await this.#server.next<{ port: number }>();
    this.#port = port;
    if (this.#row.isNativeLoad !== true) {
      const options: ConnectOptions = { port, ca: certificate?.ca, gzip: this.#row.gzip };
      this.#client = this.#spawn("client", this.contender, [JSON.stringify(options), JSON.stringify(this.#row.work)]);
      await this.#client.next();
    }
  }

  /** Has both work until they are compiled. */
  async warmUp(): Promise<void> {
    await this.#work({ ms: this.#settings.warmMs, isWarmUp: true });
  }

  async turn(ms: number): Promise<Measurement> {
    const before = await this.#server.ask<Usage>("usage");
    const turn = await this.#work({ ms });
    const after = await this.#server.ask<Usage>("usage");
    const { done, elapsedMs, p50Ms, p99Ms, cpuUs, peakRssBytes } = turn;
    const common = {
      rate: (done / elapsedMs) * 1000,
      ...(p50Ms !== undefined && { p50Ms, p99Ms }),
      ...(cpuUs !== undefined && { clientCpuUs: cpuUs / done }),
      serverCpuUs: (after.cpuUs - before.cpuUs) / done,
      ...(peakRssBytes !== undefined && { clientPeakBytes: peakRssBytes }),
      serverPeakBytes: after.peakRssBytes,
    };
    return { value: valueOf(this.#row.metric, this.#row.work.bytes, common), ...common };
  }

  async stop(): Promise<void> {
    await Promise.all([this.#server.stop(), this.#client?.stop()]);
  }

  #spawn(side: "client" | "server", name: ContenderName, args: readonly string[]): Child {
    const { grpcGo, profiles } = this.#settings;
    if (name === BUILT && grpcGo !== undefined) return new Child(grpcGo, [side, ...args]);
    const profile =
      profiles === undefined || name !== OURS
        ? []
        : ["--cpu-prof", `--cpu-prof-dir=${profiles}`, `--cpu-prof-name=${profileName(this.#row.name, side)}`];
    return new Child(`./${side}.js`, [name, ...args], profile);
  }

  #work(turn: Turn): Promise<Done & Partial<ClientTurn>> {
    if (this.#client !== undefined) return this.#client.ask<ClientTurn>(turn);
    return h2load(this.#port, this.#row.work.bytes, turn);
  }
}

function valueOf(
  metric: Metric,
  bytes: number,
  of: Omit<Measurement, "value"> & { readonly rate: number; readonly serverCpuUs: number },
): number {
  if (metric === "p50") return of.p50Ms ?? Number.NaN;
  if (metric === "megabytes") return (of.rate * bytes) / 1e6;
  if (metric === "clientCpu") return of.clientCpuUs ?? Number.NaN;
  if (metric === "cpu") return (of.clientCpuUs ?? Number.NaN) + of.serverCpuUs;
  return of.rate;
}
