import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, StatusError } from "../../src/core.js";
import { Order, type OrderInit } from "../../src/services/gen/order.js";
import { MemoryOrderStore, VALUE_OVERHEAD_BYTES } from "../../src/services/order-store.js";

const order = (init: OrderInit): Order => Order.decode(Order.encode(init));
const isFull = (error: unknown): boolean => error instanceof StatusError && error.code === Code.RESOURCE_EXHAUSTED;
const ids = (store: MemoryOrderStore): string[] => Array.from(store.all(), ({ id }) => id);

describe("MemoryOrderStore", () => {
  test("gives back the very order that was put", () => {
    const store = new MemoryOrderStore();
    const put = order({ id: "1", items: ["x"] });
    store.put(put);
    assert.equal(store.get("1"), put);
    assert.equal(store.get("2"), undefined);
  });

  test("keeps the place of an order that is replaced", () => {
    const store = new MemoryOrderStore();
    for (const id of ["1", "2", "3"]) store.put(order({ id }));
    store.put(order({ id: "2", description: "new" }));
    assert.deepEqual(ids(store), ["1", "2", "3"]);
    assert.equal(store.get("2")?.description, "new");
    assert.equal(store.size, 3);
  });

  test("is not fooled by ids that are names of an object's own", () => {
    const store = new MemoryOrderStore();
    assert.equal(store.get("__proto__"), undefined);
    assert.equal(store.get("constructor"), undefined);
    store.put(order({ id: "__proto__" }));
    assert.deepEqual(ids(store), ["__proto__"]);
  });

  test("keeps 100,000 orders by default, refuses the next and still replaces", () => {
    const store = new MemoryOrderStore();
    for (let i = 0; i < 100_000; i++) store.put(order({ id: String(i) }));
    assert.throws(() => store.put(order({ id: "one more" })), isFull);
    store.put(order({ id: "7", description: "replaced, and longer than it was" }));
    assert.equal(store.get("7")?.description, "replaced, and longer than it was");
    assert.equal(store.size, 100_000);
  });

  test("keeps no more bytes than it may, items and addresses counted", () => {
    const one = order({ id: "1", items: ["a", "b"], addresses: [{ address: "c" }] });
    const bytes = Order.encode(one).length + 3 * VALUE_OVERHEAD_BYTES;
    const store = new MemoryOrderStore({ totalBytes: 2 * bytes });
    store.put(one);
    assert.equal(store.bytes, bytes);
    store.put({ ...one, id: "2" });
    assert.equal(store.bytes, 2 * bytes);
    assert.throws(() => store.put(order({ id: "3" })), isFull);
    store.put({ ...one, id: "2", items: ["c", "d"] });
    store.put({ ...one, id: "2", items: [] });
    store.put(order({ id: "3" }));
    assert.equal(store.size, 3);
  });

  test("a full store takes replacements, up to twice its bytes when they are larger", () => {
    const store = new MemoryOrderStore({ totalBytes: 100 });
    store.put(order({ id: "1", description: "x".repeat(90) }));
    store.put(order({ id: "1", description: "x".repeat(150) }));
    assert.throws(() => store.put(order({ id: "2" })), isFull);
    assert.throws(() => store.put(order({ id: "1", description: "x".repeat(200) })), isFull);
    assert.equal(store.get("1")?.description.length, 150);
    store.put(order({ id: "1", description: "x".repeat(90) }));
    store.put(order({ id: "1" }));
    assert.equal(store.bytes, 3);
  });

  test("keeps 64 MiB by default", () => {
    const store = new MemoryOrderStore();
    const description = "x".repeat(1024 * 1024 - 64);
    for (let i = 0; i < 64; i++) store.put(order({ id: String(i), description }));
    assert.throws(() => store.put(order({ id: "64", description })), isFull);
    assert.ok(store.bytes <= 64 * 1024 * 1024);
  });

  test("refuses a limit that is not a whole number of 1 or more", () => {
    for (const value of [0, -5, 2.5, Number.NaN]) {
      assert.throws(() => new MemoryOrderStore({ orders: value }), /order limit orders .* current value is/);
    }
  });
});
