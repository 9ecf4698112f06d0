/** "Did you mean", for names with a package. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { didYouMean, nearest } from "../../../src/codec/proto/nearest.js";

const NAMES = ["routeguide.RouteGuide", "order.OrderManagement", "order.Order"];

test("nearest finds a misspelt name", () => {
  assert.equal(nearest("routeguide.RoutGuide", NAMES), "routeguide.RouteGuide");
  assert.equal(nearest("order.Ordr", NAMES), "order.Order");
});

test("nearest finds a name without its package, in any case of letters", () => {
  assert.equal(nearest("RouteGuide", NAMES), "routeguide.RouteGuide");
  assert.equal(nearest("ordermanagement", NAMES), "order.OrderManagement");
});

test("nearest finds nothing where nothing is alike", () => {
  assert.equal(nearest("helloworld.Greeter", NAMES), undefined);
  assert.equal(nearest("x", []), undefined);
  assert.equal(nearest("x".repeat(10_000), NAMES), undefined);
});

test("didYouMean is a question, or nothing", () => {
  assert.equal(didYouMean("order.Ordr", NAMES), '; did you mean "order.Order"?');
  assert.equal(didYouMean("zzzzzzzzzz", NAMES), "");
});
