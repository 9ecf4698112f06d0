import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, StatusError } from "../../src/core.js";
import { RouteNote } from "../../src/services/gen/route_guide.js";
import { NOTE_OVERHEAD_BYTES, NoteStore } from "../../src/services/route-guide-notes.js";

const note = (longitude: number, message: string): RouteNote => ({ location: { latitude: 0, longitude }, message });
const texts = (notes: Iterable<RouteNote>): string[] => Array.from(notes, ({ message }) => message);
const cost = (one: RouteNote): number => RouteNote.encode(one).length + NOTE_OVERHEAD_BYTES;

describe("NoteStore", () => {
  test("answers with every note of the location so far, this one included, oldest first", () => {
    const notes = new NoteStore();
    assert.deepEqual(texts(notes.add(note(1, "a"))), ["a"]);
    assert.deepEqual(texts(notes.add(note(2, "b"))), ["b"]);
    assert.deepEqual(texts(notes.add(note(1, "c"))), ["a", "c"]);
    assert.deepEqual(texts(notes.add(note(1, "c"))), ["a", "c", "c"]);
    assert.equal(notes.size, 4);
    assert.equal(notes.locations, 2);
  });

  test("stores at once, whether or not the answer is read", () => {
    const notes = new NoteStore();
    notes.add(note(1, "unread"));
    assert.deepEqual(texts(notes.add(note(1, "read"))), ["unread", "read"]);
  });

  test("an answer does not grow by what comes while it is read", () => {
    const notes = new NoteStore();
    notes.add(note(1, "a"));
    const answer = notes.add(note(1, "b"));
    notes.add(note(1, "c"));
    assert.deepEqual(texts(answer), ["a", "b"]);
  });

  test("an answer leaves out what has gone, but never its own note", () => {
    const notes = new NoteStore({ notesPerLocation: 2 });
    notes.add(note(1, "a"));
    const answer = notes.add(note(1, "b"));
    notes.add(note(1, "c"));
    assert.deepEqual(texts(answer), ["b"]);
    const own = notes.add(note(1, "d"));
    notes.add(note(1, "e"));
    notes.add(note(1, "f"));
    assert.deepEqual(texts(own), ["d"]);
  });

  test("keeps 64 notes under a location by default, and the oldest goes first", () => {
    const notes = new NoteStore();
    for (let i = 0; i < 64; i++) notes.add(note(1, `${i}`));
    const answer = texts(notes.add(note(1, "64")));
    assert.equal(answer.length, 64);
    assert.equal(answer[0], "1");
    assert.equal(answer[63], "64");
    assert.equal(notes.size, 64);
  });

  test("keeps 10,000 locations by default, and the quietest goes first", () => {
    const notes = new NoteStore();
    for (let i = 0; i < 10_000; i++) notes.add(note(i, "old"));
    notes.add(note(0, "again"));
    notes.add(note(10_000, "new"));
    assert.equal(notes.locations, 10_000);
    assert.deepEqual(texts(notes.add(note(0, "mine"))), ["old", "again", "mine"]);
    assert.deepEqual(texts(notes.add(note(1, "mine"))), ["mine"]);
  });

  test("keeps no more bytes than it may, and the oldest of all go first", () => {
    const one = cost(note(1, "x".repeat(100)));
    const notes = new NoteStore({ totalBytes: 3 * one });
    for (let i = 1; i <= 3; i++) notes.add(note(i, "x".repeat(100)));
    assert.equal(notes.bytes, 3 * one);
    notes.add(note(4, "x".repeat(100)));
    assert.equal(notes.size, 3);
    assert.equal(notes.bytes, 3 * one);
    assert.deepEqual(texts(notes.add(note(1, "mine"))), ["mine"]);
  });

  test("a single byte too many makes exactly one note go", () => {
    const one = cost(note(1, "abc"));
    const notes = new NoteStore({ totalBytes: 2 * one });
    notes.add(note(1, "abc"));
    notes.add(note(2, "abc"));
    notes.add(note(3, "ab"));
    assert.equal(notes.size, 2);
    notes.add(note(4, "abc"));
    assert.equal(notes.size, 2);
    assert.ok(notes.bytes <= 2 * one);
  });

  test("holds to 8 MiB whatever the sizes are", () => {
    const notes = new NoteStore();
    for (let i = 0; i < 2_000; i++) {
      notes.add(note(i % 50, "y".repeat((i * 7919) % 60_000)));
      assert.ok(notes.bytes <= 8 * 1024 * 1024);
    }
    assert.ok(notes.bytes > 7 * 1024 * 1024);
  });

  test("counts down to what is left after all kinds of going", () => {
    const notes = new NoteStore({ notesPerLocation: 3, locations: 4, totalBytes: 2_000 });
    for (let i = 0; i < 5_000; i++) notes.add(note((i * 31) % 7, "z".repeat((i * 17) % 300)));
    const last = note(99, "last");
    const kept = texts(notes.add(last));
    assert.deepEqual(kept, ["last"]);
    assert.ok(notes.locations <= 4 && notes.size <= 12 && notes.bytes <= 2_000);
    assert.ok(notes.bytes >= notes.size * NOTE_OVERHEAD_BYTES);
  });

  test("refuses a note over 64 KiB with RESOURCE_EXHAUSTED and keeps it out", () => {
    const notes = new NoteStore();
    const frame = RouteNote.encode(note(1, "x".repeat(65_000))).length - 65_000;
    const longest = "x".repeat(64 * 1024 - frame);
    assert.deepEqual(texts(notes.add(note(1, longest))), [longest]);
    assert.throws(
      () => notes.add(note(1, `${longest}x`)),
      (error) =>
        error instanceof StatusError &&
        error.code === Code.RESOURCE_EXHAUSTED &&
        /65536 bytes: this one has 65537/.test(error.rawMessage),
    );
    assert.equal(notes.size, 1);
  });

  test("refuses a note without a location and one out of range with INVALID_ARGUMENT", () => {
    const notes = new NoteStore();
    for (const bad of [
      { location: undefined, message: "nowhere" },
      { location: { latitude: 900_000_001, longitude: 0 }, message: "beyond" },
    ]) {
      assert.throws(
        () => notes.add(bad),
        (error) => error instanceof StatusError && error.code === Code.INVALID_ARGUMENT,
      );
    }
    assert.equal(notes.size, 0);
  });

  test("refuses a limit that is not a whole number of 1 or more", () => {
    for (const value of [0, -1, 1.5, Number.NaN, Infinity]) {
      assert.throws(() => new NoteStore({ locations: value }), /note limit locations .* current value is/);
    }
  });
});
