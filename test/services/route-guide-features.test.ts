import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkFeatures, parseFeatureFile } from "../../src/services/route-guide-feature-file.js";
import { FeatureIndex } from "../../src/services/route-guide-feature-index.js";
import { features as bundled } from "../../src/services/route-guide-features.js";
import { takesLessThan } from "../support/processor-time.js";

const AREA = { bottom: 400000000, top: 420000000, left: -750000000, right: -730000000 };

describe("the bundled features", () => {
  const index = new FeatureIndex(checkFeatures(bundled, "bundled"));

  test("are about 100 places, each at a point of its own", () => {
    assert.ok(bundled.length >= 90 && bundled.length <= 120);
    assert.equal(index.size, bundled.length);
  });

  test("hold the two places the documented clients ask for", () => {
    assert.equal(
      index.at({ latitude: 407838351, longitude: -746143763 })?.name,
      "Patriots Path, Mendham, NJ 07945, USA",
    );
    assert.notEqual(index.at({ latitude: 409146138, longitude: -746188906 })?.name ?? "", "");
  });

  test("lie inside and outside the listed area, and a few have no name", () => {
    const inside = [...index.inside(AREA)].length;
    assert.ok(inside > 50 && inside < bundled.length - 10);
    const unnamed = bundled.filter(({ name }) => name === "").length;
    assert.ok(unnamed >= 2 && unnamed <= 10);
  });

  test("know nothing at 0,0", () => {
    assert.equal(index.at({ latitude: 0, longitude: 0 }), undefined);
  });
});

describe("FeatureIndex", () => {
  const location = { latitude: 5, longitude: -5 };
  const index = new FeatureIndex([
    { name: "first", location },
    { name: "second", location: { latitude: 1, longitude: 1 } },
    { name: "duplicate", location },
    { name: "", location: { latitude: 2, longitude: 2 } },
  ]);

  test("of two features at one location the first counts", () => {
    assert.equal(index.at(location)?.name, "first");
    assert.equal(index.size, 3);
  });

  test("counts an unnamed feature", () => {
    assert.ok(index.has({ latitude: 2, longitude: 2 }));
    assert.ok(!index.has({ latitude: 3, longitude: 2 }));
  });

  test("lists in file order", () => {
    const names = [...index.inside({ bottom: -10, top: 10, left: -10, right: 10 })].map(({ name }) => name);
    assert.deepEqual(names, ["first", "second", ""]);
  });

  test("does not take one point for another", () => {
    const ones = new FeatureIndex([{ name: "a", location: { latitude: 1, longitude: 11 } }]);
    assert.equal(ones.at({ latitude: 11, longitude: 1 }), undefined);
    assert.equal(ones.at({ latitude: -1, longitude: 11 }), undefined);
  });

  test("finds by hash: a hundred thousand lookups among a hundred thousand features are quick", () => {
    const many = Array.from({ length: 100_000 }, (_, i) => ({
      name: `${i}`,
      location: { latitude: i, longitude: -i },
    }));
    const large = new FeatureIndex(many);
    // By scan these would be 5,000,000,000 comparisons.
    takesLessThan(1000, () => {
      for (let i = 0; i < 100_000; i++) assert.equal(large.at({ latitude: i, longitude: -i })?.name, String(i));
    });
  });
});

describe("parseFeatureFile", () => {
  test("reads locations and names; a missing name is the empty one", () => {
    const text = `\uFEFF[{"location":{"latitude":1,"longitude":-2},"name":"A"},{"location":{"latitude":0,"longitude":0}}]`;
    assert.deepEqual(parseFeatureFile(text, "f.json"), [
      { name: "A", location: { latitude: 1, longitude: -2 } },
      { name: "", location: { latitude: 0, longitude: 0 } },
    ]);
    assert.deepEqual(parseFeatureFile("[]", "f.json"), []);
  });

  const good = `{"location":{"latitude":1,"longitude":1},"name":"ok"}`;
  for (const [what, text, expected] of [
    ["no JSON", "[{]", /^Cannot use f\.json as it must be JSON: /],
    ["an empty file", "", /^Cannot use f\.json as it must be JSON: /],
    ["an object", "{}", /^Cannot use f\.json as it must be a list of features: current value is an object$/],
    ["null", "null", /must be a list of features: current value is null$/],
    ["a number among them", `[${good},7]`, /feature 1 is wrong: it must be an object: current value is 7$/],
    ["null among them", `[${good},null]`, /feature 1 is wrong: it must be an object: current value is null$/],
    [
      "a name that is a number",
      `[{"location":{"latitude":1,"longitude":1},"name":3}]`,
      /feature 0 .*name must be a string: current value is 3$/,
    ],
    [
      "no location",
      `[${good},${good},{"name":"x"}]`,
      /feature 2 .*location must be an object: current value is missing$/,
    ],
    [
      "no longitude",
      `[{"location":{"latitude":1}}]`,
      /feature 0 .*location\.longitude must be a whole number: current value is missing$/,
    ],
    [
      "degrees",
      `[{"location":{"latitude":40.5,"longitude":1}}]`,
      /feature 0 .*location\.latitude must be a whole number: current value is 40\.5$/,
    ],
    [
      "a number as text",
      `[{"location":{"latitude":"1","longitude":1}}]`,
      /location\.latitude must be a whole number: current value is "1"$/,
    ],
    [
      "a latitude beyond the pole",
      `[${good},{"location":{"latitude":900000001,"longitude":1}}]`,
      /feature 1 .*location\.latitude must be within ±900000000 \(90 degrees\): current value is 900000001$/,
    ],
    [
      "a longitude out of range",
      `[{"location":{"latitude":1,"longitude":-1800000001}}]`,
      /feature 0 .*location\.longitude must be within/,
    ],
  ] as const) {
    test(`refuses ${what}, naming the file, the index and the reason, on one line`, () => {
      assert.throws(
        () => parseFeatureFile(text, "f.json"),
        (error) =>
          error instanceof Error &&
          expected.test(error.message) &&
          error.message.startsWith("Cannot use f.json ") &&
          !error.message.includes("\n"),
      );
    });
  }
});
