/** The receiving half on its own: pushed chunks in, pulled messages out, and every way it can end. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { MessageType } from "../../src/codec/method.js";
import { Code, StatusError } from "../../src/codec/status.js";
import { MessageStream, type MessageStreamOwner } from "../../src/transport/message-stream.js";
import { Bytes, prefix, prefixed } from "../support/peer-service.js";

const LIMITS = { maxReceiveBytes: 100_000, maxMessageValues: 1000 };

/** Notes what an owner and a source are told. */
class Notes implements MessageStreamOwner {
  readonly failures: StatusError[] = [];
  abandoned = 0;
  drained = 0;
  resumed = 0;
  paused = false;

  receiveFailed(error: StatusError): void {
    this.failures.push(error);
  }

  receiveAbandoned(): void {
    this.abandoned++;
  }

  receiveDrained(): void {
    this.drained++;
  }

  receiveResumed(): void {
    this.resumed++;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}

function make(
  single: boolean,
  type: MessageType<Uint8Array> = Bytes,
): { stream: MessageStream<Uint8Array>; notes: Notes } {
  const notes = new Notes();
  const stream = new MessageStream(type, single, LIMITS, notes);
  stream.attach(notes);
  return { stream, notes };
}

function text(step: IteratorResult<Uint8Array, undefined>): string | undefined {
  return step.done === true ? undefined : Buffer.from(step.value).toString();
}

describe("next", () => {
  test("tells its owner when it is asked after the end, and before it was told of the end", async () => {
    const { stream, notes } = make(false);
    stream.push(Buffer.concat([prefixed("a"), prefixed("b")]));
    await stream.next();
    assert.equal(notes.resumed, 0);
    stream.end();
    await stream.next();
    assert.equal(notes.resumed, 1);
    await stream.next();
    await stream.next();
    assert.equal(notes.resumed, 2);
  });

  test("gives messages in order, whether they came before or after they were asked for", async () => {
    const { stream } = make(false);
    const early = [stream.next(), stream.next()];
    stream.push(Buffer.concat([prefixed("a"), prefixed("b"), prefixed("c")]));
    stream.end();
    const steps = await Promise.all([...early, stream.next(), stream.next()]);
    assert.deepEqual(steps.map(text), ["a", "b", "c", undefined]);
    assert.equal(stream.received, 3);
  });

  test("R48 gives the same messages for every cut of the bytes", async () => {
    const bytes = Buffer.concat(["", "x", "yz", ""].map((one) => prefixed(one)));
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { stream } = make(false);
      stream.push(bytes.subarray(0, cut));
      stream.push(bytes.subarray(cut));
      stream.end();
      const messages: string[] = [];
      for await (const message of stream) messages.push(Buffer.from(message).toString());
      assert.deepEqual(messages, ["", "x", "yz", ""]);
    }
  });

  test("R78 gives what arrived before the error, the error once, and then nothing", async () => {
    const { stream } = make(false);
    stream.push(prefixed("a"));
    stream.end(new StatusError(Code.ABORTED, "enough"));
    assert.equal(text(await stream.next()), "a");
    await assert.rejects(stream.next(), { code: Code.ABORTED });
    assert.equal((await stream.next()).done, true);
  });

  test("several who wait at the end: the first gets the error, the others are done", async () => {
    const { stream } = make(false);
    const waiting = [stream.next(), stream.next(), stream.next()];
    stream.end(new StatusError(Code.ABORTED));
    const results = await Promise.allSettled(waiting);
    assert.deepEqual(
      results.map((result) => result.status),
      ["rejected", "fulfilled", "fulfilled"],
    );
  });

  test("a message that cannot be decoded is INTERNAL with the type's name, and ends the stream", async () => {
    const broken: MessageType<Uint8Array> = {
      ...Bytes,
      decode: () => {
        throw new RangeError("index out of range");
      },
    };
    const { stream, notes } = make(false, broken);
    stream.push(Buffer.concat([prefixed("a"), prefixed("b")]));
    await assert.rejects(stream.next(), { code: Code.INTERNAL, message: /wire\.Bytes.*index out of range/ });
    assert.equal(notes.failures.length, 1);
    assert.equal((await stream.next()).done, true);
    stream.push(prefixed("c"));
    assert.equal((await stream.next()).done, true);
  });
});

describe("push", () => {
  test("pauses the source when whole messages wait, and resumes when they are taken", async () => {
    const { stream, notes } = make(false);
    const big = prefixed(Buffer.alloc(40_000));
    stream.push(big);
    assert.equal(notes.paused, false);
    stream.push(big);
    assert.equal(notes.paused, true);
    await stream.next();
    await stream.next();
    assert.equal(notes.paused, false);
  });

  test("does not pause for a message that is not whole, however long it is", () => {
    const { stream, notes } = make(false);
    stream.push(prefix(90_000));
    for (let i = 0; i < 8; i++) stream.push(Buffer.alloc(10_000));
    assert.equal(notes.paused, false);
    stream.push(Buffer.alloc(10_000));
    assert.equal(notes.paused, true);
  });

  test("R130 refuses a message over the limit from its prefix; those before it still come out", async () => {
    const { stream, notes } = make(false);
    stream.push(Buffer.concat([prefixed("a"), prefix(100_001)]));
    assert.deepEqual(
      notes.failures.map(({ code }) => code),
      [Code.RESOURCE_EXHAUSTED],
    );
    assert.equal(text(await stream.next()), "a");
    await assert.rejects(stream.next(), { code: Code.RESOURCE_EXHAUSTED });
  });

  test("a single side fails at the second message, and never pauses", () => {
    for (const second of [prefixed("b"), prefix(1), Buffer.of(0)]) {
      const { stream, notes } = make(true);
      stream.push(prefixed(Buffer.alloc(90_000)));
      assert.equal(notes.paused, false);
      stream.push(second);
      assert.deepEqual(
        notes.failures.map(({ code }) => code),
        [Code.UNIMPLEMENTED],
      );
    }
  });
});

