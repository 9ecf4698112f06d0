/**
 * Policies with several endpoints: which are connected, which get the next call, and what the channel is meanwhile.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { endpointPolicy } from "../../../../src/transport/client/balancing/endpoint-policy.js";
import {
  LEAST_REQUEST,
  ROUND_ROBIN,
  WEIGHTED_ROUND_ROBIN,
} from "../../../../src/transport/client/balancing/spreading.js";
import type { Balancer, BalancingPolicy } from "../../../../src/transport/client/balancing/balancer.js";
import type { Endpoint } from "../../../../src/transport/client/naming/resolver.js";
import { address, CALL, FakeHost } from "../../../support/fake-host.js";

interface Begun {
  readonly host: FakeHost;
  readonly policy: Balancer;
  update(endpoints: readonly (string | Endpoint)[]): void;
  /** How many of so many calls each host gets. */
  spread(calls: number): Record<string, number>;
}

/** A policy at work, over hosts or endpoints. */
function begun(of: BalancingPolicy, endpoints: readonly (string | Endpoint)[], json = {}): Begun {
  const host = new FakeHost();
  const policy = of.create(host);
  const config = of.parseConfig(json);
  const update = (list: readonly (string | Endpoint)[]): void =>
    policy.update(
      list.map((one) => (typeof one === "string" ? { addresses: [address(one)] } : one)),
      config,
    );
  update(endpoints);
  return { host, policy, update, spread: (calls) => spreadOf(host, calls) };
}

