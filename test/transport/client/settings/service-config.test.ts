/**
 * Service configs: every field, every fault by its path, and what is passed over.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { Code } from "../../../../src/core.js";
import {
  EMPTY_SERVICE_CONFIG,
  readServiceConfig,
  type ServiceConfig,
} from "../../../../src/transport/client/settings/service-config.js";

const POLICIES = new Map([
  ["pick_first", { parseConfig: (json: object): unknown => ({ shuffles: "shuffleAddressList" in json }) }],
  [
    "round_robin",
    {
      parseConfig: (json: object): unknown => {
        if ("bad" in json) throw new TypeError("bad must be absent");
        return "turns";
      },
    },
  ],
]);

function read(json: unknown): ServiceConfig {
  return readServiceConfig(json, POLICIES);
}

/** The settings of one method, from a config with one entry. */
function methodSettings(entry: object): unknown {
  const settings = read({ methodConfig: [{ name: [{ service: "a.B", method: "C" }], ...entry }] }).methods.get(
    "/a.B/C",
  );
  return JSON.parse(JSON.stringify(settings));
}

function refuses(json: unknown, message: RegExp): void {
  assert.throws(() => read(json), { name: "TypeError", message }, JSON.stringify(json));
}

const RETRY = {
  maxAttempts: 3,
  initialBackoff: "0.1s",
  maxBackoff: "1s",
  backoffMultiplier: 2,
  retryableStatusCodes: ["UNAVAILABLE"],
};

