/**
 * The config a channel follows, as its resolver gives one after the other.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConfigInForce, configOf, type ConfigOptions } from "../../../src/transport/client/config-in-force.js";
import { readMethodOptions } from "../../../src/transport/client/settings/method-options.js";
import { readServiceConfig } from "../../../src/transport/client/settings/service-config.js";

const POLICIES = new Map([["pick_first", { parseConfig: (): unknown => "first" }]]);

const json = (seconds: number): object => ({ methodConfig: [{ name: [{}], timeout: `${seconds}s` }] });

function make(options: Partial<ConfigOptions> = {}): ConfigInForce {
  const nothing = { methods: new Map(), retryThrottling: undefined, defaultConfig: undefined };
  return new ConfigInForce({ policies: POLICIES, ...nothing, ...options });
}

function timeoutOf(config: ConfigInForce): unknown {
  return config.settingsOf("/a.B/C").timeoutMs;
}

const DEFAULT = readServiceConfig(json(9), POLICIES);

describe("ConfigInForce", () => {
  test("R249 without one of the resolver's the default counts, and without a default nothing", () => {
    const bare = make();
    assert.equal(timeoutOf(bare), undefined);
    assert.equal(bare.resolved(undefined), true);
    assert.equal(timeoutOf(bare), undefined);
    const given = make({ defaultConfig: DEFAULT });
    assert.equal(timeoutOf(given), 9000);
    assert.equal(given.resolved(json(1)), true);
    assert.equal(timeoutOf(given), 1000);
    assert.equal(given.resolved(undefined), true);
    assert.equal(timeoutOf(given), 9000);
  });

  test("R248 one that is invalid, or could not be had, leaves the one before it", () => {
    for (const bad of ["{", { methodConfig: 5 }, null, 5, new Error("SERVFAIL")]) {
      const config = make({ defaultConfig: DEFAULT });
      config.resolved(JSON.stringify(json(1)));
      assert.equal(config.resolved(bad), true);
      assert.equal(timeoutOf(config), 1000);
      assert.ok(config.refused instanceof Error);
      config.resolved(json(2));
      assert.equal(timeoutOf(config), 2000);
      assert.equal(config.refused, undefined);
    }
    const none = make();
    none.resolved(undefined);
    assert.equal(none.resolved("{"), true, "nothing was accepted as well");
  });

  test("R248 where none was ever accepted the default counts, and without a default the channel has nothing to go by", () => {
    const given = make({ defaultConfig: DEFAULT });
    assert.equal(given.resolved("{"), true);
    assert.equal(timeoutOf(given), 9000);
    const bare = make();
    assert.equal(bare.resolved({ methodConfig: [{ timeout: 5 }] }), false);
    assert.match(bare.refused?.message ?? "", /^Cannot use the service config as methodConfig\[0\]\.timeout must be/);
    assert.equal(bare.resolved(new Error("no answer")), false);
    assert.equal(bare.refused?.message, "no answer");
    assert.equal(bare.resolved("{}"), true);
    assert.equal(bare.refused, undefined);
  });

  test("R253 what a call was given does not change with the next config", () => {
    const config = make();
    config.resolved(json(1));
    const ofCall = config.settingsOf("/a.B/C");
    config.resolved(json(2));
    assert.equal(ofCall.timeoutMs, 1000);
    assert.equal(timeoutOf(config), 2000);
  });

  test("the same text again changes nothing, and an object is read again", () => {
    const config = make();
    const text = JSON.stringify(json(1));
    config.resolved(text);
    const before = config.config;
    config.resolved(text);
    assert.equal(config.config, before);
    const entry = { name: [{}], timeout: "1s" };
    const object = { methodConfig: [entry] };
    config.resolved(object);
    entry.timeout = "3s";
    config.resolved(object);
    assert.equal(timeoutOf(config), 3000);
  });

  test("the channel's own settings and throttling come before every config's", () => {
    const throttling = { maxTokens: 10, tokenRatio: 0.1 };
    const config = make({ methods: readMethodOptions({ "": { waitForReady: true } }), retryThrottling: throttling });
    config.resolved({ ...json(1), retryThrottling: { maxTokens: 5, tokenRatio: 1 } });
    assert.equal(config.settingsOf("/a.B/C").waitForReady, true);
    assert.equal(timeoutOf(config), 1000);
    assert.equal(config.retryThrottling, throttling);
    const theirs = make();
    theirs.resolved({ retryThrottling: { maxTokens: 5, tokenRatio: 1 } });
    assert.deepEqual(theirs.retryThrottling, { maxTokens: 5, tokenRatio: 1 });
    const before = theirs.throttle;
    before?.failed();
    theirs.resolved({ ...json(7), retryThrottling: { maxTokens: 5, tokenRatio: 1 } });
    assert.equal(timeoutOf(theirs), 7000);
    assert.equal(theirs.throttle, before, "what is counted goes on");
    assert.equal(theirs.throttle?.tokens, 4);
    theirs.resolved({ retryThrottling: { maxTokens: 6, tokenRatio: 1 } });
    assert.equal(theirs.throttle?.tokens, 6);
    theirs.resolved(undefined);
    assert.equal(theirs.throttle, undefined);
  });
});

describe("configOf", () => {
  test("R249 a default config that is wrong is refused at once, by the option's name and the field's path", () => {
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      ["{", /^Cannot use option serviceConfig as it must be JSON/],
      [5, /^Cannot use option serviceConfig as it must be an object: current value is 5/],
      [null, /^Cannot use option serviceConfig as it must be an object/],
      [{ methodConfig: [{ timeout: 1 }] }, /^Cannot use option serviceConfig as methodConfig\[0\]\.timeout must be/],
      [
        { loadBalancingConfig: [{ a: {} }] },
        /^Cannot use option serviceConfig as loadBalancingConfig must name a policy/,
      ],
    ];
    for (const [serviceConfig, message] of wrong) {
      assert.throws(() => configOf({ serviceConfig: serviceConfig as object }, POLICIES), {
        name: "TypeError",
        message,
      });
    }
    assert.throws(() => configOf({ methods: { a: { timeoutMs: -1 } } }, POLICIES), /methods\["a"\]\.timeoutMs/);
  });

  test("R249 text and object say the same", () => {
    for (const serviceConfig of [json(3), JSON.stringify(json(3))]) {
      assert.equal(timeoutOf(configOf({ serviceConfig }, POLICIES)), 3000);
    }
    assert.deepEqual(configOf({}, POLICIES).settingsOf("/a/B"), {});
  });
});
