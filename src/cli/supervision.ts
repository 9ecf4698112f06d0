/**
 * What a server that `barewire serve` runs as a child hears from its parent, and what it tells it.
 *
 * Laws: a child takes orders from its parent alone, as a terminal gives Ctrl-C to both; a child whose parent is gone ends.
 */
import type { DevCertificateFiles } from "./dev-certificate.js";

/** Where the parent says what its child is to know; gone from the environment once it was read. */
export const SUPERVISED = "BAREWIRE_SUPERVISED";

/** What a child knows from the beginning. */
export interface Upbringing {
  /** Where the child before this one listened, so that clients find the next one there. */
  readonly place?: string | undefined;
  /** Which of several workers it is, from 0 on; `undefined` where it is the only one. */
  readonly worker?: number | undefined;
  /** The certificate that its parent has made for all of them. */
  readonly made?: DevCertificatePaths | undefined;
}

/** The files of a certificate that was made for this start. */
export type DevCertificatePaths = Pick<DevCertificateFiles, "caFile" | "certFile" | "keyFile">;

/** What a parent tells its child: to end as at a signal, or to make room for the next one. */
export interface Order {
  readonly barewire: "order";
  readonly order: NodeJS.Signals | "restart";
}

/** What a child tells its parent. */
export interface Report {
  readonly barewire: "listening";
  readonly address: string;
  /** What there is to say about it, which a worker does not print. */
  readonly lines: readonly string[];
}

export function isOrder(message: unknown): message is Order {
  return (message as Partial<Order> | null)?.barewire === "order";
}

export function isReport(message: unknown): message is Report {
  return (message as Partial<Report> | null)?.barewire === "listening";
}

/** The parent, seen from its child. */
export class Supervision {
  readonly #upbringing: Upbringing;
  #listener: ((order: Order["order"]) => void) | undefined;

  constructor(upbringing: Upbringing) {
    this.#upbringing = upbringing;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
    process.on("message", (message) => {
      if (isOrder(message)) this.#hear(message.order);
    });
    process.on("disconnect", () => this.#hear("SIGTERM"));
  }

  /** Where to listen; `undefined` for the first child. */
  get place(): string | undefined {
    return this.#upbringing.place;
  }

  /** Whether it takes the place of a child that served before. */
  get isAgain(): boolean {
    return !this.isWorker && this.place !== undefined;
  }

  /** Whether there are others beside it: then its parent does the talking. */
  get isWorker(): boolean {
    return this.#upbringing.worker !== undefined;
  }

  /** Whether it says what all of the workers would say. */
  get speaks(): boolean {
    return (this.#upbringing.worker ?? 0) === 0;
  }

  /** The certificate that the parent has made. */
  get made(): DevCertificatePaths | undefined {
    return this.#upbringing.made;
  }

  /** Hears the orders from now on. Those that come before end the process, which serves nobody yet. */
  onOrder(listener: (order: Order["order"]) => void): void {
    this.#listener = listener;
  }

  tellListening(address: string, lines: readonly string[]): void {
    const report: Report = { barewire: "listening", address, lines };
    // A parent that is gone need not know: "disconnect" says the rest.
    process.send?.(report, undefined, {}, () => undefined);
  }

  /** Takes no more orders, so that the process may end. */
  leave(): void {
    this.#listener = () => undefined;
    // A worker of a cluster that is disconnected ends at once, with exit code 0 whatever was.
    if (this.isWorker) process.channel?.unref();
    else if (process.connected) process.disconnect();
  }

  #hear(order: Order["order"]): void {
    if (this.#listener !== undefined) this.#listener(order);
    else if (order !== "SIGHUP") process.exit(0);
  }
}

/** The parent, when there is one that runs this process as its server. */
export function findSupervision(): Supervision | undefined {
  const text = process.env[SUPERVISED];
  // What a handler starts is no server of ours.
  delete process.env[SUPERVISED];
  if (text === undefined || process.send === undefined) return undefined;
  return new Supervision(JSON.parse(text) as Upbringing);
}