describe("readServiceConfig", () => {
  test("R243 reads ProtoJSON: camelCase, durations as texts, numbers as numbers or texts, null for absent", () => {
    const text = JSON.stringify({
      methodConfig: [
        {
          name: [{ service: "a.B", method: null }],
          timeout: "1.000000001s",
          maxRequestMessageBytes: "4294967295",
          maxResponseMessageBytes: 10,
          waitForReady: null,
          retryPolicy: { ...RETRY, maxAttempts: "3", backoffMultiplier: "1.5" },
        },
      ],
    });
    const settings = read(text).methods.get("/a.B/");
    assert.deepEqual(settings, {
      waitForReady: undefined,
      timeoutMs: 1000.000001,
      maxSendBytes: 4_294_967_295,
      maxReceiveBytes: 10,
      retry: {
        maxAttempts: 3,
        initialBackoffMs: 100,
        maxBackoffMs: 1000,
        backoffMultiplier: 1.5,
        retryableCodes: [Code.UNAVAILABLE],
      },
      hedging: undefined,
    });
  });

  test("R243 what is no JSON, and no object, is refused with what came", () => {
    refuses("{", /^Cannot use the service config as it must be JSON: current value is "\{"$/);
    refuses("\u001b[2J\u0000", /current value is "\\u001b\[2J\\u0000"$/);
    for (const json of ["[]", "5", "null", [], null, undefined, 5]) refuses(json, /as it must be an object/);
    refuses(`{${" ".repeat(2 ** 20)}}`, /shorter than 1048576 characters/);
  });

  test("R243 a duration is seconds with at most nine decimals", () => {
    const timeout = (text: unknown): unknown => methodSettings({ timeout: text });
    assert.deepEqual(timeout("0s"), { timeoutMs: 0 });
    assert.deepEqual(timeout("0.25s"), { timeoutMs: 250 });
    assert.deepEqual(timeout("315576000000s"), { timeoutMs: 315_576_000_000_000 });
    for (const wrong of [
      "1",
      "1m",
      "1.5",
      "s",
      ".5s",
      "1.s",
      "-1s",
      "1.0000000001s",
      "315576000001s",
      5,
      {},
      "1 s",
      "1e3s",
    ]) {
      assert.throws(() => timeout(wrong), /methodConfig\[0\]\.timeout must be a duration in seconds, such as "1.5s"/);
    }
  });

  test("R244 the first policy that is known is taken, and reads its config", () => {
    const balancing = (json: object): unknown => read(json).balancing;
    const unknown = { xds_cluster: { cluster: "a" } };
    assert.deepEqual(balancing({ loadBalancingConfig: [unknown, { round_robin: {} }, { pick_first: {} }] }), {
      policy: "round_robin",
      settings: "turns",
    });
    assert.deepEqual(balancing({ loadBalancingConfig: [{ pick_first: { shuffleAddressList: true } }] }), {
      policy: "pick_first",
      settings: { shuffles: true },
    });
    assert.equal(balancing({}), undefined);
    assert.equal(balancing({ loadBalancingConfig: [] }), undefined);
  });

  test("R244 no known policy, an entry of more than one, and a config the policy refuses make the config invalid", () => {
    const config = (loadBalancingConfig: unknown): object => ({ loadBalancingConfig });
    const unknown =
      /loadBalancingConfig must name a policy that is known \(pick_first, round_robin\): it names "a, b"$/;
    refuses(config([{ a: {} }, { b: {} }]), unknown);
    refuses(config([{ pick_first: {}, round_robin: {} }]), /loadBalancingConfig\[0\] must have one key.*it has 2/);
    refuses(config([{ a: {} }, {}]), /loadBalancingConfig\[1\] must have one key.*it has 0/);
    refuses(config({ round_robin: {} }), /loadBalancingConfig must be a list: current value is an object/);
    refuses(config(["round_robin"]), /loadBalancingConfig\[0\] must be an object: current value is "round_robin"/);
    refuses(config([{ round_robin: [] }]), /loadBalancingConfig\[0\]\.round_robin must be an object/);
    refuses(config([{ round_robin: { bad: 1 } }]), /\[0\]\.round_robin is refused by the policy: bad must be absent$/);
  });

  test("R244 the deprecated loadBalancingPolicy counts where there is no loadBalancingConfig", () => {
    assert.equal(read({ loadBalancingPolicy: "ROUND_ROBIN" }).balancing?.policy, "round_robin");
    const both = { loadBalancingPolicy: "round_robin", loadBalancingConfig: [{ pick_first: {} }] };
    assert.equal(read(both).balancing?.policy, "pick_first");
    assert.equal(read({ loadBalancingPolicy: "" }).balancing, undefined);
    refuses(
      { loadBalancingPolicy: "grpclb" },
      /loadBalancingPolicy must be the name of a known policy \(pick_first, round_robin\)/,
    );
    refuses({ loadBalancingPolicy: 1 }, /loadBalancingPolicy must be a string/);
  });

  test("R245 names are of a method, a service, or nothing; absent, null and empty are the same", () => {
    const names = (...name: readonly object[]): unknown => [...read({ methodConfig: [{ name }] }).methods.keys()];
    assert.deepEqual(names({ service: "a.B", method: "C" }, { service: "a.B" }, {}), ["/a.B/C", "/a.B/", ""]);
    assert.deepEqual(names({ service: "", method: null }), [""]);
    assert.deepEqual(names(), []);
    assert.equal(read({ methodConfig: [{ timeout: "1s" }] }).methods.size, 0);
  });

  test("R245 a method without a service, and a name that is there twice, make the config invalid", () => {
    const named = (...names: readonly unknown[]): object => ({ methodConfig: names.map((name) => ({ name })) });
    refuses(named([{ method: "C" }]), /methodConfig\[0\]\.name\[0\] has a method and no service/);
    refuses(
      named([{ service: "a" }], [{ service: "b" }, { service: "a", method: "" }]),
      /methodConfig\[1\]\.name\[1\] names what an earlier entry names/,
    );
    refuses(named([{}, { service: "" }]), /methodConfig\[0\]\.name\[1\] names what an earlier/);
    refuses(named([{ service: 5 }]), /name\[0\]\.service must be a string: current value is 5/);
    refuses(named([{ service: "a", method: "b/c" }]), /name\[0\]\.method must be a method name without "\/"/);
    refuses(named({ service: "a" }), /methodConfig\[0\]\.name must be a list/);
  });

  test("R246 every field of a method is read", () => {
    assert.deepEqual(methodSettings({ waitForReady: false, maxRequestMessageBytes: 0, maxResponseMessageBytes: "1" }), {
      waitForReady: false,
      maxSendBytes: 0,
      maxReceiveBytes: 1,
    });
    const hedgingPolicy = { maxAttempts: 4, hedgingDelay: "0.5s", nonFatalStatusCodes: [14, "aborted"] };
    assert.deepEqual(methodSettings({ hedgingPolicy }), {
      hedging: { maxAttempts: 4, hedgingDelayMs: 500, nonFatalCodes: [Code.UNAVAILABLE, Code.ABORTED] },
    });
    assert.equal(read({ healthCheckConfig: { serviceName: "" } }).healthServiceName, "");
    assert.equal(read({ healthCheckConfig: { serviceName: "a.B" } }).healthServiceName, "a.B");
    assert.equal(read({ healthCheckConfig: {} }).healthServiceName, undefined);
  });

  test("R247 what is not known is passed over, and one known value that is wrong is the end of all of it", () => {
    assert.deepEqual(read({ future: 1, methodConfig: [{ also: [] }], constructor: 5 }), EMPTY_SERVICE_CONFIG);
    const wrong: readonly (readonly [object, RegExp])[] = [
      [{ methodConfig: {} }, /methodConfig must be a list: current value is an object/],
      [{ methodConfig: [5] }, /methodConfig\[0\] must be an object: current value is 5/],
      [
        { methodConfig: [{}, { waitForReady: "yes" }] },
        /methodConfig\[1\]\.waitForReady must be true or false: current value is "yes"/,
      ],
      [{ methodConfig: [{ maxRequestMessageBytes: -1 }] }, /maxRequestMessageBytes must be a whole number, 0 or more/],
      [{ methodConfig: [{ maxResponseMessageBytes: 1.5 }] }, /maxResponseMessageBytes must be a whole number/],
      [{ methodConfig: [{ maxResponseMessageBytes: 2 ** 32 }] }, /maxResponseMessageBytes must be a whole number/],
      [{ methodConfig: [{ maxResponseMessageBytes: "many" }] }, /current value is "many"/],
      [{ healthCheckConfig: { serviceName: 5 } }, /healthCheckConfig\.serviceName must be a string/],
      [{ healthCheckConfig: "a" }, /healthCheckConfig must be an object/],
      [{ retryThrottling: 5 }, /retryThrottling must be an object/],
    ];
    for (const [json, message] of wrong) refuses(json, message);
  });

  test("R250 a retry policy is checked value by value", () => {
    const policy = (change: object): object => ({ methodConfig: [{}, { retryPolicy: { ...RETRY, ...change } }] });
    const at = (text: string): RegExp => new RegExp(`as methodConfig\\[1\\]\\.retryPolicy\\.${text}`);
    for (const maxAttempts of [1, 0, -2, 2.5, "x", null]) {
      refuses(policy({ maxAttempts }), at("maxAttempts must be a whole number, 2 or more: current value is"));
    }
    for (const duration of ["0s", "-1s", "1", null, 100]) {
      refuses(
        policy({ initialBackoff: duration }),
        at('initialBackoff must be a duration longer than nothing in seconds, such as "1.5s"'),
      );
      refuses(policy({ maxBackoff: duration }), at("maxBackoff must be a duration"));
    }
    for (const backoffMultiplier of [0, -1, "a", null, Infinity]) {
      refuses(policy({ backoffMultiplier }), at("backoffMultiplier must be a number above 0"));
    }
    for (const codes of [[], null, "UNAVAILABLE"])
      refuses(policy({ retryableStatusCodes: codes }), at("retryableStatusCodes must be a list"));
    for (const code of [17, -1, 1.5, 0, "OK", "NOPE", null, "14"]) {
      refuses(
        policy({ retryableStatusCodes: [14, code] }),
        at("retryableStatusCodes\\[1\\] must be the number or the name"),
      );
    }
    assert.doesNotThrow(() =>
      read(policy({ maxAttempts: 100, retryableStatusCodes: [14, "unavailable", "Internal"] })),
    );
  });

  test("R251 a hedging policy is checked value by value, and excludes a retry policy", () => {
    const policy = (hedgingPolicy: object, more: object = {}): object => ({
      methodConfig: [{ hedgingPolicy, ...more }],
    });
    assert.deepEqual(methodSettings({ hedgingPolicy: { maxAttempts: 2 } }), {
      hedging: { maxAttempts: 2, hedgingDelayMs: 0, nonFatalCodes: [] },
    });
    assert.deepEqual(
      methodSettings({ hedgingPolicy: { maxAttempts: 2, nonFatalStatusCodes: [], hedgingDelay: "0s" } }),
      {
        hedging: { maxAttempts: 2, hedgingDelayMs: 0, nonFatalCodes: [] },
      },
    );
    refuses(policy({}), /hedgingPolicy\.maxAttempts must be a whole number, 2 or more: current value is undefined/);
    refuses(policy({ maxAttempts: 1 }), /hedgingPolicy\.maxAttempts/);
    refuses(policy({ maxAttempts: 2, hedgingDelay: 1 }), /hedgingPolicy\.hedgingDelay must be a duration/);
    refuses(policy({ maxAttempts: 2, nonFatalStatusCodes: ["X"] }), /hedgingPolicy\.nonFatalStatusCodes\[0\] must be/);
    refuses(
      policy({ maxAttempts: 2 }, { retryPolicy: RETRY }),
      /methodConfig\[0\] has both a retryPolicy and a hedgingPolicy/,
    );
  });

  test("R252 throttling has 1 to 1000 tokens and a ratio of which three decimals count", () => {
    const throttling = (maxTokens: unknown, tokenRatio: unknown): unknown =>
      read({ retryThrottling: { maxTokens, tokenRatio } }).retryThrottling;
    assert.deepEqual(throttling(10, 0.1), { maxTokens: 10, tokenRatio: 0.1 });
    assert.deepEqual(throttling("1000", "0.5466"), { maxTokens: 1000, tokenRatio: 0.546 });
    assert.deepEqual(throttling(1, 1.001), { maxTokens: 1, tokenRatio: 1.001 });
    for (const tokens of [0, 1001, -1, 1.5, null, "x"]) {
      assert.throws(() => throttling(tokens, 1), /retryThrottling\.maxTokens must be a whole number from 1 to 1000/);
    }
    for (const ratio of [0, -1, null, "x", Infinity]) {
      assert.throws(() => throttling(1, ratio), /retryThrottling\.tokenRatio must be a number above 0/);
    }
    assert.throws(
      () => throttling(1, 0.0009),
      /retryThrottling\.tokenRatio must be 0.001 or more, as three decimals count/,
    );
  });

  test("R247 whatever comes, it is a config or a TypeError of bounded length that names the config", () => {
    const keys = [
      "methodConfig",
      "name",
      "service",
      "retryPolicy",
      "timeout",
      "maxAttempts",
      "loadBalancingConfig",
      "a",
    ];
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "medium" },
        fc.constantFrom(null, 0, 1, 2.5, "1s", "round_robin", "\u0000", true, "x".repeat(1000)),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys), tie("value"), { maxKeys: 4 }),
      ),
    })).value;
    fc.assert(
      fc.property(json, (value) => {
        try {
          read(value);
        } catch (error) {
          assert.ok(error instanceof TypeError);
          assert.match(error.message, /^Cannot use the service config as [\x20-\x7e…]{1,400}$/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
