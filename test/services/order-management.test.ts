import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Code, StatusError } from "../../src/core.js";
import { type Order, type OrderInit, OrderManagement } from "../../src/services/gen/order.js";
import { orderManagement, type OrderManagementOptions } from "../../src/services/order-management.js";
import { MemoryOrderStore, type OrderStore } from "../../src/services/order-store.js";
import { prefixed, rawCall } from "./raw-call.js";
import { type Served, served } from "./served.js";

const managed = (use: (served: Served) => Promise<void>, options?: OrderManagementOptions): Promise<void> =>
  served((server) => void server.add(OrderManagement, orderManagement(options)), use);

const failsWith = (code: Code, text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StatusError, String(error));
  assert.equal(error.code, code);
  assert.match(error.rawMessage, text);
  return true;
};

async function collect<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

const FULL: Order = {
  id: "101",
  items: ["iPhone XS", "Mac Book Pro"],
  description: "d",
  price: 2300,
  destination: "San Jose, CA",
  addresses: [{ address: "Tom, Shanghai", type: 1 }],
  lastUpdated: { seconds: 1_700_000_000n, nanos: 5 },
};

const search = async ({ channel }: Served, value: string): Promise<string[]> =>
  (await collect(channel.client(OrderManagement).searchOrders({ value }))).map(({ id }) => id);

const longIds = (count: number): OrderInit[] =>
  Array.from({ length: count }, (_, i) => ({ id: String(i).padStart(1022, "0") }));

const ship = async ({ channel }: Served, ids: readonly string[]): Promise<[string, string[]][]> => {
  const shipping = channel.client(OrderManagement).processOrders(ids.map((value) => ({ value })));
  return (await collect(shipping)).map(({ id, orderList }) => [id, orderList.map((order) => order.id)]);
};
const stocked = (): OrderStore => {
  const orders = new MemoryOrderStore();
  for (const [id, destination] of ["A", "B", "A", "C", ""].entries()) {
    orders.put({ ...FULL, id: `${id}`, addresses: [], destination });
  }
  return orders;
};

describe("OrderManagement.addOrder and getOrder", () => {
  test("give back what was stored, nothing filled in", () =>
    managed(async ({ channel }) => {
      const orders = channel.client(OrderManagement);
      assert.deepEqual(await orders.addOrder(FULL), { value: "Order Added: 101" });
      assert.deepEqual(await orders.getOrder({ value: "101" }), FULL);
      await orders.addOrder({ id: "102" });
      const bare = await orders.getOrder({ value: "102" });
      assert.equal(bare.lastUpdated, undefined);
      assert.deepEqual([bare.id, bare.items.length, bare.destination], ["102", 0, ""]);
    }));

  test("give back unknown fields too", () =>
    managed(async ({ port }) => {
      // Field 1 "9", then field 15 "new" and field 16 varint 7, which this contract does not have.
      const stored = prefixed(Buffer.from("0a01397a036e6577800107", "hex"));
      await rawCall(port, "/order.OrderManagement/addOrder", [stored]);
      const { data } = await rawCall(port, "/order.OrderManagement/getOrder", [prefixed(Buffer.from("0a0139", "hex"))]);
      assert.equal(data, stored);
    }));

  test("an existing id is replaced", () =>
    managed(async ({ channel }) => {
      const orders = channel.client(OrderManagement);
      await orders.addOrder(FULL);
      await orders.addOrder({ id: "101", price: 1 });
      const found = await orders.getOrder({ value: "101" });
      assert.deepEqual([found.price, found.items.length], [1, 0]);
    }));

  test("an empty id is INVALID_ARGUMENT, an unknown one NOT_FOUND naming it", () =>
    managed(async ({ channel, errors }) => {
      const orders = channel.client(OrderManagement);
      await assert.rejects(orders.addOrder({ items: ["x"] }), failsWith(Code.INVALID_ARGUMENT, /must have an id/));
      await assert.rejects(orders.getOrder({ value: "no\nsuch" }), failsWith(Code.NOT_FOUND, /id "no\\u000asuch"$/));
      await assert.rejects(orders.getOrder({}), failsWith(Code.NOT_FOUND, /id ""$/));
      assert.deepEqual(errors, []);
    }));

  test("a full store is RESOURCE_EXHAUSTED, replacing goes on", () =>
    managed(
      async ({ channel }) => {
        const orders = channel.client(OrderManagement);
        await orders.addOrder({ id: "1" });
        await assert.rejects(orders.addOrder({ id: "2" }), failsWith(Code.RESOURCE_EXHAUSTED, /at most 1 orders/));
        assert.deepEqual(await orders.addOrder({ id: "1", price: 2 }), { value: "Order Added: 1" });
      },
      { store: new MemoryOrderStore({ orders: 1 }) },
    ));
});

