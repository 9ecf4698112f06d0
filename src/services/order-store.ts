/**
 * Where orders are kept: the interface a database can implement, and the default in memory.
 *
 * Laws: orders keep the place they were first put at; memory is bounded in orders and in bytes, and a full store refuses
 * instead of forgetting.
 */
import { Code, StatusError } from "../core.js";
import { Order } from "./gen/order.js";
import { checkLimit } from "./limit.js";

/** Keeps orders by id. Every method may answer at once or with a promise. */
export interface OrderStore {
  /** The order with this id. */
  get(id: string): Order | undefined | Promise<Order | undefined>;
  /**
   * Keeps an order, in place of the one with its id and at that one's place, else behind all others.
   *
   * @throws StatusError RESOURCE_EXHAUSTED when there is no room.
   */
  put(order: Order): void | Promise<void>;
  /** Every order, in the order they were first put. */
  all(): Iterable<Order> | AsyncIterable<Order>;
}

/** How much a {@link MemoryOrderStore} keeps. */
export interface OrderLimits {
  /** Orders; default 100,000. */
  readonly orders?: number | undefined;
  /** All orders together, encoded, with {@link VALUE_OVERHEAD_BYTES} for each item and address; default 64 MiB. */
  readonly totalBytes?: number | undefined;
}

/** What an item or address costs in memory beside its bytes: an empty one has two bytes on the wire. */
export const VALUE_OVERHEAD_BYTES = 64;

/** How far over its bytes a store may grow by orders that replace others. */
export const REPLACING_FACTOR = 2;

interface Kept {
  readonly order: Order;
  readonly bytes: number;
}

/** Keeps orders in memory, within limits. The message itself is kept, so that unknown fields come back too. */
export class MemoryOrderStore implements OrderStore {
  readonly #maxOrders: number;
  readonly #maxBytes: number;
  readonly #orders = new Map<string, Kept>();
  #bytes = 0;

  /** @throws RangeError when a limit is not a whole number of 1 or more. */
  constructor(limits: OrderLimits = {}) {
    this.#maxOrders = checkLimit("the order limit orders", limits.orders ?? 100_000);
    this.#maxBytes = checkLimit("the order limit totalBytes", limits.totalBytes ?? 64 * 1024 * 1024);
  }

  /** How many orders there are. */
  get size(): number {
    return this.#orders.size;
  }

  /** What all orders count together. */
  get bytes(): number {
    return this.#bytes;
  }

  get(id: string): Order | undefined {
    return this.#orders.get(id)?.order;
  }

  /**
   * Replacing is allowed in a full store as well. Only a larger order in place of a smaller one is refused, once the store
   * holds {@link REPLACING_FACTOR} times its bytes: else one full of small orders could be filled again with large ones.
   */
  put(order: Order): void {
    const replaced = this.#orders.get(order.id);
    const bytes = keptBytes(order);
    const total = this.#bytes - (replaced?.bytes ?? 0) + bytes;
    if (replaced === undefined && this.#orders.size >= this.#maxOrders) throw full(`${this.#maxOrders} orders`);
    const maxBytes = replaced === undefined ? this.#maxBytes : this.#maxBytes * REPLACING_FACTOR;
    if (total > maxBytes && bytes > (replaced?.bytes ?? 0)) throw full(`${maxBytes} bytes of orders`);
    this.#orders.set(order.id, { order, bytes });
    this.#bytes = total;
  }

  *all(): Generator<Order> {
    for (const { order } of this.#orders.values()) yield order;
  }
}

function keptBytes(order: Order): number {
  return Order.encode(order).length + VALUE_OVERHEAD_BYTES * (order.items.length + order.addresses.length);
}

function full(limit: string): StatusError {
  return new StatusError(Code.RESOURCE_EXHAUSTED, `the store is full: it keeps at most ${limit}`);
}
