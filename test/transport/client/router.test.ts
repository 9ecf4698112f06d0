/**
 * The inside of a channel: its states, the calls that wait, and what becomes of both when names, policies and servers fail.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, StatusError } from "../../../src/codec/status.js";
import type {
  Balancer,
  BalancerHost,
  BalancingPolicy,
  Pick,
} from "../../../src/transport/client/balancing/balancer.js";
import {
  CHANNEL_TRANSITIONS,
  checkWaitOptions,
  Connectivity,
  wayTo,
  type ConnectivityState,
} from "../../../src/transport/client/connectivity.js";
import { DEFAULT_CHANNEL_LIMITS } from "../../../src/transport/client/limits.js";
import { chosenPolicy, policiesWith } from "../../../src/transport/client/balancing/policies.js";
import { FakeClock } from "../../support/fake-clock.js";
import { Setting } from "../../support/http2-frame.js";
import { guardProcess } from "../../support/peer-guard.js";
import { routed, turns, type Routed, type WishedCall } from "../../support/routed.js";

guardProcess();

/** Nobody listens there. */
const NOBODY = "127.0.0.1:1";

describe("states", () => {
  test("R200 R206 R210 R199 nothing is resolved and nothing connected before there is a call, which waits and is answered", async () => {
    await routed({}, async (channel) => {
      await turns();
      assert.deepEqual([channel.asked, channel.servers[0]?.connections.length, channel.state], [0, 0, "IDLE"]);
      const call = channel.call();
      assert.equal(channel.state, "CONNECTING");
      assert.equal(call.fate, "waits");
      await call.settled;
      assert.equal(call.fate, "ready");
      assert.deepEqual([channel.asked, channel.state], [1, "READY"]);
    });
  });

  test("R199 it can be connected without a call", async () => {
    await routed({}, async (channel) => {
      channel.router.connectNow();
      await channel.at("READY");
      assert.equal(channel.call().fate, "ready", "at once");
    });
  });

  test("R232 R240 when its connection is lost it is idle, and connects for the next call, which does not notice", async () => {
    await routed({}, async (channel) => {
      const first = channel.call();
      await first.settled;
      first.lease?.release();
      channel.servers[0]?.connections[0]?.abort();
      await channel.at("IDLE");
      await turns();
      assert.equal(channel.servers[0]?.connections.length, 1, "not without a call");
      const next = channel.call();
      await next.settled;
      assert.equal(next.fate, "ready");
      assert.equal(channel.servers[0]?.connections.length, 2);
    });
  });

  test("R205 after half an hour without calls it lets everything go; a call begins anew", async () => {
    assert.equal(DEFAULT_CHANNEL_LIMITS.idleTimeoutMs, 30 * 60_000);
    await routed({}, async (channel) => {
      const call = channel.call();
      await call.settled;
      channel.clock.pass(2 * 3_600_000);
      assert.equal(channel.state, "READY", "a call runs");
      call.lease?.release();
      channel.clock.pass(25 * 60_000);
      channel.call().lease?.release();
      channel.clock.pass(29 * 60_000);
      assert.equal(channel.state, "READY", "there was a call meanwhile");
      channel.clock.pass(8 * 60_000);
      assert.equal(channel.state, "IDLE");
      await channel.servers[0]?.connections[0]?.disconnected();
      assert.equal(channel.clock.nextInMs, Infinity, "no timer is left");
      const next = channel.call();
      await next.settled;
      assert.deepEqual([next.fate, channel.asked], ["ready", 2]);
    });
  });

  test("R199 R205 connect() counts as use", async () => {
    await routed({ limits: { idleTimeoutMs: 10_000 } }, async (channel) => {
      channel.router.connectNow();
      await channel.at("READY");
      for (let i = 0; i < 5; i++) {
        channel.clock.pass(8000);
        channel.router.connectNow();
      }
      assert.equal(channel.state, "READY");
      channel.clock.pass(12_000);
      assert.equal(channel.state, "IDLE");
    });
  });

  test("R205 one in trouble goes idle as well, and one that never wants to does not", async () => {
    await routed({ limits: { idleTimeoutMs: 60_000 } }, async (channel) => {
      channel.resolution = { endpoints: [] };
      const call = channel.call();
      assert.equal(call.fate, "UNAVAILABLE");
      channel.clock.pass(80_000);
      assert.equal(channel.state, "IDLE");
    });
    await routed({ limits: { idleTimeoutMs: Infinity } }, async (channel) => {
      (await settledCall(channel)).lease?.release();
      channel.clock.pass(1e9);
      assert.equal(channel.state, "READY");
    });
  });

  test("R204 once it is closed, calls that wait fail and those that come fail at once; SHUTDOWN is the end", async () => {
    await routed({ peer: { settings: false } }, async (channel) => {
      const call = channel.call(true);
      const closed = channel.router.close();
      assert.deepEqual(
        [call.fate, call.isFinal, call.error?.rawMessage],
        ["UNAVAILABLE", true, "the channel is closed"],
      );
      assert.equal(channel.call(true).fate, "UNAVAILABLE");
      await closed;
      channel.router.connectNow();
      channel.clock.pass(1e7);
      assert.equal(channel.state, "SHUTDOWN");
      assert.equal(channel.clock.nextInMs, Infinity);
    });
  });
});

