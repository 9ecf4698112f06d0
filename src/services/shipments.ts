/**
 * Orders combined into shipments: one for each address, sent off a batch at a time.
 *
 * Laws: a shipment's orders stand as they arrived, the shipments as their addresses were first seen; never more than one
 * batch is held.
 */
import { Code, StatusError } from "../core.js";
import type { CombinedShipmentInit, Order } from "./gen/order.js";
import { checkLimit } from "./limit.js";
import { quoted } from "./peer-text.js";

/** Groups orders by address until a batch is full. */
export class Shipments {
  readonly #batchSize: number;
  #pending = new Map<string, Order[]>();
  #orders = 0;

  /** @throws RangeError when the batch size is not a whole number of 1 to 10,000. */
  constructor(batchSize: number) {
    this.#batchSize = checkBatchSize(batchSize);
  }

  /**
   * Adds an order; gives back the shipments to send now: all of them when the batch is full, else none.
   *
   * @throws StatusError FAILED_PRECONDITION when the order has no address.
   */
  add(order: Order): CombinedShipmentInit[] {
    const address = addressOf(order);
    const orders = this.#pending.get(address);
    if (orders === undefined) this.#pending.set(address, [order]);
    else orders.push(order);
    return ++this.#orders < this.#batchSize ? [] : this.flush();
  }

  /** The shipments still held; the grouping starts anew. */
  flush(): CombinedShipmentInit[] {
    const shipments = Array.from(this.#pending, ([address, orderList]) => ({
      id: `cmb - ${address}`,
      status: "Processed!",
      orderList,
    }));
    this.#pending = new Map();
    this.#orders = 0;
    return shipments;
  }
}

/** The most orders in one batch: they are all held until it is full. */
const MAX_BATCH_SIZE = 10_000;

/** @throws RangeError when `value` is not a whole number of 1 to 10,000. */
export function checkBatchSize(value: number): number {
  return checkLimit("the batch size", value, MAX_BATCH_SIZE);
}

/** Where an order goes: the first of its addresses that is not empty, else its destination. */
function addressOf(order: Order): string {
  const { address } = order.addresses.find((one) => one.address !== "") ?? { address: order.destination };
  // A contract without `destination` leaves it undefined here.
  if (address) return address;
  throw new StatusError(
    Code.FAILED_PRECONDITION,
    `order ${quoted(order.id)} cannot be shipped: it has neither an address nor a destination`,
  );
}
