/**
 * pick_first: which address is tried when, and which gets the calls.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { addressesInOrder, shuffled } from "../../../../src/transport/client/balancing/address-order.js";
import { PICK_FIRST, PickFirst } from "../../../../src/transport/client/balancing/pick-first.js";
import { address, FakeHost } from "../../../support/fake-host.js";

const CONFIG = { shuffleAddressList: false };

/** A policy that has begun with these hosts, each an endpoint. */
function begun(hosts: readonly string[]): {
  host: FakeHost;
  policy: PickFirst;
  update(hosts: readonly string[]): void;
} {
  const host = new FakeHost();
  const policy = new PickFirst(host);
  const update = (list: readonly string[]): void =>
    policy.update(
      list.map((one) => ({ addresses: [address(one)] })),
      CONFIG,
    );
  update(hosts);
  return { host, policy, update };
}

describe("the order of addresses", () => {
  test("R229 endpoints are flattened, doubles left out, and families take turns, the first one's first", () => {
    const order = addressesInOrder([
      { addresses: [address("::1"), address("::2"), address("10.0.0.1")] },
      { addresses: [address("::3"), address("10.0.0.1"), address("10.0.0.2")] },
      { addresses: [address("::4")] },
    ]);
    const hosts = order.map((one) => (one.kind === "tcp" ? one.host : ""));
    assert.deepEqual(hosts, ["::1", "10.0.0.1", "::2", "10.0.0.2", "::3", "::4"]);
  });

  test("R229 shuffling gives every order the same chance, and loses nobody", () => {
    const counts = new Map<string, number>();
    let seed = 1;
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    for (let i = 0; i < 6000; i++) {
      const order = shuffled(["a", "b", "c"], random).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    assert.equal(counts.size, 6);
    for (const [order, count] of counts) assert.ok(count > 850 && count < 1150, `${order}: ${count} of 6000`);
  });

  test("R229 shuffleAddressList is off unless it is said", () => {
    assert.deepEqual(PICK_FIRST.parseConfig({}), { shuffleAddressList: false });
    assert.deepEqual(PICK_FIRST.parseConfig({ shuffleAddressList: true }), { shuffleAddressList: true });
    assert.throws(() => PICK_FIRST.parseConfig({ shuffleAddressList: "yes" }), /true or false: current value is "yes"/);
    const host = new FakeHost();
    host.clock.chance = 0;
    new PickFirst(host).update(
      ["a", "b", "c"].map((one) => ({ addresses: [address(one)] })),
      { shuffleAddressList: true },
    );
    assert.deepEqual(host.since(), ["CONNECTING", "connect b"]);
  });
});

describe("Happy Eyeballs", () => {
  test("R230 the next address is tried 250 ms later beside one that hangs, at once behind one that fails; the first ready one wins", () => {
    const { host } = begun(["a", "b", "c", "d"]);
    assert.deepEqual(host.since(), ["CONNECTING", "connect a"]);
    host.clock.pass(249);
    assert.deepEqual(host.since(), []);
    host.clock.pass(1);
    assert.deepEqual(host.since(), ["connect b"]);
    host.at("b").become("TRANSIENT_FAILURE");
    assert.deepEqual(host.since(), ["connect c"], "at once, without waiting for the timer");
    host.at("a").become("TRANSIENT_FAILURE");
    assert.deepEqual(host.since(), [], "an earlier one that fails hurries nobody");
    host.at("c").become("READY");
    assert.deepEqual(host.since(), ["READY", "release a", "release b", "release d"]);
    assert.equal(host.picked(), "c");
    host.clock.pass(10_000);
    assert.deepEqual(host.since(), [], "no timer is left");
  });

  test("R230 one that is slower than its follower is cancelled", () => {
    const { host } = begun(["a", "b"]);
    host.clock.pass(250);
    host.at("b").become("READY");
    assert.deepEqual(host.since(), ["CONNECTING", "connect a", "connect b", "READY", "release a"]);
  });

  test("R230 addresses that are connecting already count as begun, those in backoff as failed", () => {
    const { host, update } = begun(["a", "b"]);
    host.at("a").become("TRANSIENT_FAILURE");
    assert.deepEqual(host.since(), ["CONNECTING", "connect a", "connect b"]);
    update(["a", "b", "c"]);
    assert.deepEqual(host.since(), ["release a", "release b", "CONNECTING"], "b goes on");
    host.clock.pass(250);
    assert.deepEqual(host.since(), ["connect c"]);
  });
});

describe("failure", () => {
  test("R231 R234 when all have failed, calls fail with the latest reason; each is tried again after its own backoff, without saying CONNECTING", () => {
    const { host } = begun(["a", "b"]);
    host.at("a").become("TRANSIENT_FAILURE", "refused");
    host.at("b").become("TRANSIENT_FAILURE", "no route");
    assert.deepEqual(host.since(), ["CONNECTING", "connect a", "connect b", "TRANSIENT_FAILURE"]);
    assert.equal(host.resolutions, 1, "other addresses may be better");
    assert.match(host.failed() ?? "", /UNAVAILABLE: cannot connect to the server \(b:1: no route; a:1: refused\)/);
    host.at("a").become("IDLE");
    assert.deepEqual(host.since(), ["connect a"]);
    host.at("a").become("TRANSIENT_FAILURE", "timed out");
    assert.match(host.failed() ?? "", /\(a:1: timed out; b:1: no route\)/);
    assert.equal(host.resolutions, 1);
    host.at("b").become("IDLE");
    host.at("b").become("TRANSIENT_FAILURE");
    assert.equal(host.resolutions, 2, "asked again after as many failures as there are addresses");
    assert.deepEqual(new Set(host.since()), new Set(["TRANSIENT_FAILURE", "connect b"]), "never CONNECTING");
    host.at("a").become("IDLE");
    host.at("a").become("READY");
    assert.equal(host.picked(), "a");
  });

  test("R231 one whose backoff is over before all have failed waits for the others", () => {
    const { host } = begun(["a", "b"]);
    host.at("a").become("TRANSIENT_FAILURE");
    host.at("a").become("IDLE");
    assert.deepEqual(host.since(), ["CONNECTING", "connect a", "connect b"]);
    host.at("b").become("TRANSIENT_FAILURE");
    assert.deepEqual(host.since(), ["TRANSIENT_FAILURE", "connect a"]);
  });

  test("R231 a new list is tried at once, and calls go on failing until one is ready", () => {
    const { host, update } = begun(["a"]);
    host.at("a").become("TRANSIENT_FAILURE");
    host.since();
    update(["b"]);
    assert.deepEqual(host.since(), ["release a", "connect b"]);
    assert.equal(host.state, "TRANSIENT_FAILURE");
    host.at("b").become("READY");
    assert.equal(host.picked(), "b");
  });
});

describe("a connection that was chosen", () => {
  test("R232 is not replaced when it is lost until somebody asks; the names are looked up again", () => {
    const { host, policy } = begun(["a", "b"]);
    host.at("a").become("READY");
    host.since();
    host.at("a").become("IDLE");
    assert.deepEqual(host.since(), ["IDLE"]);
    assert.equal(host.resolutions, 1);
    host.clock.pass(60_000);
    assert.deepEqual(host.since(), []);
    policy.connect();
    assert.deepEqual(host.since(), ["release a", "CONNECTING", "connect a"]);
  });

  test("R233 is kept by a new list that has its address, and left by one that has not", () => {
    const { host, update } = begun(["a", "b"]);
    host.at("a").become("READY");
    host.since();
    update(["c", "a"]);
    assert.deepEqual(host.since(), []);
    assert.equal(host.picked(), "a");
    update(["c"]);
    assert.deepEqual(host.since(), ["release a", "CONNECTING", "connect c"]);
    host.at("c").become("READY");
    assert.equal(host.picked(), "c");
  });

  test("one that is lost as soon as it is ready sends the calls to the next address", () => {
    const { host } = begun(["a", "b"]);
    host.at("a").become("READY");
    host.since();
    host.at("a").become("TRANSIENT_FAILURE", "hung up");
    assert.deepEqual(host.since(), ["release a", "CONNECTING", "connect b"]);
    host.at("b").become("READY");
    assert.equal(host.picked(), "b");
  });
});

test("close lets go of everything", () => {
  const { host, policy } = begun(["a", "b"]);
  policy.close();
  assert.deepEqual(host.inUse, []);
  host.clock.pass(1000);
  assert.deepEqual(host.since(), ["CONNECTING", "connect a", "release a", "release b"]);
});