describe("connectivity", () => {
  test("R201 goes only where the table says, by way of another state if need be", () => {
    const names = Object.keys(CHANNEL_TRANSITIONS) as ConnectivityState[];
    for (const from of names) {
      for (const to of names) {
        const steps = wayTo(from, to);
        let at = from;
        for (const step of steps) {
          const legal: readonly ConnectivityState[] = CHANNEL_TRANSITIONS[at];
          assert.ok(legal.includes(step), `${at} to ${step}`);
          at = step;
        }
        assert.equal(at, from === "SHUTDOWN" ? "SHUTDOWN" : to);
      }
    }
    assert.deepEqual(CHANNEL_TRANSITIONS, {
      IDLE: ["CONNECTING", "SHUTDOWN"],
      CONNECTING: ["READY", "TRANSIENT_FAILURE", "IDLE", "SHUTDOWN"],
      READY: ["IDLE", "TRANSIENT_FAILURE", "SHUTDOWN"],
      TRANSIENT_FAILURE: ["CONNECTING", "READY", "IDLE", "SHUTDOWN"],
      SHUTDOWN: [],
    });
    const connectivity = new Connectivity();
    connectivity.set("SHUTDOWN");
    connectivity.set("READY");
    assert.equal(connectivity.state, "SHUTDOWN");
  });

  test("R199 R208 waits for a change until a point in time, or a signal; a change that was missed counts", async () => {
    const clock = new FakeClock();
    const connectivity = new Connectivity();
    const changed = connectivity.changeFrom("IDLE", { timeoutMs: 100 }, clock);
    const late = connectivity.changeFrom("IDLE", { timeoutMs: 10 }, clock);
    const aborting = new AbortController();
    const aborted = connectivity.changeFrom("IDLE", { signal: aborting.signal }, clock);
    clock.pass(10);
    assert.equal(await late, false);
    aborting.abort();
    assert.equal(await aborted, false);
    connectivity.set("READY");
    connectivity.set("IDLE");
    connectivity.set("CONNECTING");
    assert.equal(await changed, true);
    assert.equal(await connectivity.changeFrom("READY", {}, clock), true, "it is another one already");
    assert.equal(await connectivity.changeFrom("CONNECTING", { timeoutMs: 0 }, clock), false);
    assert.equal(await connectivity.changeFrom("CONNECTING", { signal: AbortSignal.abort() }, clock), false);
    assert.equal(clock.nextInMs, Infinity, "no timer is left");
    assert.throws(() => checkWaitOptions({ timeoutMs: Number.NaN }), /timeoutMs must be a number .*NaN/);
    assert.throws(() => checkWaitOptions({ signal: {} as AbortSignal }), /must be an AbortSignal/);
  });
});

