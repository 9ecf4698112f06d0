/**
 * Outlier detection: who is taken out, for how long, and who never.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code } from "../../../../src/codec/status.js";
import type { CompletePick } from "../../../../src/transport/client/balancing/balancer.js";
import { readOutlierDetection } from "../../../../src/transport/client/balancing/outlier-config.js";
import type { OutlierConfig } from "../../../../src/transport/client/balancing/outlier-policy.js";
import { policiesWith } from "../../../../src/transport/client/balancing/policies.js";
import { address, CALL, FakeHost } from "../../../support/fake-host.js";

const POLICY = policiesWith().get("outlier_detection");
const NAMES = ["a", "b", "c", "d", "e"];

/** The policy over five endpoints, all ready, around round_robin. */
function begun(
  json: object,
  child: object = { round_robin: {} },
): { host: FakeHost; calls: typeof calls; ready: () => string[] } {
  assert.ok(POLICY !== undefined);
  const host = new FakeHost();
  host.clock.chance = 0;
  const policy = POLICY.create(host);
  policy.update(
    NAMES.map((one) => ({ addresses: [address(one)] })),
    POLICY.parseConfig({ childPolicy: [child], ...json }),
  );
  for (const name of NAMES) if (host.inUse.includes(name)) host.at(name).become("READY");
  const calls = (count: number, codeAt: (name: string) => Code | undefined): void => {
    for (let i = 0; i < count; i++) {
      const pick = host.picker?.pick(CALL) as CompletePick;
      const at = pick.subchannel.address;
      pick.ended?.(codeAt(at.kind === "tcp" ? at.host : ""));
    }
  };
  const ready = (): string[] => [...new Set(Array.from({ length: 20 }, () => host.picked() ?? "none"))].toSorted();
  return { host, calls, ready };
}

const failing =
  (...names: string[]) =>
  (name: string): Code =>
    names.includes(name) ? Code.UNAVAILABLE : Code.OK;

describe("failures in per cent", () => {
  const config = { failurePercentageEjection: { threshold: 50, requestVolume: 10 }, maxEjectionPercent: 50 };

  test("an endpoint of whose calls too many fail gets none for 30 seconds, then longer", () => {
    const { host, calls, ready } = begun(config);
    calls(100, failing("b"));
    assert.deepEqual(ready(), NAMES);
    host.clock.pass(10_000);
    assert.deepEqual(ready(), ["a", "c", "d", "e"]);
    host.clock.pass(20_000);
    assert.deepEqual(ready(), ["a", "c", "d", "e"]);
    host.clock.pass(10_000);
    assert.deepEqual(ready(), NAMES, "it is back");
    calls(100, failing("b"));
    host.clock.pass(10_000);
    assert.deepEqual(ready(), ["a", "c", "d", "e"]);
    host.clock.pass(50_000);
    assert.deepEqual(ready(), ["a", "c", "d", "e"], "twice as long");
    host.clock.pass(10_000);
    assert.deepEqual(ready(), NAMES);
  });

  test("few calls prove nothing, nor do calls that their callers gave up; old ones do not count", () => {
    const { host, calls, ready } = begun(config);
    calls(40, failing("b"));
    host.clock.pass(10_000);
    calls(40, failing("b"));
    host.clock.pass(10_000);
    assert.deepEqual(ready(), NAMES);
    calls(200, (name) => (name === "b" ? undefined : Code.OK));
    host.clock.pass(10_000);
    assert.deepEqual(ready(), NAMES);
  });

  test("no more are out at a time than there may be; chance decides where that is wanted", () => {
    const { host, calls, ready } = begun(config);
    calls(100, () => Code.INTERNAL);
    host.clock.pass(10_000);
    assert.equal(ready().length, 2, "three of five are more than half");
    const spared = begun({
      failurePercentageEjection: { threshold: 50, requestVolume: 10, enforcementPercentage: 50 },
    });
    spared.host.clock.chance = 0.5;
    spared.calls(100, failing("b"));
    spared.host.clock.pass(10_000);
    assert.deepEqual(spared.ready(), NAMES);
    spared.host.clock.chance = 0.49;
    spared.calls(100, failing("b"));
    spared.host.clock.pass(10_000);
    assert.ok(!spared.ready().includes("b"));
  });

  test("when all that is left is out, calls fail and say so", () => {
    const { host, calls } = begun({ ...config, maxEjectionPercent: 100 });
    calls(100, () => Code.INTERNAL);
    host.clock.pass(10_000);
    assert.equal(host.state, "TRANSIENT_FAILURE");
    assert.match(host.failed() ?? "", /UNAVAILABLE: the servers that can be reached fail too often/);
    host.clock.pass(30_000);
    assert.equal(host.state, "READY");
  });
});

describe("rate of successes", () => {
  test("an endpoint far below the others is taken out; when all are as bad, none is", () => {
    const { host, calls, ready } = begun({ successRateEjection: { stdevFactor: 1000, requestVolume: 10 } });
    calls(100, failing("c"));
    host.clock.pass(10_000);
    assert.deepEqual(ready(), ["a", "b", "d", "e"]);
    const all = begun({ successRateEjection: { requestVolume: 10 } });
    all.calls(100, () => Code.INTERNAL);
    all.host.clock.pass(10_000);
    assert.deepEqual(all.ready(), NAMES);
  });

  test("too few endpoints with enough calls are not compared", () => {
    const { host, calls, ready } = begun({
      successRateEjection: { stdevFactor: 100, requestVolume: 10, minimumHosts: 6 },
    });
    calls(100, failing("c"));
    host.clock.pass(10_000);
    assert.deepEqual(ready(), NAMES);
  });
});

describe("its config", () => {
  test("has the defaults of gRFC A50", () => {
    const read = (value: object): unknown => readOutlierDetection({ value, path: "", of: "it" });
    assert.deepEqual(read({ successRateEjection: {}, failurePercentageEjection: {} }), {
      intervalMs: 10_000,
      baseEjectionMs: 30_000,
      maxEjectionMs: 300_000,
      maxEjectionPercent: 10,
      successRate: { stdevFactor: 1900, enforcementPercentage: 100, minimumHosts: 5, requestVolume: 100 },
      failurePercentage: { threshold: 85, enforcementPercentage: 100, minimumHosts: 5, requestVolume: 50 },
    });
    assert.throws(() => read({ interval: "soon" }), /interval must be a duration/);
    assert.throws(() => read({ maxEjectionPercent: 101 }), /maxEjectionPercent must be .* 100/);
    assert.throws(() => read({ failurePercentageEjection: { threshold: -1 } }), /failurePercentageEjection\.threshold/);
  });

  test("names a policy that it goes around, the first that is known; pick_first is left alone", () => {
    const parse = (childPolicy: unknown): OutlierConfig => POLICY?.parseConfig({ childPolicy }) as OutlierConfig;
    assert.equal(parse([{ nobody: {} }, { least_request: { choiceCount: 3 } }]).child.name, "least_request");
    assert.throws(() => parse([{ nobody: {} }]), /childPolicy must name a policy that is known/);
    assert.throws(() => parse(undefined), /childPolicy/);
    assert.throws(() => parse([{ least_request: { choiceCount: 1 } }]), /choiceCount/);
    const { host } = begun({ failurePercentageEjection: {} }, { pick_first: {} });
    assert.equal(host.picked(), "a");
  });

  test("without a way to judge nothing is counted", () => {
    const { host } = begun({});
    assert.equal(host.clock.nextInMs, Infinity);
  });
});
