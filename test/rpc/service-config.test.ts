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
import { PICK_FIRST } from "../../src/transport/client/balancing/pick-first.js";
import { Echo } from "../support/echo-service.js";
import { behaveAs, gate, type EchoBehaviour, type Gate } from "../support/echo-ways.js";

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

/** Answers "wait" when the gate opens, "fail" every second time, and everything else at once. */
function answering(held: Gate): EchoBehaviour {
  let failures = 0;
  return async function* (requests) {
    for await (const request of requests) {
      if (request.text === "fail" && failures++ % 2 === 0) throw new StatusError(Code.ABORTED, "this time not");
      if (request.text === "wait") await held.opened;
      yield request;
    }
  };
}

interface Setting {
  readonly held: Gate;
  readonly channel: Channel;
  readonly source: Source;
  readonly address: string;
  readonly warnings: string[];
  /** Resolves when the channel has warned this often. */
  warned(count: number): Promise<void>;
}

async function setting(t: TestContext, options: ChannelOptions = {}): Promise<Setting> {
  const server = new Server();
  const held = gate();
  server.add(Echo, behaveAs(answering(held)));
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
    held.open();
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
  return { held, channel, source, address, warnings, warned };
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

describe("the settings of methods in it", () => {
  /** Has the resolver say a config, and resolves when the channel has taken it. */
  async function follow(setting: Setting, serviceConfig: object): Promise<void> {
    const { channel, source, address, warned, warnings } = setting;
    channel.connect();
    source.say({ endpoints: [address], serviceConfig });
    // Answers are taken in order, and this one is told of.
    source.say({ endpoints: [address], serviceConfig: { methodConfig: warnings.length } });
    await warned(warnings.length + 1);
  }

  function codeOf(call: Promise<unknown>): Promise<Code> {
    return call.then(
      () => Code.OK,
      (error: unknown) => (error as StatusError).code,
    );
  }

  const settings = (method: object): object => ({ methodConfig: [{ name: [{}], ...method }] });
  const retryPolicy = {
    maxAttempts: 2,
    initialBackoff: "0.001s",
    maxBackoff: "1s",
    backoffMultiplier: 1,
    retryableStatusCodes: ["ABORTED"],
  };

  test("R105 R246 R253 count for the calls that begin after it has come; those that run keep what they began with", async (t) => {
    const all = await setting(t, { serviceConfig: {} });
    const client = all.channel.client(Echo);
    await follow(all, {});
    assert.equal(await codeOf(client.unary({ text: "x" })), Code.OK);
    const before = client.unary({ text: "wait" });
    await follow(all, settings({ timeout: "0.02s" }));
    assert.equal(await codeOf(client.unary({ text: "wait" })), Code.DEADLINE_EXCEEDED);
    assert.equal(await codeOf(client.unary({ text: "wait" }, { timeoutMs: 60_000 })), Code.DEADLINE_EXCEEDED);
    await follow(all, settings({ maxRequestMessageBytes: 4 }));
    assert.equal(await codeOf(client.unary({ text: "too long" })), Code.RESOURCE_EXHAUSTED);
    await follow(all, settings({ maxResponseMessageBytes: 4 }));
    assert.equal(await codeOf(client.unary({ text: "too long" })), Code.RESOURCE_EXHAUSTED);
    await follow(all, {});
    assert.equal(await codeOf(client.unary({ text: "too long" })), Code.OK);
    all.held.open();
    assert.equal((await before).text, "wait");
  });

  test("R246 R250 retries begin and end with it", async (t) => {
    const all = await setting(t, { serviceConfig: settings({ retryPolicy }) });
    const client = all.channel.client(Echo);
    assert.equal(
      await codeOf(client.unary({ text: "fail" }, { timeoutMs: 20 })),
      Code.DEADLINE_EXCEEDED,
      "no address yet",
    );
    await follow(all, settings({}));
    assert.equal(await codeOf(client.unary({ text: "fail" })), Code.ABORTED);
    assert.equal(await codeOf(client.unary({ text: "fail" })), Code.OK, "every second time");
    await follow(all, settings({ retryPolicy }));
    assert.equal(await codeOf(client.unary({ text: "fail" })), Code.OK);
    all.source.say({ endpoints: [all.address] });
    assert.equal(await codeOf(client.unary({ text: "fail" })), Code.OK, "the default has it too");
  });

  test("R250 R252 the channel's own settings come first, and its throttling ends retries", async (t) => {
    const retry = {
      maxAttempts: 5,
      initialBackoffMs: 1,
      maxBackoffMs: 1,
      backoffMultiplier: 1,
      retryableCodes: [Code.ABORTED],
    };
    const methods = { "": { retry } };
    const retryThrottling = { maxTokens: 4, tokenRatio: 0.001 };
    const all = await setting(t, { methods, retryThrottling, serviceConfig: {} });
    const client = all.channel.client(Echo);
    await follow(all, { ...settings({ timeout: "10s" }), retryThrottling: { maxTokens: 1000, tokenRatio: 1 } });
    assert.equal(await codeOf(client.unary({ text: "fail" })), Code.OK, "three of four tokens are left");
    assert.equal(await codeOf(client.unary({ text: "fail" })), Code.OK, "two and a bit");
    assert.equal(await codeOf(client.unary({ text: "fail" })), Code.ABORTED, "less than half");
  });

  test("R209 R246 waitForReady has calls wait where others fail", async (t) => {
    const all = await setting(t, { serviceConfig: {} });
    const nobody = { endpoints: ["127.0.0.1:1"] };
    const client = all.channel.client(Echo);
    all.source.say({ ...nobody, serviceConfig: {} });
    assert.equal(await codeOf(client.unary({ text: "x" })), Code.UNAVAILABLE);
    const isPending = client.unary({ text: "x" }, { waitForReady: true });
    all.source.say({ ...nobody, serviceConfig: settings({ waitForReady: true }) });
    all.source.say({ ...nobody, serviceConfig: "bad" });
    await all.warned(1);
    const waits = client.unary({ text: "x" });
    assert.equal(
      await codeOf(client.unary({ text: "x" }, { waitForReady: false })),
      Code.UNAVAILABLE,
      "options come first",
    );
    all.source.say({ endpoints: [all.address] });
    assert.equal((await waits).text, "x");
    assert.equal((await isPending).text, "x");
  });
});
