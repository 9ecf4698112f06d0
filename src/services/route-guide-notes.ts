/**
 * The notes of a route guide's chats, kept under the point they were left at.
 *
 * Laws: bounded in notes per location, in locations and in bytes, and the oldest go first; who reads slowly holds one note
 * of the store alive, not a copy of it all.
 */
import { Code, StatusError } from "../core.js";
import { RouteNote } from "./gen/route_guide.js";
import { checkLimit } from "./limit.js";
import { pointKey, requirePoint } from "./route-guide-points.js";

/** How much a {@link NoteStore} keeps. */
export interface NoteLimits {
  /** Notes under one location; default 64. */
  readonly notesPerLocation?: number | undefined;
  /** Locations with notes; default 10,000. The one that has had no new note for the longest goes first. */
  readonly locations?: number | undefined;
  /** All notes together, {@link NOTE_OVERHEAD_BYTES} each counted in; default 8 MiB. */
  readonly totalBytes?: number | undefined;
  /** One encoded note; default 64 KiB. A longer one is refused. */
  readonly noteBytes?: number | undefined;
}

/** What a note costs in memory beside its bytes: without it, 8 MiB of empty notes would take a hundred. */
export const NOTE_OVERHEAD_BYTES = 128;

/** A location with its notes, oldest first. */
interface Place {
  readonly key: string;
  readonly entries: Entry[];
}

/** A note in the store; a link of the list of all notes, oldest first. */
interface Entry {
  readonly note: RouteNote;
  readonly place: Place;
  readonly bytes: number;
  /** Counts up with every note. */
  readonly order: number;
  older: Entry | undefined;
  newer: Entry | undefined;
}

/** Keeps notes by location, within limits. */
export class NoteStore {
  readonly #limits: Readonly<Record<keyof NoteLimits, number>>;
  /** The locations, in the order of their newest note. */
  readonly #places = new Map<string, Place>();
  #oldest: Entry | undefined;
  #newest: Entry | undefined;
  #count = 0;
  #bytes = 0;
  #order = 0;

  /** @throws RangeError when a limit is not a whole number of 1 or more. */
  constructor(limits: NoteLimits = {}) {
    this.#limits = {
      notesPerLocation: checkLimit("the note limit notesPerLocation", limits.notesPerLocation ?? 64),
      locations: checkLimit("the note limit locations", limits.locations ?? 10_000),
      totalBytes: checkLimit("the note limit totalBytes", limits.totalBytes ?? 8 * 1024 * 1024),
      noteBytes: checkLimit("the note limit noteBytes", limits.noteBytes ?? 64 * 1024),
    };
  }

  /** How many notes there are. */
  get size(): number {
    return this.#count;
  }

  /** How many locations have notes. */
  get locations(): number {
    return this.#places.size;
  }

  /** What all notes count together. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Stores a note, at once, and gives back what to answer: every note now under its location, this one included, oldest
   * first. A note that has gone from the store before its turn comes is left out, but never the new one.
   *
   * @throws StatusError INVALID_ARGUMENT when the note has no location or one out of range; RESOURCE_EXHAUSTED when it is too long.
   */
  add(note: RouteNote): Iterable<RouteNote> {
    const key = pointKey(requirePoint(note.location, "the note's location"));
    const encodedBytes = RouteNote.encode(note).length;
    if (encodedBytes > this.#limits.noteBytes) {
      throw new StatusError(
        Code.RESOURCE_EXHAUSTED,
        `a note must not be longer than ${this.#limits.noteBytes} bytes: this one has ${encodedBytes}`,
      );
    }
    const bytes = encodedBytes + NOTE_OVERHEAD_BYTES;
    const place = this.#places.get(key) ?? { key, entries: [] };
    const entry: Entry = { note, place, bytes, order: ++this.#order, older: this.#newest, newer: undefined };
    this.#append(entry);
    this.#shrink(entry);
    return this.#answer(entry);
  }

  *#answer(entry: Entry): Generator<RouteNote> {
    let after = 0;
    for (;;) {
      const next = entry.place.entries.find(({ order }) => order > after && order < entry.order);
      if (next === undefined) break;
      after = next.order;
      yield next.note;
    }
    yield entry.note;
  }

  #append(entry: Entry): void {
    const { place } = entry;
    // Taken out and put in again, so that the location stands behind all others.
    this.#places.delete(place.key);
    this.#places.set(place.key, place);
    place.entries.push(entry);
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    this.#bytes += entry.bytes;
    this.#count++;
  }

  #shrink({ place }: Entry): void {
    const { notesPerLocation, locations, totalBytes } = this.#limits;
    this.#removeOldest(place, notesPerLocation);
    if (this.#places.size > locations) {
      const [quietest] = this.#places.values();
      if (quietest !== undefined) this.#removeOldest(quietest, 0);
    }
    while (this.#bytes > totalBytes && this.#oldest !== undefined) this.#remove(this.#oldest);
  }

  #removeOldest({ entries }: Place, left: number): void {
    for (const entry of entries.slice(0, Math.max(0, entries.length - left))) this.#remove(entry);
  }

  /** Takes out an entry that is the oldest of its location; the oldest of all always is. */
  #remove(entry: Entry): void {
    const { place } = entry;
    place.entries.shift();
    if (place.entries.length === 0) this.#places.delete(place.key);
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    // A reader in the middle of an answer may hold this entry: it must not hold the others through it.
    entry.older = entry.newer = undefined;
    this.#bytes -= entry.bytes;
    this.#count--;
  }
}