describe("OrderManagement.searchOrders", () => {
  test("finds each order with such an item once, in insertion order, case-sensitive", () =>
    managed(async (at) => {
      const orders = at.channel.client(OrderManagement);
      await orders.addOrder({ id: "3", items: ["iPhone", "iPhone XS"] });
      await orders.addOrder({ id: "1", items: ["Vivo"] });
      await orders.addOrder({ id: "2", items: ["Oppo", "my iPhone"] });
      await orders.addOrder({ id: "4", description: "iPhone" });
      await orders.addOrder({ id: "3", items: ["iPhone 2"] });
      assert.deepEqual(await search(at, "iPhone"), ["3", "2"]);
      assert.deepEqual(await search(at, "iphone"), []);
      assert.deepEqual(await search(at, ""), ["3", "1", "2"]);
    }));

  test("lets other calls run while it looks through many orders", () => {
    const store = new MemoryOrderStore();
    for (let i = 0; i < 50_000; i++) store.put({ ...FULL, id: String(i) });
    return managed(
      async (at) => {
        const searching = search(at, "not there");
        let searched = false;
        void searching.then(() => (searched = true));
        await at.channel.client(OrderManagement).getOrder({ value: "1" });
        assert.equal(searched, false);
        assert.deepEqual(await searching, []);
      },
      { store },
    );
  });
});

describe("OrderManagement.updateOrders", () => {
  test("stores each and lists the ids, each followed by comma and space", () =>
    managed(async ({ channel }) => {
      const orders = channel.client(OrderManagement);
      const answer = await orders.updateOrders([
        { id: "101", price: 1 },
        { id: "102", price: 2 },
      ]);
      assert.equal(answer.value, "Orders processed Updated Order IDs : 101, 102, ");
      assert.equal((await orders.getOrder({ value: "102" })).price, 2);
      assert.equal((await orders.updateOrders([])).value, "Orders processed Updated Order IDs : ");
    }));

  test("an empty id is INVALID_ARGUMENT; the orders before it stay", () =>
    managed(async ({ channel }) => {
      const orders = channel.client(OrderManagement);
      const updates = [{ id: "1" }, { id: "" }, { id: "2" }];
      await assert.rejects(orders.updateOrders(updates), failsWith(Code.INVALID_ARGUMENT, /order 1 of the stream/));
      assert.equal((await orders.getOrder({ value: "1" })).id, "1");
      await assert.rejects(orders.getOrder({ value: "2" }), failsWith(Code.NOT_FOUND, /"2"/));
    }));

  test("over 64 KiB of ids is RESOURCE_EXHAUSTED", () =>
    managed(async ({ channel }) => {
      const orders = channel.client(OrderManagement);
      assert.equal(
        (await orders.updateOrders(longIds(64))).value.length,
        "Orders processed Updated Order IDs : ".length + 64 * 1024,
      );
      await assert.rejects(orders.updateOrders(longIds(65)), failsWith(Code.RESOURCE_EXHAUSTED, /65536 bytes/));
    }));
});

describe("OrderManagement.processOrders", () => {
  test("ships every batchSize ids, and the rest at half-close", () =>
    managed(
      async (at) => {
        assert.deepEqual(await ship(at, ["0", "1", "2", "3", "0", "0", "1"]), [
          ["cmb - A", ["0", "2"]],
          ["cmb - B", ["1"]],
          ["cmb - C", ["3"]],
          ["cmb - A", ["0", "0"]],
          ["cmb - B", ["1"]],
        ]);
        assert.deepEqual(await ship(at, []), []);
      },
      { store: stocked() },
    ));

  test("sends a full batch before the client half-closes", () =>
    managed(
      async ({ channel }) => {
        const shipping = channel.client(OrderManagement).processOrders();
        await shipping.send({ value: "1" });
        assert.equal((await shipping.receive())?.id, "cmb - B");
        shipping.closeSend();
        assert.equal(await shipping.receive(), undefined);
      },
      { store: stocked(), batchSize: 1 },
    ));

  test("an unknown id is NOT_FOUND naming it, no address FAILED_PRECONDITION; shipments sent stand", () =>
    managed(
      async ({ channel, errors }) => {
        const orders = channel.client(OrderManagement);
        for (const [bad, code, text] of [
          ["99", Code.NOT_FOUND, /"99"/],
          ["4", Code.FAILED_PRECONDITION, /"4" cannot be shipped/],
        ] as const) {
          const shipping = orders.processOrders(["0", "1", "2", bad].map((value) => ({ value })));
          const received: string[] = [];
          const receiveAll = async (): Promise<void> => {
            for await (const { id } of shipping) received.push(id);
          };
          await assert.rejects(receiveAll(), failsWith(code, text));
          assert.deepEqual(received, ["cmb - A", "cmb - B"]);
        }
        assert.deepEqual(errors, []);
      },
      { store: stocked() },
    ));
});

describe("orderManagement", () => {
  test("works with a store that answers with promises", () => {
    const kept = new Map<string, Order>();
    const store: OrderStore = {
      get: (id) => Promise.resolve(kept.get(id)),
      put: async (order) => void kept.set(order.id, order),
      async *all() {
        yield* kept.values();
      },
    };
    return managed(
      async ({ channel }) => {
        const orders = channel.client(OrderManagement);
        await orders.addOrder(FULL);
        assert.deepEqual(await orders.getOrder({ value: "101" }), FULL);
        assert.equal((await collect(orders.searchOrders({ value: "Mac" }))).length, 1);
        assert.equal((await collect(orders.processOrders([{ value: "101" }])))[0]?.id, "cmb - Tom, Shanghai");
      },
      { store },
    );
  });

  test("refuses a batch size that is none", () => {
    assert.throws(() => orderManagement({ batchSize: 0 }), /batch size .* current value is 0/);
  });
});
