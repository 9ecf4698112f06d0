/** A receiving half whose messages take time to be opened: their order, what bounds them, and every way it can end. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Compressor } from "../../src/codec/compression.js";
import type { MessageType } from "../../src/codec/method.js";
import { Code, StatusError } from "../../src/codec/status.js";
import { Codings } from "../../src/transport/codings.js";
import { MessageStream, type MessageStreamOwner } from "../../src/transport/message-stream.js";
import { EchoMessageType, type EchoMessage } from "../support/echo-service.js";
import { Bytes, prefix, prefixed } from "../support/peer-service.js";
import { flip, flipped, slowCompressor, type SlowCompressor } from "../support/test-codings.js";

const LIMITS = { maxReceiveBytes: 100_000, maxMessageValues: 1000 };

class Notes implements MessageStreamOwner {
  readonly failures: StatusError[] = [];
  drained = 0;
  paused = false;

  receiveFailed(error: StatusError): void {
    this.failures.push(error);
  }

  receiveAbandoned(): void {
    // Not of interest here.
  }

  receiveDrained(): void {
    this.drained++;
  }

  receiveResumed(): void {
    // Nor this.
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}

function stream<T = Uint8Array>(
  compressor: Compressor,
  { single = false, type = Bytes as unknown as MessageType<T> } = {},
): { stream: MessageStream<T>; notes: Notes } {
  const notes = new Notes();
  const made = new MessageStream(type, single, LIMITS, notes);
  made.attach(notes);
  made.codedIn(compressor.name, new Codings("Server", { codings: [compressor] }));
  return { stream: made, notes };
}

function slowStream({ single = false, fromBytes = 0 } = {}): {
  stream: MessageStream<Uint8Array>;
  notes: Notes;
  slow: SlowCompressor;
} {
  const slow = slowCompressor(fromBytes);
  return { ...stream(slow, { single }), slow };
}

function packed(text: string): Buffer {
  return prefixed(flipped(Buffer.from(text)), 1);
}

function text(step: IteratorResult<Uint8Array, undefined>): string | undefined {
  return step.done === true ? undefined : Buffer.from(step.value).toString();
}

function soon(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe("next", () => {
  test("a compressor may ask whether anybody still wants the message: not once its call has ended", async () => {
    const asks: (() => boolean)[] = [];
    const patient: Compressor = {
      ...flip,
      decompress: (bytes, _maxBytes, isWanted) => {
        if (isWanted !== undefined) asks.push(isWanted);
        return Promise.resolve(flipped(bytes));
      },
    };
    const { stream: messages } = stream(patient);
    messages.push(Buffer.concat([packed("a"), packed("b")]));
    const first = messages.next();
    assert.deepEqual(
      asks.map((isWanted) => isWanted()),
      [true],
    );
    assert.equal(text(await first), "a");
    const second = messages.next();
    messages.abort(new StatusError(Code.CANCELLED, "left"));
    await assert.rejects(second, { code: Code.CANCELLED });
    assert.deepEqual(
      asks.map((isWanted) => isWanted()),
      [false, false],
    );
  });

  test("R53 plain and compressed messages come in order, and each says what it was", async () => {
    const { stream: messages, notes } = stream(flip);
    messages.push(Buffer.concat([packed("a"), prefixed("b"), packed("c")]));
    messages.push(Buffer.concat([prefixed("d"), packed("e")]));
    messages.end();
    const came: [string | undefined, boolean][] = [];
    for (let i = 0; i < 5; i++) came.push([text(await messages.next()), messages.compressed]);
    assert.deepEqual(came, [
      ["a", true],
      ["b", false],
      ["c", true],
      ["d", false],
      ["e", true],
    ]);
    assert.equal(notes.drained, 1);
    assert.equal((await messages.next()).done, true);
  });

  test("every mix of plain and compressed messages, cut anywhere and asked for at any time, comes out in order", async () => {
    const messages = fc.array(fc.record({ text: fc.stringMatching(/^[a-z]{0,12}$/), flag: fc.boolean() }), {
      maxLength: 12,
    });
    const script = fc.record({
      messages,
      cuts: fc.array(fc.nat(200), { maxLength: 6 }),
      early: fc.nat(4),
      turns: fc.array(fc.constantFrom("tick", "finish", "next"), { maxLength: 20 }),
    });
    await fc.assert(
      fc.asyncProperty(script, async ({ messages: sent, cuts, early, turns }) => {
        const { stream: received, slow } = slowStream({ fromBytes: 4 });
        const asked: Promise<IteratorResult<Uint8Array, undefined>>[] = [];
        const ask = (): number => asked.push(received.next());
        for (let i = 0; i < early; i++) ask();
        const bytes = Buffer.concat(sent.map((one) => (one.flag ? packed(one.text) : prefixed(one.text))));
        const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length];
        let from = 0;
        let opened = 0;
        for (const end of ends) {
          if (end > from) received.push(bytes.subarray(from, end));
          from = Math.max(from, end);
          const turn = turns.pop();
          if (turn === "next") ask();
          else if (turn === "finish") slow.work[opened++]?.finish();
          else await soon();
        }
        received.end();
        while (asked.length <= sent.length) ask();
        for (let i = 0; i <= sent.length; i++) {
          for (const work of slow.work) work.finish();
          await soon();
        }
        const came = (await Promise.all(asked)).map(text);
        assert.deepEqual(came.slice(0, sent.length + 1), [...sent.map((one) => one.text), undefined]);
      }),
      { numRuns: 300 },
    );
  });

  test("messages of protobuf are decoded from the right bytes, whatever lay before them", async () => {
    const encoded = (number: number): Uint8Array => EchoMessageType.encode({ number, text: "n".repeat(number) });
    const { stream: messages } = stream<EchoMessage>(flip, { type: EchoMessageType });
    const plain = (number: number): Buffer => prefixed(encoded(number));
    const compressed = (number: number): Buffer => prefixed(flipped(encoded(number)), 1);
    messages.push(Buffer.concat([plain(1), compressed(2), plain(3)]));
    assert.equal((await messages.next()).value?.number, 1);
    messages.push(Buffer.concat([compressed(4), plain(5), plain(6)]));
    messages.push(Buffer.concat([plain(7), compressed(8)]));
    for (const number of [2, 3, 4, 5, 6, 7, 8]) {
      const { value } = await messages.next();
      assert.deepEqual([value?.number, value?.text], [number, "n".repeat(number)]);
    }
  });

  test("one message is opened at a time, and only when it is asked for", async () => {
    const { stream: messages, slow, notes } = slowStream();
    for (let i = 0; i < 3; i++) messages.push(packed("x".repeat(30_000)));
    await soon();
    assert.equal(slow.work.length, 0);
    assert.ok(notes.paused);
    const asked = [messages.next(), messages.next(), messages.next()];
    for (let i = 1; i <= 3; i++) {
      await slow.begun(i);
      await soon();
      assert.equal(slow.work.length, i);
      slow.work[i - 1]?.finish();
    }
    await Promise.all(asked);
    assert.equal(notes.paused, false);
  });

  test("R131 the limit is what a compressor is told, and what it is held to", async () => {
    const { stream: messages, slow, notes } = slowStream();
    messages.push(packed("a"));
    const asked = messages.next();
    assert.equal(slow.work[0]?.maxBytes, LIMITS.maxReceiveBytes);
    slow.work[0]?.finish();
    await asked;
    const twice: Compressor = {
      name: "x-twice",
      compress: (bytes) => bytes,
      decompress: () => new Uint8Array(100_001),
    };
    const { stream: grown } = stream(twice);
    grown.push(packed("a"));
    await assert.rejects(grown.next(), { code: Code.RESOURCE_EXHAUSTED });
    assert.equal(notes.failures.length, 0);
  });

  test("R126 a message that cannot be opened ends the stream, told once, at once or later", async () => {
    const broken: Compressor = {
      ...flip,
      decompress: () => {
        throw new Error("broken");
      },
    };
    const now = stream(broken);
    now.stream.push(Buffer.concat([prefixed("a"), packed("b"), prefixed("c")]));
    assert.equal(text(await now.stream.next()), "a");
    await assert.rejects(now.stream.next(), { code: Code.INTERNAL, rawMessage: /"x-flip": broken$/ });
    assert.equal((await now.stream.next()).done, true);
    assert.equal(now.notes.failures.length, 1);

    const { stream: later, notes, slow } = slowStream();
    later.push(Buffer.concat([packed("b"), prefixed("c")]));
    const asked = [later.next(), later.next()];
    slow.work[0]?.fail(new Error("broken"));
    await assert.rejects(asked[0] as Promise<unknown>, { code: Code.INTERNAL });
    assert.equal((await asked[1])?.done, true);
    assert.equal(notes.failures.length, 1);
  });

  test("R78 the end and its error wait until the last message was opened and taken", async () => {
    const { stream: messages, notes, slow } = slowStream();
    messages.push(packed("a"));
    const asked = [messages.next(), messages.next()];
    messages.end(new StatusError(Code.ABORTED, "enough"));
    await soon();
    assert.equal(notes.drained, 0);
    assert.ok(messages.hasMessage);
    slow.work[0]?.finish();
    assert.equal(text((await asked[0]) as IteratorResult<Uint8Array, undefined>), "a");
    await assert.rejects(asked[1] as Promise<unknown>, { code: Code.ABORTED });
    assert.equal(notes.drained, 1);
  });

  test("an abort drops what is being opened, and who waits is told at once", async () => {
    const { stream: messages, slow } = slowStream();
    messages.push(packed("a"));
    const asked = messages.next();
    messages.abort(new StatusError(Code.CANCELLED, "no more"));
    await assert.rejects(asked, { code: Code.CANCELLED });
    slow.work[0]?.finish();
    await soon();
    assert.equal((await messages.next()).done, true);
    assert.equal(messages.received, 0);
  });

  test("discarding drops what is being opened", async () => {
    const { stream: messages, slow } = slowStream();
    messages.push(packed("a"));
    const asked = messages.next();
    messages.discard();
    assert.equal((await asked).done, true);
    slow.work[0]?.fail(new Error("too late to matter"));
    await soon();
    assert.equal(messages.hasMessage, false);
  });
});

describe("openOne and takeOne", () => {
  test("a plain message, and none, can be taken at once", () => {
    const { stream: one } = slowStream({ single: true });
    one.push(prefixed("a"));
    one.end();
    assert.equal(one.openOne(), undefined);
    assert.equal(Buffer.from(one.takeOne()).toString(), "a");
    assert.equal(one.compressed, false);
    const { stream: none } = slowStream({ single: true });
    none.end();
    assert.equal(none.openOne(), undefined);
    assert.throws(() => none.takeOne(), { code: Code.UNIMPLEMENTED });
  });

  test("a compressed one when it is open, however often it is asked for", async () => {
    const { stream: one, slow } = slowStream({ single: true });
    one.push(packed("a"));
    one.end();
    const opening = one.openOne();
    assert.equal(one.openOne(), opening);
    slow.work[0]?.finish();
    await opening;
    assert.equal(one.openOne(), undefined);
    assert.equal(Buffer.from(one.takeOne()).toString(), "a");
    assert.ok(one.compressed);
    assert.equal(slow.work.length, 1);
  });

  test("R126 a broken one throws when it is taken", async () => {
    const { stream: one, slow } = slowStream({ single: true });
    one.push(packed("a"));
    one.end();
    const opening = one.openOne();
    slow.work[0]?.fail(new Error("broken"));
    await opening;
    assert.throws(() => one.takeOne(), { code: Code.INTERNAL });
  });
});

test("R125 flag 1 in a coding that is not known is INTERNAL, names it and what is supported", async () => {
  const notes = new Notes();
  const messages = new MessageStream(Bytes, false, LIMITS, notes);
  messages.codedIn("made-up", new Codings("Channel"));
  messages.push(prefixed("plain"));
  messages.push(prefix(1, 1));
  assert.equal(text(await messages.next()), "plain");
  await assert.rejects(messages.next(), {
    code: Code.INTERNAL,
    rawMessage:
      'received a message compressed with "made-up", which is not supported; supported: identity,gzip,deflate',
  });
});