describe("wait for ready", () => {
  test("R209 R211 while no server can be reached, calls fail at once with the reason, and those that wait for ready wait", async () => {
    await routed({}, async (channel) => {
      const good = channel.resolution;
      channel.resolution = { endpoints: [NOBODY] };
      const [first, waiting] = [channel.call(), channel.call(true)];
      await first.settled;
      assert.match(
        first.error?.message ?? "",
        /^UNAVAILABLE: cannot connect to the server \(127\.0\.0\.1:1: .*ECONNREFUSED/,
      );
      assert.equal(first.isFinal, false, "another attempt may do better");
      assert.equal(channel.state, "TRANSIENT_FAILURE");
      assert.equal(channel.call().fate, "UNAVAILABLE", "at once");
      assert.equal(waiting.fate, "waits");
      assert.notEqual(first.error, channel.call().error, "each call has an error of its own");
      channel.resolution = good;
      channel.clock.pass(31_000);
      await waiting.settled;
      assert.equal(waiting.fate, "ready");
    });
  });

  test("R211 R222 a name that cannot be resolved fails calls with the reason; those that wait for ready are answered when it can", async () => {
    let fails = true;
    const resolver = (): never | undefined => {
      if (fails) throw new Error("ENOTFOUND nowhere.invalid");
      return undefined;
    };
    await routed({ resolver: resolver as never }, async (channel) => {
      const [fast, waiting] = [channel.call(), channel.call(true)];
      assert.equal(
        fast.error?.message,
        "UNAVAILABLE: the server's name could not be resolved (ENOTFOUND nowhere.invalid)",
      );
      assert.equal(fast.error.rawMessage, "the server's name could not be resolved", "nothing of it goes on to others");
      assert.equal(channel.state, "TRANSIENT_FAILURE");
      channel.clock.pass(1000);
      assert.equal(channel.call().fate, "UNAVAILABLE");
      fails = false;
      channel.clock.pass(2000);
      await waiting.settled;
      assert.equal(waiting.fate, "ready");
    });
  });

  test("R222 names that cannot be resolved any more change nothing: the addresses are known", async () => {
    let fails = false;
    const resolver = (): undefined => {
      if (fails) throw new Error("SERVFAIL");
    };
    await routed({ resolver: resolver as never }, async (channel) => {
      (await settledCall(channel)).lease?.release();
      fails = true;
      channel.servers[0]?.connections[0]?.abort();
      await channel.at("IDLE");
      channel.clock.pass(31_000);
      assert.ok(channel.asked > 1);
      assert.equal((await settledCall(channel)).fate, "ready");
    });
  });

  test("R223 no addresses any more: those that were known are not used", async () => {
    await routed({}, async (channel) => {
      const call = await settledCall(channel);
      channel.resolution = { endpoints: [] };
      channel.clock.pass(31_000);
      channel.router.resolveAgain();
      const { fate, error } = channel.call();
      assert.equal(fate, "UNAVAILABLE");
      assert.match(error?.message ?? "", /the resolver found no address/);
      assert.equal(call.lease?.connection.session.closed, false, "calls that run may finish");
      call.lease?.release();
      await channel.servers[0]?.connections[0]?.disconnected();
    });
  });

  test("R207 R210 calls wait while it is connecting, in the order in which they came", async () => {
    await routed({ peer: { settings: false } }, async (channel) => {
      const calls = Array.from({ length: 100 }, () => channel.call());
      const peer = await channel.servers[0]?.connection();
      await peer?.frame("SETTINGS");
      await turns();
      assert.ok(calls.every(({ fate }) => fate === "waits"));
      peer?.settings({ [Setting.MAX_CONCURRENT_STREAMS]: 60 });
      await calls[59]?.settled;
      assert.deepEqual(
        calls.map(({ fate }) => fate === "ready"),
        calls.map((_, at) => at < 60),
      );
      channel.router.queue.forget(calls[60] as never);
      calls[0]?.lease?.release();
      assert.deepEqual(
        [calls[60]?.fate, calls[61]?.fate],
        ["waits", "ready"],
        "one that was taken back is passed over",
      );
    });
  });
});

/** A call that has a place, or an error. */
async function settledCall(channel: Routed): Promise<WishedCall> {
  const call = channel.call();
  await call.settled;
  return call;
}

describe("policies of one's own", () => {
  /** A policy whose picker says what `pick` gives, on one subchannel to each address. */
  function policy(name: string, begin: (host: BalancerHost) => Balancer): BalancingPolicy {
    return { name, parseConfig: (json) => json, create: begin };
  }
  const saying = (pick: () => Pick): BalancingPolicy =>
    policy("own", (host) => ({
      update: () => host.update("READY", { pick }),
      connect: () => undefined,
      close: () => undefined,
    }));

  test("R241 R212 a picker completes, queues, fails or drops a call", async () => {
    let say: Pick = { kind: "queue" };
    let host: BalancerHost | undefined;
    const own = policy("own", (given) => {
      host = given;
      return {
        update: ([endpoint]) => {
          const [address] = endpoint?.addresses ?? [];
          if (address === undefined) return;
          const subchannel = given.subchannel(address, () => {
            if (subchannel.state === "READY") say = { kind: "complete", subchannel };
            given.update(subchannel.state === "READY" ? "READY" : "CONNECTING", { pick: () => say });
          });
          subchannel.connect();
        },
        connect: () => undefined,
        close: () => undefined,
      };
    });
    await routed({ policies: [own], balancing: "own" }, async (channel) => {
      const call = channel.call();
      assert.equal(call.fate, "waits");
      await call.settled;
      assert.equal(call.fate, "ready");
      const error = (): StatusError => new StatusError(Code.RESOURCE_EXHAUSTED, "too many");
      say = { kind: "fail", error };
      const waiting = channel.call(true);
      assert.deepEqual([channel.call().fate, waiting.fate], ["RESOURCE_EXHAUSTED", "waits"]);
      say = { kind: "drop", error };
      host?.update("READY", { pick: () => say });
      assert.deepEqual([waiting.fate, waiting.isFinal], ["RESOURCE_EXHAUSTED", true]);
      assert.equal(channel.call(true).fate, "RESOURCE_EXHAUSTED");
    });
  });

  test("R242 R280 one that throws, or makes up what only a server may say, fails calls INTERNAL, and nothing else", async () => {
    const ways: readonly [pick: () => Pick, text: RegExp][] = [
      [
        () => {
          throw new Error("oops");
        },
        /the balancing policy of the channel failed \(oops\)/,
      ],
      [() => ({ kind: "complete", subchannel: {} as never }), /not a subchannel of the host's/],
      [
        () => ({ kind: "fail", error: () => new StatusError(Code.NOT_FOUND, "no") }),
        /only a server may say, which is a bug there: NOT_FOUND: no/,
      ],
      [() => ({ kind: "fail", error: () => "x" as never }), /policy of the channel failed \(x\)/],
      [() => undefined as never, /policy of the channel failed/],
    ];
    for (const [pick, text] of ways) {
      await routed({ policies: [saying(pick)], balancing: "own" }, async (channel) => {
        const { fate, error } = channel.call();
        assert.equal(fate, "INTERNAL");
        assert.match(error?.message ?? "", text);
      });
    }
    for (const where of ["create", "update"] as const) {
      const fails = (): never => {
        throw new Error("broken");
      };
      const own =
        where === "create"
          ? policy("own", fails)
          : policy("own", () => ({ update: fails, connect: fails, close: fails }));
      await routed({ policies: [own], balancing: "own" }, async (channel) => {
        assert.match(channel.call().error?.message ?? "", /INTERNAL: the balancing policy "own" failed \(broken\)/);
        assert.match(channel.warnings[0]?.message ?? "", /the balancing policy "own" failed: broken/);
      });
    }
  });

  test("R239 R244 another policy takes over once it is ready, and what it shares keeps its connection", async () => {
    await routed({ servers: 2 }, async (channel) => {
      (await settledCall(channel)).lease?.release();
      assert.deepEqual(
        channel.servers.map(({ connections }) => connections.length),
        [1, 0],
      );
      const serviceConfig = { loadBalancingConfig: [{ nobody_knows: {} }, { round_robin: {} }] };
      channel.resolution = { ...channel.resolution, serviceConfig };
      channel.clock.pass(31_000);
      channel.router.resolveAgain();
      assert.equal(channel.state, "READY");
      await channel.servers[1]?.connection();
      while ([...channel.router.pool.openConnections()].filter(({ isReady }) => isReady).length < 2) await turns(1);
      await turns();
      const addresses = new Set(Array.from({ length: 4 }, () => channel.call().lease?.address));
      assert.equal(addresses.size, 2);
      assert.deepEqual(
        channel.servers.map(({ connections }) => connections.length),
        [1, 1],
      );
      assert.ok(!channel.states.includes("IDLE", 1), "nobody noticed");
    });
  });

  test("R239 an old one without servers is replaced at once", async () => {
    await routed({ servers: 1 }, async (channel) => {
      const good = channel.resolution;
      channel.resolution = { endpoints: [NOBODY] };
      const waiting = channel.call(true);
      await channel.at("TRANSIENT_FAILURE");
      channel.resolution = { ...good, serviceConfig: { loadBalancingConfig: [{ round_robin: {} }] } };
      channel.clock.pass(31_000);
      await waiting.settled;
      assert.equal(waiting.fate, "ready");
    });
  });

  test("R248 a service config that is wrong fails calls when there was none before, and changes nothing else", async () => {
    await routed({}, async (channel) => {
      const good = channel.resolution;
      const bad = { ...good, serviceConfig: { loadBalancingConfig: [{ nobody_knows: {} }] } };
      channel.resolution = bad;
      const first = channel.call();
      assert.match(first.error?.message ?? "", /service config of the target cannot be used \(.*loadBalancingConfig/);
      channel.resolution = good;
      channel.clock.pass(1000);
      (await settledCall(channel)).lease?.release();
      channel.resolution = bad;
      channel.clock.pass(31_000);
      channel.router.resolveAgain();
      channel.clock.pass(5000);
      assert.equal(channel.call().fate, "ready");
      assert.equal(channel.warnings.length, 1, "but somebody is told, once");
    });
  });

  test("R228 the policy is pick_first when nothing is said; one that does not exist is refused by name", () => {
    const registry = policiesWith();
    assert.equal(chosenPolicy(undefined, registry).policy.name, "pick_first");
    assert.deepEqual(chosenPolicy({ policy: "pick_first", shuffleAddressList: true }, registry).config, {
      shuffleAddressList: true,
    });
    assert.throws(
      () => chosenPolicy("round_robbin", registry),
      /must name one of pick_first, .*did you mean "round_robin"/,
    );
    assert.throws(() => chosenPolicy(7 as never, registry), /current value is number/);
    assert.throws(
      () => chosenPolicy({ policy: "pick_first", ...{ shuffleAddressList: 1 } }, registry),
      /option balancing as pick_first refuses its config: .*shuffleAddressList/,
    );
    assert.throws(() => policiesWith([{ name: "x" }]), /must have a name, parseConfig and create/);
    assert.throws(() => policiesWith([null]), /option policies/);
  });
});
