/**
 * A resolver at work: when it is asked, when again, and what becomes of what it says.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConnectFailure } from "../../../../src/transport/client/connecting/connect-failure.js";
import { DEFAULT_CHANNEL_LIMITS, type ChannelLimits } from "../../../../src/transport/client/limits.js";
import type { Endpoint, Resolution, Resolver } from "../../../../src/transport/client/naming/resolver.js";
import { ResolverRun } from "../../../../src/transport/client/naming/resolver-run.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { guardProcess } from "../../../support/peer-guard.js";

guardProcess();

const TARGET = { text: "test:///x", scheme: "test", authority: "", path: "x", defaultPort: 443 };
const ONE: Resolution = { endpoints: ["10.0.0.1:1"] };

/** A run, and what its owner heard. */
class Run {
  readonly clock = new FakeClock();
  readonly found: { endpoints: readonly Endpoint[]; serviceConfig: unknown }[] = [];
  readonly failures: (ConnectFailure & { isEmpty: boolean })[] = [];
  readonly run: ResolverRun;
  accepts = true;
  asked = 0;
  signal: AbortSignal | undefined;

  constructor(resolver: Resolver, limits: Partial<ChannelLimits> = {}) {
    const counting: Resolver = (target, signal) => {
      this.asked++;
      this.signal = signal;
      return resolver(target, signal);
    };
    this.run = new ResolverRun(counting, TARGET, { ...DEFAULT_CHANNEL_LIMITS, ...limits }, this.clock, {
      resolved: (endpoints, serviceConfig) => {
        this.found.push({ endpoints, serviceConfig });
        return this.accepts;
      },
      unresolved: (failure, isEmpty) => this.failures.push({ ...failure, isEmpty }),
    });
    this.run.start();
  }
}

/** Lets what was promised happen. */
async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}

