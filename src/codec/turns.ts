/**
 * Turns: work that costs much memory, a few pieces at a time.
 *
 * Laws: who came first has the first turn; a turn is given back however its work ends.
 */

/** At most `count` pieces of work at a time. */
export class Turns {
  #free: number;
  /** Those who wait, in their order: a set, as an array moves all the others for each one taken out. */
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Does `work` when it is its turn. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.add(resolve));
    try {
      return await work();
    } finally {
      this.#giveBack();
    }
  }

  #giveBack(): void {
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      next();
      return;
    }
    this.#free++;
  }
}