describe("end", () => {
  test("R55 in the middle of a message is INTERNAL, unless the peer sent an error anyway", async () => {
    for (const part of [Buffer.of(0), prefix(4), prefixed("abcd").subarray(0, 8)]) {
      const clean = make(false);
      clean.stream.push(part);
      clean.stream.end();
      assert.equal(clean.notes.failures[0]?.code, Code.INTERNAL);
      await assert.rejects(clean.stream.next(), { code: Code.INTERNAL });
      const failed = make(false);
      failed.stream.push(part);
      failed.stream.end(new StatusError(Code.NOT_FOUND));
      assert.deepEqual(failed.notes.failures, []);
      await assert.rejects(failed.stream.next(), { code: Code.NOT_FOUND });
    }
  });

  test("tells the owner when the last message has been taken", async () => {
    const { stream, notes } = make(false);
    stream.push(prefixed("a"));
    stream.end();
    assert.equal(notes.drained, 0);
    await stream.next();
    assert.equal(notes.drained, 1);
    const empty = make(false);
    empty.stream.end();
    assert.equal(empty.notes.drained, 1);
  });
});

describe("takeOne", () => {
  test("gives the one message", () => {
    const { stream } = make(true);
    stream.push(prefixed("one"));
    stream.end();
    assert.equal(Buffer.from(stream.takeOne()).toString(), "one");
  });

  test("R55 no message is UNIMPLEMENTED, one cut short is INTERNAL", () => {
    const none = make(true);
    none.stream.end();
    assert.throws(() => none.stream.takeOne(), { code: Code.UNIMPLEMENTED });
    const cut = make(true);
    cut.stream.push(prefix(3));
    assert.throws(() => cut.stream.takeOne(), { code: Code.INTERNAL });
  });
});

describe("abort, return, discard", () => {
  test("abort drops what waits and tells its error to whoever waits or asks next", async () => {
    const { stream, notes } = make(false);
    stream.push(prefixed(Buffer.alloc(80_000)));
    assert.equal(notes.paused, true);
    stream.abort(new StatusError(Code.CANCELLED));
    assert.equal(notes.paused, false, "the bytes keep flowing");
    await assert.rejects(stream.next(), { code: Code.CANCELLED });
    const waiting = make(false);
    const next = waiting.stream.next();
    waiting.stream.abort(new StatusError(Code.CANCELLED));
    await assert.rejects(next, { code: Code.CANCELLED });
  });

  test("leaving the loop tells the owner, once the end has been told it does not", async () => {
    const { stream, notes } = make(false);
    stream.push(Buffer.concat([prefixed("a"), prefixed("b")]));
    for await (const message of stream) {
      assert.equal(Buffer.from(message).toString(), "a");
      break;
    }
    assert.equal(notes.abandoned, 1);
    const ended = make(false);
    ended.stream.end();
    await ended.stream.next();
    await ended.stream.return();
    assert.equal(ended.notes.abandoned, 0);
  });

  test("discard throws away what waits and what comes, and whoever waits is done", async () => {
    const { stream, notes } = make(false);
    const waiting = stream.next();
    stream.discard();
    assert.equal((await waiting).done, true);
    stream.push(prefixed(Buffer.alloc(90_000)));
    stream.push(Buffer.of(7, 7, 7, 7, 7));
    assert.equal(notes.paused, false);
    assert.deepEqual(notes.failures, []);
    assert.equal((await stream.next()).done, true);
  });
});

describe("any bytes", () => {
  /** All that comes out, and the status it ends with. */
  async function taken(chunks: readonly Buffer[], single: boolean): Promise<readonly [string[], Code | undefined]> {
    const failing: MessageType<Uint8Array> = {
      ...Bytes,
      decode: (bytes) => {
        if (bytes[0] === 0xff) throw new RangeError("not a message");
        return new Uint8Array(bytes);
      },
    };
    const { stream, notes } = make(single, failing);
    const messages: string[] = [];
    for (const chunk of chunks) stream.push(chunk);
    try {
      stream.end();
      // The call ends with a failure it was told of, before it asks for the one message.
      if (single && notes.failures.length > 0) return [[], notes.failures[0]?.code];
      if (single) messages.push(Buffer.from(stream.takeOne()).toString("hex"));
      else for await (const message of stream) messages.push(Buffer.from(message).toString("hex"));
    } catch (error) {
      assert.ok(error instanceof StatusError, `${String(error)} must be a StatusError`);
      return [messages, error.code];
    }
    assert.ok(single || notes.failures.length === 0, "no failure goes untold");
    return [messages, undefined];
  }

  test("R48 R55 R94 come out as messages and one StatusError at most, the same wherever they are cut", async () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => prefixed(bytes)),
      fc.integer({ min: 0, max: 0xffff_ffff }).map((length) => prefix(length)),
    );
    const bytes = fc.array(piece, { maxLength: 6 }).map((all) => Buffer.concat(all));
    await fc.assert(
      fc.asyncProperty(bytes, fc.boolean(), async (all, single) => {
        const whole = await taken([all], single);
        for (let cut = 1; cut < all.length; cut++) {
          const [messages, code] = await taken([all.subarray(0, cut), all.subarray(cut)], single);
          assert.deepEqual(messages, whole[0], `cut at ${cut}`);
          // Where several things are wrong, the one that is found first is told.
          assert.equal(code === undefined, whole[1] === undefined, `cut at ${cut}`);
          if (!single) assert.equal(code, whole[1]);
        }
      }),
      { numRuns: 300 },
    );
  });
});