describe("answers", () => {
  test("R227 an answer, a promise of one, or one after the other", async () => {
    const now = new Run(() => ONE);
    assert.equal(now.found.length, 1, "in the same turn");
    const later = new Run(() => Promise.resolve(ONE));
    await turns();
    assert.equal(later.found.length, 1);
    let push: (resolution: Resolution) => void = () => undefined;
    const next = (): Promise<Resolution> => new Promise((resolve) => (push = resolve));
    const pushed = new Run(async function* () {
      for (;;) yield await next();
    });
    for (const count of [1, 2, 3]) {
      push(ONE);
      await turns();
      assert.equal(pushed.found.length, count);
    }
    pushed.run.askAgain();
    pushed.clock.pass(100_000);
    assert.equal(pushed.asked, 1, "it says by itself when things change");
    for (const { run } of [now, later, pushed]) run.stop();
  });

  test("R227 endpoints may be written in short or with all there is", () => {
    const serviceConfig = { loadBalancingConfig: [] };
    const attributes = { zone: "a" };
    const { found } = new Run(() => ({
      endpoints: [
        "10.0.0.1",
        "[::1]:5",
        "unix:/run/a.sock",
        { kind: "tcp", host: "h", port: 7 },
        { addresses: ["10.0.0.2:2", { kind: "unix", path: "/b" }], weight: 2, attributes },
      ],
      serviceConfig,
    }));
    assert.deepEqual(found[0], {
      endpoints: [
        { addresses: [{ kind: "tcp", host: "10.0.0.1", port: 443 }] },
        { addresses: [{ kind: "tcp", host: "::1", port: 5 }] },
        { addresses: [{ kind: "unix", path: "/run/a.sock" }] },
        { addresses: [{ kind: "tcp", host: "h", port: 7 }] },
        {
          addresses: [
            { kind: "tcp", host: "10.0.0.2", port: 2 },
            { kind: "unix", path: "/b" },
          ],
          weight: 2,
          attributes,
        },
      ],
      serviceConfig,
    });
  });

  test("R222 R227 nonsense is a failure that says what was wanted", () => {
    const cases: readonly [answer: unknown, wanted: RegExp][] = [
      [undefined, /must be an object with endpoints, an array: current value is undefined/],
      [{ endpoints: "10.0.0.1" }, /endpoints, an array/],
      [{ endpoints: [7] }, /endpoint's address as it must be .*: current value is 7/],
      [{ endpoints: [null] }, /endpoint's address .*: current value is null/],
      [{ endpoints: ["no port:x"] }, /Cannot read the address/],
      [{ endpoints: [{ kind: "tcp", host: "h", port: 70_000 }] }, /endpoint's address/],
      [{ endpoints: [{ addresses: [] }] }, /must have an address at least: current value is an array of 0/],
      [{ endpoints: [{ addresses: ["a:1"], weight: -1 }] }, /weight as it must be more than 0: current value is -1/],
    ];
    for (const [answer, wanted] of cases) {
      const run = new Run(() => answer as Resolution);
      assert.equal(run.found.length, 0);
      assert.match(run.failures[0]?.hint ?? "", wanted);
      run.run.stop();
    }
  });
});

describe("failure", () => {
  test("R221 R222 whatever it throws, however it fails: a reason, and another question after a delay that grows", async () => {
    const ways: readonly Resolver[] = [
      () => {
        throw new Error("no such name");
      },
      () => Promise.reject(new Error("no such name")),
      async function* () {
        yield await Promise.reject(new Error("no such name"));
      },
    ];
    for (const way of ways) {
      const run = new Run(way);
      const asked: number[] = [];
      for (let i = 0; i < 4; i++) {
        await turns();
        asked.push(Math.round(run.clock.now()));
        assert.equal(run.failures.length, i + 1);
        run.clock.pass(run.clock.nextInMs);
      }
      assert.deepEqual(asked, [0, 1000, 2600, 5160]);
      assert.equal(run.failures[0]?.phase, "dns");
      assert.equal(run.failures[0]?.hint, "no such name");
      run.run.stop();
      await turns();
    }
  });

  test("R223 no addresses at all are said to be that, and asked for again with a delay", () => {
    const run = new Run(() => ({ endpoints: [] }));
    assert.equal(run.failures[0]?.isEmpty, true);
    run.clock.pass(1000);
    assert.equal(run.asked, 2);
    run.run.stop();
  });

  test("one that is refused is asked for again with a delay", () => {
    const run = new Run(() => ONE);
    run.accepts = false;
    run.clock.pass(40_000);
    run.run.askAgain();
    assert.equal(run.asked, 2);
    run.clock.pass(1000);
    assert.equal(run.asked, 3);
    run.run.stop();
  });

  test("R222 one that hangs is given up after 30 seconds, and told so", async () => {
    const run = new Run(() => new Promise(() => undefined));
    run.clock.pass(29_999);
    assert.equal(run.failures.length, 0);
    run.clock.pass(1);
    assert.match(run.failures[0]?.hint ?? "", /no answer within 30000 ms/);
    run.clock.pass(1);
    await turns();
    assert.equal(run.asked, 2, "the delay was over long before");
    run.run.stop();
  });

  test("one that ends without an answer has failed; one that ends behind one stays as it is", async () => {
    const nothing = new Run(async function* () {});
    await turns();
    assert.match(nothing.failures[0]?.hint ?? "", /ended without an answer/);
    const once = new Run(async function* () {
      yield ONE;
    });
    await turns();
    assert.deepEqual([once.found.length, once.failures.length], [1, 0]);
    for (const { run } of [nothing, once]) run.stop();
  });
});

describe("another question", () => {
  test("R221 is asked on request, at most every 30 seconds", () => {
    const begun = new Run(() => ONE);
    begun.run.askAgain();
    begun.run.askAgain();
    assert.equal(begun.asked, 1);
    begun.clock.pass(29_999);
    assert.equal(begun.asked, 1);
    begun.clock.pass(1);
    assert.equal(begun.asked, 2);
    begun.clock.pass(100_000);
    assert.equal(begun.asked, 2, "nobody has asked for it");
    begun.run.askAgain();
    assert.equal(begun.asked, 3, "at once, so long after the last one");
    begun.run.stop();
    assert.equal(begun.clock.nextInMs, Infinity, "no timer is left");
  });

  test("R221 comes by period where that is wanted, give or take a fifth", () => {
    const run = new Run(() => ONE, { resolutionPeriodMs: 60_000 });
    run.clock.chance = 0;
    run.clock.pass(60_000);
    assert.equal(run.asked, 2);
    run.clock.pass(47_999);
    assert.equal(run.asked, 2);
    run.clock.pass(1);
    assert.equal(run.asked, 3, "48 seconds later");
    run.run.stop();
    run.clock.pass(100_000);
    assert.equal(run.asked, 3);
  });
});

test("stop tells the resolver that nobody wants the answer, and hears of nothing more", async () => {
  let answer: (resolution: Resolution) => void = () => undefined;
  const run = new Run(() => new Promise((resolve) => (answer = resolve)));
  assert.equal(run.signal?.aborted, false);
  run.run.stop();
  assert.equal(run.signal?.aborted, true);
  answer(ONE);
  await turns();
  assert.deepEqual([run.found.length, run.failures.length], [0, 0]);
  assert.equal(run.clock.nextInMs, Infinity);
});
