/** Options: defaults, what replaces them, and what is refused by name. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Channel, Server, type ChannelOptions, type ServerOptions } from "../../src/index.js";
import { DEFAULT_CHANNEL_LIMITS } from "../../src/transport/client/limits.js";
import { checkOptions, numbersFrom } from "../../src/transport/options.js";
import { DEFAULT_SERVER_LIMITS } from "../../src/transport/server/limits.js";
import { withEcho } from "../support/echo-served.js";
import { behaveAs, echo } from "../support/echo-ways.js";

describe("numbersFrom", () => {
  const DEFAULTS = Object.freeze({ a: 1, b: 2 });

  test("takes an option in place of its default, 0 and Infinity included, and leaves undefined alone", () => {
    const filled = (options: object): unknown => ({ ...numbersFrom(DEFAULTS, options) });
    assert.deepEqual(filled({}), { a: 1, b: 2 });
    assert.deepEqual(filled({ a: 0, b: Infinity }), { a: 0, b: Infinity });
    assert.deepEqual(filled({ a: undefined }), { a: 1, b: 2 });
    assert.deepEqual(filled({ other: "x" }), { a: 1, b: 2 });
  });

  test("refuses what is not a number above or equal to zero", () => {
    for (const a of [-1, Number.NaN, "5", null, {}, -Infinity]) {
      assert.throws(() => numbersFrom(DEFAULTS, { a }), { name: "TypeError", message: /option a .*0 or more/ });
    }
  });

  test("says what came in the words it was written in", () => {
    const CAME = [
      [Number.NaN, "NaN"],
      [-Infinity, "-Infinity"],
      [-1, "-1"],
      ["5", '"5"'],
      [null, "null"],
      [{}, "object"],
    ] as const;
    for (const [a, shown] of CAME) {
      assert.throws(
        () => numbersFrom(DEFAULTS, { a }),
        ({ message }: Error) => message.endsWith(`current value is ${shown}`),
      );
    }
  });

  test("with a maximum takes whole numbers up to it; Infinity is the maximum", () => {
    const filled = (a: unknown): unknown => numbersFrom(DEFAULTS, { a }, { a: 10 }).a;
    assert.deepEqual([0, 1, 10, Infinity].map(filled), [0, 1, 10, 10]);
    for (const a of [11, 0.5, -1, Number.NaN, 1e300, "5", null]) {
      assert.throws(() => filled(a), { name: "TypeError", message: /option a .* a whole number from 0 to 10: / });
    }
    assert.equal(numbersFrom(DEFAULTS, { b: 1.5 }, { a: 10 }).b, 1.5);
  });

  test("takes nothing from a prototype", () => {
    assert.equal("toString" in numbersFrom(DEFAULTS, {}), false);
  });
});

describe("checkOptions", () => {
  test("lets known names pass and names the nearest for another", () => {
    checkOptions("Server", { maxReceiveBytes: 1 }, ["maxReceiveBytes"]);
    checkOptions("Server", {}, []);
    assert.throws(() => checkOptions("Server", { maxRecieveBytes: 1 }, ["maxReceiveBytes", "onError"]), {
      name: "TypeError",
      message: /Server .*"maxRecieveBytes"; did you mean "maxReceiveBytes"\?/,
    });
    assert.throws(() => checkOptions("Server", { zzz: 1 }, ["onError"]), { message: /no option "zzz"$/ });
  });
});

describe("a limit of a server with which no call would be answered", () => {
  const LEAST: Readonly<Record<string, number>> = {
    maxConnections: 1,
    maxConcurrentStreams: 1,
    maxRunningHandlers: 1,
    streamWindowBytes: 1,
    handshakeTimeoutMs: 100,
    keepaliveTimeoutMs: 10,
    maxConnectionIdleMs: 100,
    maxConnectionAgeMs: 100,
  };

  for (const [name, least] of Object.entries(LEAST)) {
    test(`${name}: ${least} is the least there is`, () => {
      assert.ok(new Server({ [name]: least }) instanceof Server);
      for (const value of [least - 1, 0]) {
        assert.throws(() => new Server({ [name]: value }), {
          name: "TypeError",
          message: new RegExp(`option ${name} as it must be .*${least}.*: current value is ${value}$`),
        });
      }
    });
  }
});

describe("a limit that HTTP/2 or a timer does not take", () => {
  const VALUES = [
    Infinity,
    Number.MAX_SAFE_INTEGER,
    1e300,
    2 ** 32,
    2 ** 32 - 1,
    2 ** 31,
    2 ** 31 - 1,
    1_000_000.5,
    -1,
    Number.NaN,
  ];

  /** Makes one call with these options; `"refused"` when a constructor threw a TypeError. */
  async function tried(serverOptions: ServerOptions, channelOptions: ChannelOptions): Promise<string> {
    try {
      assert.ok(new Server(serverOptions) instanceof Server);
      await new Channel("127.0.0.1:1", channelOptions).close();
    } catch (error) {
      assert.ok(error instanceof TypeError, String(error));
      return "refused";
    }
    let text = "";
    await withEcho(
      behaveAs(echo),
      async ({ client }) => {
        text = (await client.unary({ text: "works" }, { timeoutMs: 5000 })).text;
        for await (const message of client.bidiStreaming([{ text: "." }, { text: "." }])) text += message.text;
      },
      { server: serverOptions, channel: channelOptions },
    );
    return text;
  }

  for (const name of Object.keys(DEFAULT_SERVER_LIMITS)) {
    test(`Server, ${name}: is refused by the constructor, or works`, async () => {
      for (const value of VALUES) {
        const outcome = await tried({ [name]: value }, {});
        const expected = value === Infinity ? "works.." : value >= 0 ? /^(?:works\.\.|refused)$/ : "refused";
        assert.match(outcome, new RegExp(expected), `${name}: ${value}`);
      }
    });
  }
  for (const name of Object.keys(DEFAULT_CHANNEL_LIMITS)) {
    test(`Channel, ${name}: is refused by the constructor, or works`, async () => {
      for (const value of VALUES) {
        const outcome = await tried({}, { [name]: value });
        const expected = value === Infinity ? "works.." : value >= 0 ? /^(?:works\.\.|refused)$/ : "refused";
        assert.match(outcome, new RegExp(expected), `${name}: ${value}`);
      }
    });
  }
});
