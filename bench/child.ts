/**
 * A process of the bench that answers messages.
 *
 * Laws: one that ends, or says nothing for a minute, fails whoever waits for it.
 */
import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";

const PATIENCE_MS = 60_000;
const GRACE_MS = 5000;

export class Child {
  readonly #name: string;
  readonly #process: ChildProcess;

  /** Runs a compiled file of this folder, or a program of another language that speaks on Node's IPC channel. */
  constructor(file: string, args: readonly string[], execArgv: readonly string[] = []) {
    this.#name = [file, ...args].join(" ");
    this.#process = file.endsWith(".js")
      ? fork(new URL(file, import.meta.url), args, { execArgv: [...execArgv] })
      : spawn(file, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  }

  /** Sends `message`, and gives the answer. @throws Error when the process has ended or does not answer. */
  ask<T>(message: unknown): Promise<T> {
    const answer = this.next<T>();
    // One that is gone fails the wait above.
    this.#process.send(message as object, () => undefined);
    return answer;
  }

  /** The next message. @throws as {@link ask} does. */
  async next<T>(): Promise<T> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) throw this.#ended(child.exitCode ?? child.signalCode);
    const stop = new AbortController();
    const { signal } = stop;
    const death = once(child, "exit", { signal }).then(([code, by]) => {
      throw this.#ended((code ?? by) as number | string);
    });
    const silence = setTimeout(
      () => stop.abort(new Error(`no answer in ${PATIENCE_MS / 1000} s: ${this.#name}`)),
      PATIENCE_MS,
    );
    death.catch(() => undefined);
    try {
      const [message] = (await Promise.race([once(child, "message", { signal }), death])) as [T];
      return message;
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      clearTimeout(silence);
      stop.abort();
    }
  }

  /** Ends it: it sees that nobody is left to talk to, and has a moment to write its profile. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    const impatience = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
    if (child.connected) child.disconnect();
    await ended;
    clearTimeout(impatience);
  }

  #ended(how: number | string | null): Error {
    return new Error(`ended with ${String(how)} in the middle of its work: ${this.#name}`);
  }
}
