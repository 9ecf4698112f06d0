/**
 * "Did you mean": the nearest of several names.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { didYouMean, nearestFullName, nearestName } from "../../src/codec/nearest-name.js";

test("nearestName finds a name that is one or two edits away", () => {
  const names = ["getFeature", "listFeatures", "recordRoute", "routeChat"];
  assert.equal(nearestName("getFeatures", names), "getFeature");
  assert.equal(nearestName("getfeature", names), "getFeature");
  assert.equal(nearestName("recrodRoute", names), "recordRoute");
  assert.equal(nearestName("routeChta", names), "routeChat");
});

test("nearestName ignores upper and lower case", () => {
  assert.equal(nearestName("GETFEATURE", ["other", "getFeature"]), "getFeature");
});

test("nearestName suggests nothing that is far from what was said", () => {
  assert.equal(nearestName("shipOrder", ["getFeature", "routeChat"]), undefined);
  assert.equal(nearestName("anything", []), undefined);
});

test("nearestName allows a third of the name's length, and two edits in a short one", () => {
  assert.equal(nearestName("abcdefghi", ["abcdefxyz"]), "abcdefxyz");
  assert.equal(nearestName("abcdefghi", ["abcdewxyz"]), undefined);
  assert.equal(nearestName("ab", ["cd"]), "cd");
  assert.equal(nearestName("ab", ["cde"]), undefined);
});

test("nearestName takes the nearest, and the first of two that are as near", () => {
  assert.equal(nearestName("metdata", ["metrics", "metadata", "data"]), "metadata");
  assert.equal(nearestName("bat", ["cat", "hat"]), "cat");
});

test("nearestName finds a name that is among the candidates, whatever the others are", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.string(), (others, name) => {
      assert.equal(nearestName(name, [...others, name])?.toLowerCase(), name.toLowerCase());
    }),
  );
});

test("nearestName is one of the candidates or nothing", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.string(), (candidates, name) => {
      const nearest = nearestName(name, candidates);
      assert.ok(nearest === undefined || candidates.includes(nearest));
    }),
  );
});

test("nearestName counts two letters that have changed places as one slip", () => {
  assert.equal(nearestName("dmeo", ["dome", "demo"]), "demo");
  assert.equal(nearestName("--prot", ["--proto", "--port"]), "--proto", "the first of two that are as near");
});

test("nearestName does not compare what is too long for a slip", () => {
  assert.equal(nearestName("s".repeat(1_000_000), ["serve", "s".repeat(999_999)]), undefined);
});

const NAMES = ["routeguide.RouteGuide", "order.OrderManagement", "order.Order"];

test("nearestFullName finds a misspelt name", () => {
  assert.equal(nearestFullName("routeguide.RoutGuide", NAMES), "routeguide.RouteGuide");
  assert.equal(nearestFullName("order.Ordr", NAMES), "order.Order");
});

test("nearestFullName finds a name without its package, in any case of letters", () => {
  assert.equal(nearestFullName("RouteGuide", NAMES), "routeguide.RouteGuide");
  assert.equal(nearestFullName("ordermanagement", NAMES), "order.OrderManagement");
});

test("nearestFullName finds a name in another package", () => {
  assert.equal(nearestFullName("orders.Order", NAMES), "order.Order");
  assert.equal(nearestFullName("a.long.way.off.OrderManagment", NAMES), "order.OrderManagement");
});

test("nearestFullName finds nothing where nothing is alike", () => {
  assert.equal(nearestFullName("helloworld.Greeter", NAMES), undefined);
  assert.equal(nearestFullName("x", []), undefined);
  assert.equal(nearestFullName("x".repeat(10_000), NAMES), undefined);
});

test("didYouMean is a question, or nothing", () => {
  assert.equal(didYouMean(nearestFullName("order.Ordr", NAMES)), '; did you mean "order.Order"?');
  assert.equal(didYouMean(nearestFullName("zzzzzzzzzz", NAMES)), "");
});
