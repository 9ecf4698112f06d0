/**
 * What the bench says of what it measured; measuring itself is `npm run bench`.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { Child } from "../../bench/child.js";
import { payloadOf, textPayloadOf } from "../../bench/contract.js";
import { bestOf, lossOf } from "../../bench/loss.js";
import { performancePages } from "../../bench/page.js";
import { drawPlot } from "../../bench/plot.js";
import { pathInCheckout, readReport, RECORDED_MAJORS, recordedPath } from "../../bench/recorded.js";
import { resultOf, type RowHead, type RowResult } from "../../bench/report.js";
import { contendersOf, inTurns, type Settings } from "../../bench/settings.js";
import { median, quantile } from "../../bench/statistics.js";

const SETTINGS: Settings = {
  isQuick: true,
  rounds: 3,
  turnMs: 1,
  warmMs: 1,
  against: undefined,
  profiles: undefined,
  grpcGo: undefined,
};

function rowOf(metric: RowHead["metric"], ours: readonly number[], theirs: readonly number[]): RowResult {
  const bars = { "grpc-js": 2 };
  const measured = (values: readonly number[]): { value: number }[] => values.map((value) => ({ value }));
  return resultOf(
    { name: "row", title: "a row", metric, bars: { 20: bars, 24: bars } },
    new Map([
      ["barewire" as const, measured(ours)],
      ["grpc-js" as const, measured(theirs)],
    ]),
  );
}

describe("a row of the bench", () => {
  test("has the median of the rounds' ratios, not the ratio of the medians", () => {
    const { ratios } = rowOf("rate", [10, 40, 90], [10, 10, 30]);
    assert.deepEqual(ratios["grpc-js"], { median: 3, min: 1, max: 4, bar: 2, meetsBar: true });
    assert.equal(rowOf("p50", [30], [10]).ratios["grpc-js"]?.meetsBar, false);
    assert.equal(rowOf("p50", [10], [10]).ratios["grpc-js"]?.meetsBar, true);
  });

  test("has lost when less than 65 % of the recorded ratio is left, of a rate and of a cost", () => {
    assert.equal(lossOf(rowOf("rate", [13], [10]), rowOf("rate", [20], [10])), undefined);
    assert.equal(lossOf(rowOf("rate", [12], [10]), rowOf("rate", [20], [10])), "1.20× grpc-js, recorded 2.00×");
    assert.equal(lossOf(rowOf("cpu", [15], [10]), rowOf("cpu", [10], [10])), undefined);
    assert.equal(lossOf(rowOf("cpu", [16], [10]), rowOf("cpu", [10], [10])), "1.60× grpc-js, recorded 1.00×");
    assert.equal(lossOf(rowOf("hops", [120], [1]), rowOf("hops", [100], [1])), "120 functions, recorded 100");
  });

  test("has its best ratio of several tries, of a rate the most and of a cost the least", () => {
    const [few, many] = [rowOf("rate", [10], [10]), rowOf("rate", [20], [10])];
    const [cheap, dear] = [rowOf("cpu", [10], [10]), rowOf("cpu", [20], [10])];
    const bestRatio = (row: RowResult, earlier?: RowResult): number | undefined =>
      bestOf(row, earlier).ratios["grpc-js"]?.median;
    assert.deepEqual([bestRatio(few), bestRatio(few, many), bestRatio(many, few)], [1, 2, 2]);
    assert.deepEqual([bestRatio(cheap, dear), bestRatio(dear, cheap)], [1, 1]);
  });

  test("gives every contender its turn in each round, and another one the first", async () => {
    const turns: string[] = [];
    await inTurns(["barewire", "grpc-js", "floor"], SETTINGS, async (name) => void turns.push(name[0] ?? ""));
    assert.equal(turns.join(""), "bgfgfbfbg");
    assert.deepEqual(contendersOf(["barewire", "grpc-js", "proto-loader"], { ...SETTINGS, against: [] }), [
      "barewire",
      "proto-loader",
    ]);
  });

  test("fails when a process of it dies", async () => {
    const child = new Child(process.execPath, ["-e", "process.exit(3)"]);
    await assert.rejects(child.next(), { message: /^ended with 3 in the middle of its work: / });
    await assert.rejects(child.ask("more"), { message: /^ended with 3 in the middle of its work: / });
    await child.stop();
  });
});

test("messages of the bench are as long as they say, but for the length of a long body", () => {
  for (const bytes of [10, 100, 1024, 4 * 1024 * 1024]) {
    const { id, count, body } = payloadOf(bytes);
    const prefix = body.length < 128 ? 2 : body.length < 16_384 ? 3 : 5;
    const length = (id === "" ? 0 : id.length + 2) + (count === 0 ? 0 : 2) + body.length + prefix;
    assert.ok(Math.abs(length - bytes) <= 3, `${length} in place of ${bytes}`);
  }
  assert.equal(textPayloadOf(10_240).body.length, 10_226);
});

test("quantiles lie between the numbers there are", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([1, 2]), 1.5);
  assert.equal(quantile([0, 10], 0.25), 2.5);
});

test("a plot has a line for each contender, and cannot be drawn of nothing", () => {
  const plot = { title: "a < b", xLabel: "x", yLabel: "y", xTicks: [] };
  const points = [
    [1, 10],
    [100, 1000],
  ] as const;
  const svg = drawPlot({ ...plot, lines: [{ name: "barewire", color: "#0b6", points }] });
  assert.match(svg, /a &lt; b/);
  assert.match(svg, /points="64,352 520,40"/);
  assert.throws(() => drawPlot({ ...plot, lines: [] }), { message: 'Cannot draw "a < b" as it has no points' });
});

describe("docs/performance.md", () => {
  const reports = RECORDED_MAJORS.map(recordedPath)
    .filter((file) => existsSync(file))
    .map(readReport);

  test("and its plots say what is recorded: npm run bench:record -- docs", async () => {
    for (const [path, text] of await performancePages(reports)) {
      assert.equal(readFileSync(pathInCheckout(path), "utf8"), text, path);
    }
  });

  test("has Node 20 and 24", () => {
    assert.deepEqual(
      reports.map(({ node }) => node.split(".")[0]),
      ["v20", "v24"],
    );
  });
});
