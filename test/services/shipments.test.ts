import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, StatusError } from "../../src/core.js";
import { type CombinedShipmentInit, Order, type OrderInit } from "../../src/services/gen/order.js";
import { Shipments } from "../../src/services/shipments.js";

const order = (id: string, init: OrderInit = {}): Order => Order.decode(Order.encode({ id, ...init }));
const to = (id: string, destination: string): Order => order(id, { destination });
const outline = (shipments: readonly CombinedShipmentInit[]): [string | undefined, (string | undefined)[]][] =>
  shipments.map(({ id, orderList }) => [id, (orderList ?? []).map((one) => one.id)]);

describe("Shipments", () => {
  test("combine the orders of one address, first-seen address first, orders as they arrived", () => {
    const shipments = new Shipments(4);
    assert.deepEqual(shipments.add(to("1", "A")), []);
    assert.deepEqual(shipments.add(to("2", "B")), []);
    assert.deepEqual(shipments.add(to("3", "A")), []);
    assert.deepEqual(outline(shipments.add(to("4", "B"))), [
      ["cmb - A", ["1", "3"]],
      ["cmb - B", ["2", "4"]],
    ]);
  });

  test("say what they are", () => {
    const only = to("1", "A");
    assert.deepEqual(new Shipments(1).add(only), [{ id: "cmb - A", status: "Processed!", orderList: [only] }]);
  });

  test("every batch has the same size, and the grouping starts anew after each", () => {
    const shipments = new Shipments(3);
    const sentAfter: number[] = [];
    for (let i = 1; i <= 9; i++) if (shipments.add(to(`${i}`, "A")).length > 0) sentAfter.push(i);
    assert.deepEqual(sentAfter, [3, 6, 9]);
    assert.deepEqual(shipments.flush(), []);
    shipments.add(to("10", "A"));
    assert.deepEqual(outline(shipments.flush()), [["cmb - A", ["10"]]]);
    assert.deepEqual(shipments.flush(), []);
  });

  test("an order that comes twice travels twice", () => {
    const shipments = new Shipments(2);
    shipments.add(to("1", "A"));
    assert.deepEqual(outline(shipments.add(to("1", "A"))), [["cmb - A", ["1", "1"]]]);
  });

  test("go to the first address that is not empty, else to the destination", () => {
    const shipments = new Shipments(10);
    shipments.add(order("1", { addresses: [{ address: "" }, { address: "A" }, { address: "B" }], destination: "C" }));
    shipments.add(order("2", { addresses: [{ address: "" }], destination: "C" }));
    shipments.add(order("3", { destination: "D" }));
    assert.deepEqual(outline(shipments.flush()), [
      ["cmb - A", ["1"]],
      ["cmb - C", ["2"]],
      ["cmb - D", ["3"]],
    ]);
  });

  test("refuse an order without any address, and keep what they had", () => {
    const shipments = new Shipments(3);
    shipments.add(to("1", "A"));
    for (const nowhere of [order("2"), order("2", { addresses: [{ address: "" }] })]) {
      assert.throws(
        () => shipments.add(nowhere),
        (error) =>
          error instanceof StatusError && error.code === Code.FAILED_PRECONDITION && /order "2"/.test(error.rawMessage),
      );
    }
    assert.deepEqual(outline(shipments.flush()), [["cmb - A", ["1"]]]);
  });

  test("are not fooled by addresses that are names of an object's own", () => {
    const shipments = new Shipments(2);
    shipments.add(to("1", "__proto__"));
    assert.deepEqual(outline(shipments.add(to("2", "constructor"))), [
      ["cmb - __proto__", ["1"]],
      ["cmb - constructor", ["2"]],
    ]);
  });

  test("refuse a batch size that is not a whole number of 1 to 10,000", () => {
    for (const size of [0, -1, 1.5, 10_001, Number.NaN]) {
      assert.throws(() => new Shipments(size), /batch size .* current value is/);
    }
  });
});
