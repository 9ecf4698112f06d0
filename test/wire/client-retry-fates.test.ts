/**
 * Calls that fail in every way at every moment: whatever became of the attempts before, the one that is answered has it all.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "../../src/core.js";
import { ErrorCode } from "../support/http2-frame.js";
import { RawServer, type Frame, type ServerPeer } from "../support/peer.js";
import { guardProcess } from "../support/peer-guard.js";
import { answer, outcome } from "../support/peer-scripted.js";
import { messagesIn, prefixed, RESPONSE_FIELDS, Wire } from "../support/peer-service.js";
import { failWith, HEDGING, policedAt, RETRY } from "../support/policed.js";

guardProcess();

/** Numbers from 0 to 1 that are the same in every run. */
function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

type Fate = (connection: ServerPeer, streamId: number) => void;

/** Ends of an attempt after which there is another. */
const FATES: readonly Fate[] = [
  (connection, streamId) => failWith(connection, streamId, Code.UNAVAILABLE),
  (connection, streamId) => failWith(connection, streamId, Code.UNAVAILABLE, ["grpc-retry-pushback-ms", "1"]),
  (connection, streamId) => connection.reset(streamId, ErrorCode.REFUSED_STREAM),
  (connection, streamId) => connection.headers(streamId, [[":status", "503"]]),
  (connection) => connection.destroy(),
  (connection, streamId) => connection.goaway(streamId, ErrorCode.INTERNAL_ERROR),
  (connection) => connection.goaway(0, ErrorCode.NO_ERROR),
];

/** A server on which the attempts of each call but the last end as chance has it, after as many bytes as it says. */
function failing(chance: () => number, attempts: number): { hear: (connection: ServerPeer) => void; got: string[][] } {
  const got: string[][] = [];
  let left = attempts;
  const hear = (connection: ServerPeer): void => {
    const fates = new Map<number, { fate: Fate | undefined; afterBytes: number }>();
    connection.hear = ({ name, streamId, endStream }: Frame) => {
      if (name === "HEADERS") {
        const fate = left-- > 1 ? FATES[Math.floor(chance() * FATES.length)] : undefined;
        fates.set(streamId, { fate, afterBytes: chance() < 0.3 ? 0 : Math.floor(chance() * 60_000) });
      }
      const own = fates.get(streamId);
      if (own === undefined) return;
      if (own.fate !== undefined && (connection.received(streamId) >= own.afterBytes || endStream)) {
        fates.delete(streamId);
        own.fate(connection, streamId);
      } else if (own.fate === undefined && endStream) {
        got.push(messagesIn(Buffer.concat(connection.on(streamId).map(({ data }) => data))));
        answer(connection, streamId, ["done"]);
      }
    };
  };
  return { hear, got };
}

describe("attempts that end in any way, at any moment", () => {
  for (const [name, policy] of [
    [
      "R255 R258 R260 R265 one after another",
      { retry: { ...RETRY, maxAttempts: 5, initialBackoffMs: 1, maxBackoffMs: 1 } },
    ],
    ["R265 R273 R279 side by side", { hedging: { ...HEDGING, maxAttempts: 5, hedgingDelayMs: 60_000 } }],
  ] as const) {
    test(`${name}: the last one has every message, once and in order, and the half-close`, async () => {
      for (let seed = 1; seed <= 40; seed++) {
        const chance = chances(seed);
        const attempts = 1 + Math.floor(chance() * 5);
        const { hear, got } = failing(chance, attempts);
        const server = await RawServer.listen();
        server.hear = hear;
        const texts = Array.from({ length: 200 }, (_, i) => `${i} ${"x".repeat(Math.floor(chance() * 600))}`);
        async function* requests(): AsyncGenerator<Uint8Array> {
          for (const text of texts) {
            if (chance() < 0.1) await new Promise((resolve) => setImmediate(resolve));
            yield Buffer.from(text);
          }
        }
        try {
          await policedAt(Wire, server.port, policy, async (client) => {
            const call = client.bidiStreaming(requests());
            const { code, message, messages } = await outcome(call);
            const said = `seed ${seed}: ${JSON.stringify(call.attempts)}`;
            assert.deepEqual([code, message, messages], [Code.OK, "", ["done"]], said);
            assert.deepEqual(got, [texts], said);
            assert.equal(call.attempts.length, attempts, said);
          });
        } finally {
          await server.close();
        }
      }
    });
  }

  test("R259 a method without a policy reaches a second server only if the first took nothing of it", async () => {
    for (const fate of FATES) {
      const server = await RawServer.listen();
      let attempts = 0;
      server.hear = (connection) => {
        connection.hear = ({ streamId, endStream }) => {
          if (!endStream) return;
          if (++attempts === 1) fate(connection, streamId);
          else answer(connection, streamId, ["done"]);
        };
      };
      try {
        await policedAt(Wire, server.port, {}, async (client) => {
          const call = client.unary(Buffer.from("hello"));
          const { code } = await outcome(call);
          const unprocessed = call.attempts[0]?.unprocessed === true;
          assert.equal(attempts, unprocessed ? 2 : 1, String(fate));
          assert.equal(code, unprocessed ? Code.OK : Code.UNAVAILABLE, String(fate));
        });
      } finally {
        await server.close();
      }
    }
  });

  test("R272 R279 hedges all of which answer: one answer is taken, whole", async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const chance = chances(seed);
      const server = await RawServer.listen();
      server.hear = (connection) => {
        connection.hear = ({ streamId, endStream }) => {
          if (!endStream) return;
          const parts = Array.from({ length: 5 }, (_, i) => `${streamId} ${i}`);
          const send = (): void => {
            connection.headers(streamId, RESPONSE_FIELDS);
            for (const part of parts) connection.data(streamId, prefixed(part));
            connection.headers(streamId, [["grpc-status", "0"]], { endStream: true });
          };
          if (chance() < 0.5) send();
          else setImmediate(send);
        };
      };
      try {
        await policedAt(Wire, server.port, { hedging: { ...HEDGING, hedgingDelayMs: 0 } }, async (client) => {
          const { code, messages } = await outcome(client.serverStreaming(Buffer.from("hello")));
          assert.equal(code, Code.OK);
          const [winner] = (messages[0] ?? "").split(" ");
          assert.deepEqual(
            messages,
            Array.from({ length: 5 }, (_, i) => `${winner} ${i}`),
          );
        });
      } finally {
        await server.close();
      }
    }
  });
});
