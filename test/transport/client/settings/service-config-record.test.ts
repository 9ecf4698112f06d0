/**
 * Service configs in TXT records: which record is one, and which of its choices is taken.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  chooseServiceConfig,
  configRecordName,
} from "../../../../src/transport/client/settings/service-config-record.js";

const CLIENT = { percentile: 50, hostname: "worker-1" };

function choose(choices: unknown, client = CLIENT): unknown {
  return chooseServiceConfig([[`grpc_config=${JSON.stringify(choices)}`]], client);
}

const config = (id: number): object => ({ id });

test("R224 the record is the one with grpc_config=, its strings put together", () => {
  assert.equal(configRecordName("orders.example"), "_grpc_config.orders.example");
  const text = `grpc_config=${JSON.stringify([{ serviceConfig: { id: 7 } }])}`;
  const strings = text.match(/.{1,9}/g) as string[];
  assert.deepEqual(chooseServiceConfig([["v=spf1 -all"], strings], CLIENT), { id: 7 });
  assert.equal(chooseServiceConfig([["v=spf1 -all"], ["grpc_config"], []], CLIENT), undefined);
  assert.equal(chooseServiceConfig([], CLIENT), undefined);
});

test("R224 the first choice that is meant for this client is taken", () => {
  const languages = [
    { clientLanguage: ["go", "java"], serviceConfig: config(1) },
    { clientLanguage: ["c++", "Node"], serviceConfig: config(2) },
    { serviceConfig: config(3) },
  ];
  assert.deepEqual(choose(languages), config(2));
  const percentages = [
    { percentage: 0, serviceConfig: config(1) },
    { percentage: 50, serviceConfig: config(2) },
    { percentage: 51, serviceConfig: config(3) },
    { percentage: 100, serviceConfig: config(4) },
  ];
  assert.deepEqual(choose(percentages), config(3));
  assert.deepEqual(choose(percentages, { ...CLIENT, percentile: 0 }), config(2));
  assert.deepEqual(choose(percentages, { ...CLIENT, percentile: 99.9 }), config(4));
  const hosts = [
    { clientHostname: ["WORKER-1"], serviceConfig: config(1) },
    { clientHostname: ["worker-1"], clientLanguage: ["go"], serviceConfig: config(2) },
    { clientHostname: ["a", "worker-1"], clientLanguage: [], percentage: 60, serviceConfig: config(3) },
  ];
  assert.deepEqual(choose(hosts), config(3));
  assert.equal(choose(hosts, { ...CLIENT, hostname: "b" }), undefined);
  assert.equal(choose([]), undefined);
});

test("R224 a choice that breaks the rules makes the whole record invalid, behind one that would be taken too", () => {
  const good = { serviceConfig: config(1) };
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{}, /it must be a list: current value is an object/],
    [[good, 5], /\[1\] must be an object/],
    [
      [good, { ...good, clientRegion: ["eu"] }],
      /\[1\] must be a choice with no fields but .*: current value is "clientRegion"/,
    ],
    [[{}], /\[0\]\.serviceConfig must be an object: current value is undefined/],
    [[{ serviceConfig: "{}" }], /\[0\]\.serviceConfig must be an object/],
    [[{ ...good, percentage: 101 }], /\[0\]\.percentage must be a whole number from 0 to 100: current value is 101/],
    [[{ ...good, percentage: "5" }], /\[0\]\.percentage/],
    [[{ ...good, percentage: 1.5 }], /\[0\]\.percentage/],
    [[{ ...good, clientLanguage: "node" }], /\[0\]\.clientLanguage must be a list/],
    [[{ ...good, clientHostname: [5] }], /\[0\]\.clientHostname\[0\] must be a string/],
  ];
  for (const [choices, message] of wrong) {
    assert.throws(() => choose(choices), { name: "TypeError", message: new RegExp(`TXT record as ${message.source}`) });
  }
  assert.throws(() => chooseServiceConfig([["grpc_config=[{"]], CLIENT), /TXT record as it must be JSON/);
});
