/**
 * Service configs, from end to end: what a resolver gives with the addresses, as it changes.
 */
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import {
  Channel,
  Code,
  Server,
  StatusError,
  type BalancingPolicy,
  type ChannelOptions,
  type Resolution,
} from "../../src/index.js";
import { PICK_FIRST } from "../../src/transport/client/pick-first.js";
import { Echo } from "../support/echo-service.js";
import { behaveAs, echo } from "../support/echo-ways.js";

/** What a test's resolver is made to say next. */
class Source {
  readonly #said: Resolution[] = [];
  #wake: (() => void) | undefined;

  say(resolution: Resolution): void {
    this.#said.push(resolution);
    this.#wake?.();
  }

  readonly resolver = async function* (this: Source): AsyncGenerator<Resolution> {
    for (;;) {
      const next = this.#said.shift();
      if (next === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
      else yield next;
    }
  }.bind(this);
}

interface Setting {
  readonly channel: Channel;
  readonly source: Source;
  readonly address: string;
  readonly warnings: string[];
  /** Resolves when the channel has warned this often. */
  warned(count: number): Promise<void>;
}

async function setting(t: TestContext, options: ChannelOptions = {}): Promise<Setting> {
  const server = new Server();
  server.add(Echo, behaveAs(echo));
  const { address } = await server.listen("127.0.0.1:0");
  const source = new Source();
  const warnings: string[] = [];
  let hear: () => void = () => undefined;
  const channel = new Channel("own:///orders", {
    tls: false,
    resolvers: { own: source.resolver },
    onError: (error) => {
      warnings.push((error as Error).message);
      hear();
    },
    ...options,
  });
  t.after(async () => {
    await channel.destroy();
    await server.close({ graceMs: 0 });
  });
  const warned = (count: number): Promise<void> =>
    new Promise((resolve) => {
      hear = () => {
        if (warnings.length >= count) resolve();
      };
      hear();
    });
  return { channel, source, address, warnings, warned };
}

async function statusOf(channel: Channel): Promise<StatusError | "OK"> {
  return channel
    .client(Echo)
    .unary({ text: "x" }, { timeoutMs: 10_000 })
    .then(
      () => "OK" as const,
      (error: unknown) => error as StatusError,
    );
}

describe("a service config that comes with the addresses", () => {
  test("R247 R248 is of no use when it is invalid: calls are UNAVAILABLE and say what is wrong", async (t) => {
    const { channel, source, address } = await setting(t);
    const serviceConfig = { methodConfig: [{}, { timeout: 5 }] };
    source.say({ endpoints: [address], serviceConfig });
    const error = await statusOf(channel);
    assert.ok(error instanceof StatusError);
    assert.equal(error.code, Code.UNAVAILABLE);
    assert.match(
      error.message,
      /Cannot use the service config as methodConfig\[1\]\.timeout must be a duration in seconds/,
    );
  });

  test("R248 that is invalid, where there is a default, is told of once and changes nothing", async (t) => {
    const { channel, source, address, warnings, warned } = await setting(t, { serviceConfig: "{}" });
    const bad = { endpoints: [address], serviceConfig: "[]" };
    source.say(bad);
    assert.equal(await statusOf(channel), "OK");
    source.say(bad);
    source.say({ endpoints: [address], serviceConfig: '{"methodConfig": 5}' });
    await warned(2);
    assert.equal(await statusOf(channel), "OK");
    assert.deepEqual(warnings, [
      "Cannot use the service config as it must be an object: current value is a list",
      "Cannot use the service config as methodConfig must be a list: current value is 5",
    ]);
  });

  test("R244 R253 chooses the policy, which gets its config as it changes; without one the channel's own option counts", async (t) => {
    const seen: string[] = [];
    const policy = (name: string): BalancingPolicy => ({
      name,
      parseConfig: (json) => {
        if ("bad" in json) throw new TypeError("bad must be absent");
        seen.push(`${name} ${JSON.stringify(json)}`);
        return PICK_FIRST.parseConfig({});
      },
      create: (host) => {
        seen.push(`${name} begins`);
        return (PICK_FIRST as BalancingPolicy).create(host);
      },
    });
    const options = { policies: [policy("asked"), policy("own")], balancing: "own" };
    const { channel, source, address, warned } = await setting(t, options);
    const says = (...loadBalancingConfig: readonly object[]): void =>
      source.say({ endpoints: [address], serviceConfig: { loadBalancingConfig } });
    says({ unheard_of: {} }, { asked: { a: 1 } });
    assert.equal(await statusOf(channel), "OK");
    assert.deepEqual(seen, ["own {}", 'asked {"a":1}', "asked begins"]);
    says({ asked: { bad: 1 } });
    await warned(1);
    says({ asked: { a: 2 } });
    source.say({ endpoints: [address] });
    // What cannot be used is told of, and by then all that came before it has been taken.
    says({ asked: { bad: 2 } }, {});
    says({ unheard_of: {} });
    await warned(3);
    assert.equal(await statusOf(channel), "OK");
    assert.deepEqual(seen.slice(3), ['asked {"a":2}', "own begins"]);
  });

  test("R249 a default that is invalid is refused when the channel is made", () => {
    const serviceConfig = { methodConfig: [{ retryPolicy: { maxAttempts: 1, retryableStatusCodes: [14] } }] };
    assert.throws(() => new Channel("localhost:1", { serviceConfig }), {
      name: "TypeError",
      message:
        /^Cannot use option serviceConfig as methodConfig\[0\]\.retryPolicy\.maxAttempts must be a whole number, 2 or more/,
    });
    assert.throws(
      () => new Channel("localhost:1", { methods: { "a.B": { timeoutMs: -1 } } }),
      /methods\["a\.B"\]\.timeoutMs/,
    );
    const retryThrottling = { maxTokens: 0, tokenRatio: 1 };
    assert.throws(() => new Channel("localhost:1", { retryThrottling }), /retryThrottling\.maxTokens/);
  });
});