function spreadOf(host: FakeHost, calls: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < calls; i++) {
    const name = host.picked() ?? "none";
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe("round_robin", () => {
  test("R235 every endpoint is connected at once, its addresses as pick_first tries them; a lost one is connected again at once", () => {
    const { host } = begun(ROUND_ROBIN, ["a", { addresses: [address("b1"), address("b2")] }, "c"]);
    assert.deepEqual(
      host.since().filter((one) => one.startsWith("connect")),
      ["connect a", "connect b1", "connect c"],
    );
    host.at("b1").become("TRANSIENT_FAILURE");
    host.at("b2").become("READY");
    assert.equal(host.picked(), "b2");
    host.since();
    host.at("b2").become("IDLE");
    assert.ok(host.since().includes("connect b1"), "without a call");
    assert.equal(host.resolutions, 1);
  });

  test("R236 calls take turns over those that are ready; each new picker begins with another one", () => {
    const { host, spread } = begun(ROUND_ROBIN, ["a", "b", "c"]);
    host.clock.chance = 0;
    for (const name of ["a", "b", "c"]) host.at(name).become("READY");
    assert.deepEqual([host.picked(), host.picked(), host.picked(), host.picked()], ["a", "b", "c", "a"]);
    assert.deepEqual(spread(300), { a: 100, b: 100, c: 100 });
    host.clock.chance = 0.99;
    host.at("b").become("IDLE");
    assert.equal(host.picked(), "c");
    assert.deepEqual(spread(100), { a: 50, c: 50 });
  });

  test("R236 one without room is passed over while another has some", () => {
    const { host, spread } = begun(ROUND_ROBIN, ["a", "b", "c"]);
    for (const name of ["a", "b", "c"]) host.at(name).become("READY");
    host.at("b").hasRoom = false;
    assert.deepEqual(Object.keys(spread(10)).toSorted(), ["a", "c"]);
    host.at("a").hasRoom = false;
    host.at("c").hasRoom = false;
    assert.deepEqual(Object.keys(spread(9)).toSorted(), ["a", "b", "c"], "calls wait everywhere");
  });

  test("R237 R234 ready if any is, connecting if any is, else failing with the latest reason", () => {
    const { host } = begun(ROUND_ROBIN, ["a", "b"]);
    assert.equal(host.state, "CONNECTING");
    host.at("a").become("TRANSIENT_FAILURE", "refused");
    assert.equal(host.state, "CONNECTING");
    host.at("b").become("READY");
    assert.equal(host.state, "READY");
    host.at("b").become("IDLE");
    assert.equal(host.state, "CONNECTING", "it is connected again");
    host.at("b").become("TRANSIENT_FAILURE", "no route");
    assert.equal(host.state, "TRANSIENT_FAILURE");
    assert.match(host.failed() ?? "", /\(b:1: no route; a:1: refused\)/);
    host.at("a").become("IDLE");
    assert.equal(host.state, "TRANSIENT_FAILURE", "trying again is not connecting");
    host.at("a").become("READY");
    assert.equal(host.state, "READY");
  });

  test("R238 endpoints that are on the new list as well keep their connections, whatever the order of their addresses", () => {
    const both = { addresses: [address("b1"), address("b2")] };
    const { host, update, spread } = begun(ROUND_ROBIN, ["a", both]);
    host.at("a").become("READY");
    host.at("b1").become("READY");
    host.since();
    update([{ addresses: [address("b2"), address("b1")] }, "c"]);
    assert.deepEqual(
      host.since().filter((one) => !one.startsWith("READY")),
      ["connect c", "release a"],
    );
    assert.deepEqual(spread(10), { b1: 10 });
  });

  test("the same endpoint twice is one", () => {
    const { host } = begun(ROUND_ROBIN, ["a", "a"]);
    assert.equal(host.since().filter((one) => one === "connect a").length, 1);
  });

  test("close lets go of everything", () => {
    const { host, policy } = begun(ROUND_ROBIN, ["a", "b"]);
    policy.close();
    assert.deepEqual(host.inUse, []);
  });
});

describe("weighted_round_robin", () => {
  test("each endpoint gets its share, from the first round on; without weights all get the same", () => {
    const weighted = (weights: Readonly<Record<string, number | undefined>>): Begun => {
      const one = begun(
        WEIGHTED_ROUND_ROBIN,
        Object.entries(weights).map(([name, weight]) => ({ addresses: [address(name)], weight })),
      );
      for (const name of Object.keys(weights)) one.host.at(name).become("READY");
      return one;
    };
    const counts = weighted({ a: 3, b: 1, c: 2 }).spread(6000);
    for (const [name, share] of Object.entries({ a: 3000, b: 1000, c: 2000 })) {
      assert.ok(Math.abs((counts[name] ?? 0) - share) < 10, `${name} got ${counts[name]}`);
    }
    assert.deepEqual(weighted({ a: undefined, b: undefined }).spread(100), { a: 50, b: 50 });
    const far = weighted({ a: 1_000_000, b: 1 }).spread(1000);
    assert.ok((far["a"] ?? 0) > 990, "one that is next to nothing gets next to nothing");
  });

  test("one without room is passed over, even by the only one that is due", () => {
    const { host, spread } = begun(WEIGHTED_ROUND_ROBIN, [
      { addresses: [address("a")], weight: 1000 },
      { addresses: [address("b")], weight: 1 },
    ]);
    host.at("a").become("READY");
    host.at("b").become("READY");
    host.at("a").hasRoom = false;
    assert.deepEqual(spread(10), { b: 10 });
  });
});

describe("least_request", () => {
  test("of the endpoints that chance has picked, the one with the fewest calls gets the next", () => {
    const { host } = begun(LEAST_REQUEST, ["a", "b", "c"], { choiceCount: 3 });
    let turn = 0;
    host.clock.random = (): number => (turn++ % 3) / 3;
    for (const name of ["a", "b", "c"]) host.at(name).become("READY");
    host.at("a").openCalls = 5;
    host.at("b").openCalls = 2;
    host.at("c").openCalls = 3;
    assert.equal(host.picked(), "b");
    host.at("b").openCalls = 4;
    assert.equal(host.picked(), "c");
    host.at("c").hasRoom = false;
    assert.equal(host.picked(), "b");
  });

  test("its choiceCount is checked", () => {
    assert.deepEqual(LEAST_REQUEST.parseConfig({}), { choiceCount: 2 });
    assert.deepEqual(LEAST_REQUEST.parseConfig({ choiceCount: 50 }), { choiceCount: 10 });
    assert.throws(() => LEAST_REQUEST.parseConfig({ choiceCount: 1 }), /choiceCount must be .* 2/);
  });
});

describe("a policy of one's own", () => {
  test("R242 is one function that chooses by what it is told of call and endpoints", () => {
    const byZone = endpointPolicy<{ zone: string }>({
      name: "by_zone",
      parseConfig: (json) => ({ zone: String(json["zone"]) }),
      choose: (ready, { zone }) => {
        const near = ready.filter(({ endpoint }) => endpoint.attributes?.["zone"] === zone);
        return ({ method }) => (method.name === "Any" ? near[0] : undefined);
      },
    });
    const at = (name: string, zone: string): Endpoint => ({ addresses: [address(name)], attributes: { zone } });
    const { host } = begun(byZone, [at("a", "east"), at("b", "west")], { zone: "west" });
    host.at("a").become("READY");
    assert.equal(host.picker?.pick(CALL).kind, "queue");
    host.at("b").become("READY");
    assert.equal(host.picked(), "b");
    assert.equal(host.picker?.pick({ ...CALL, method: { ...CALL.method, name: "Other" } }).kind, "queue");
  });

  test("R242 what is none is refused", () => {
    assert.throws(() => endpointPolicy({ name: "", choose: () => () => undefined }), /must have a name/);
    assert.throws(() => endpointPolicy({ name: "x" } as never), /choose, a function/);
  });
});
