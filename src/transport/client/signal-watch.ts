/**
 * Signals that cancel calls: one listener for each signal, however many calls it has.
 *
 * Laws: no call is kept by its signal once it has let go; a signal without calls has no listener. Node warns of a leak from the
 * eleventh listener on, and looks through all of them to remove one: an application's own signal may have thousands of calls.
 */

/** What hears of the abort. */
export interface SignalWatcher {
  aborted(signal: AbortSignal): void;
}

const watches = new WeakMap<AbortSignal, SignalWatch>();

class SignalWatch {
  readonly #signal: AbortSignal;
  readonly #watchers = new Set<SignalWatcher>();
  readonly #onAbort = (): void => {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const watcher of watchers) watcher.aborted(this.#signal);
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(watcher: SignalWatcher): void {
    if (this.#watchers.size === 0) this.#signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#watchers.add(watcher);
  }

  delete(watcher: SignalWatcher): void {
    if (!this.#watchers.delete(watcher) || this.#watchers.size > 0) return;
    this.#signal.removeEventListener("abort", this.#onAbort);
  }
}

/** Tells `watcher` once when `signal`, which has not been aborted yet, is. */
export function watchSignal(signal: AbortSignal, watcher: SignalWatcher): void {
  let watch = watches.get(signal);
  if (watch === undefined) {
    watch = new SignalWatch(signal);
    watches.set(signal, watch);
  }
  watch.add(watcher);
}

/** Lets go of `signal`. Does nothing the second time. */
export function unwatchSignal(signal: AbortSignal, watcher: SignalWatcher): void {
  watches.get(signal)?.delete(watcher);
}
