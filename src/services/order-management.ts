/**
 * `order.OrderManagement`: orders are stored, found, updated and shipped.
 *
 * Source: proto/order.proto.
 * Laws: an order comes back as it was stored, nothing filled in; what a call did before it failed stands.
 */
import {
  Code,
  type HandlerCall,
  type Implementation,
  StatusError,
  type StringValue,
  type StringValueInit,
} from "../core.js";
import type { Order, OrderManagement } from "./gen/order.js";
import { MemoryOrderStore, type OrderStore } from "./order-store.js";
import { quoted } from "./peer-text.js";
import { checkBatchSize, Shipments } from "./shipments.js";

/** The longest list of ids that updateOrders answers with, in bytes. */
const MAX_ID_LIST_BYTES = 64 * 1024;

/** How many orders a search looks at before it lets other work run. */
const SEARCH_SLICE = 1000;

export interface OrderManagementOptions {
  /** Where orders are kept; default in memory, at most 100,000 orders or 64 MiB. */
  readonly store?: OrderStore | undefined;
  /** How many orders processOrders combines before it sends shipments; default 3. */
  readonly batchSize?: number | undefined;
}

/**
 * An implementation of OrderManagement: `server.add(OrderManagement, orderManagement())`.
 *
 * @throws RangeError when the batch size is not a whole number of 1 to 10,000.
 */
export function orderManagement(options: OrderManagementOptions = {}): Implementation<OrderManagement> {
  const store = options.store ?? new MemoryOrderStore();
  const batchSize = checkBatchSize(options.batchSize ?? 3);

  return {
    async addOrder(order) {
      requireId(order, "the order");
      await store.put(order);
      return { value: `Order Added: ${order.id}` };
    },

    getOrder: ({ value: id }) => findOrder(store, id),

    searchOrders: ({ value: query }, call) => searchOrders(store, query, call),

    updateOrders: (orders) => updateOrders(store, orders),

    processOrders: (ids) => processOrders(store, ids, new Shipments(batchSize)),
  };
}

async function findOrder(store: OrderStore, id: string): Promise<Order> {
  const order = await store.get(id);
  if (order === undefined) throw new StatusError(Code.NOT_FOUND, `there is no order with the id ${quoted(id)}`);
  return order;
}

async function* searchOrders(store: OrderStore, query: string, call: HandlerCall): AsyncGenerator<Order> {
  let seen = 0;
  for await (const order of store.all()) {
    if (order.items.some((item) => item.includes(query))) yield order;
    if (++seen % SEARCH_SLICE !== 0) continue;
    // A search of a full store that finds nothing would keep every other call waiting, and go on when nobody waits for it.
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (call.signal.aborted) return;
  }
}

async function updateOrders(store: OrderStore, orders: AsyncIterable<Order>): Promise<StringValueInit> {
  let count = 0;
  let idList = "";
  let idListBytes = 0;
  for await (const order of orders) {
    requireId(order, `order ${count++} of the stream`);
    idListBytes += Buffer.byteLength(order.id) + 2;
    if (idListBytes > MAX_ID_LIST_BYTES) throw tooManyIds();
    await store.put(order);
    idList += `${order.id}, `;
  }
  return { value: `Orders processed Updated Order IDs : ${idList}` };
}

function tooManyIds(): StatusError {
  return new StatusError(
    Code.RESOURCE_EXHAUSTED,
    `the ids of one call must not be longer than ${MAX_ID_LIST_BYTES} bytes together`,
  );
}

async function* processOrders(store: OrderStore, ids: AsyncIterable<StringValue>, shipments: Shipments) {
  for await (const { value: id } of ids) yield* shipments.add(await findOrder(store, id));
  yield* shipments.flush();
}

function requireId(order: Order, what: string): void {
  if (order.id === "") throw new StatusError(Code.INVALID_ARGUMENT, `${what} must have an id: it is empty`);
}
