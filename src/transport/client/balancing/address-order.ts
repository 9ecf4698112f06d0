/**
 * In which order the addresses of a list are tried.
 *
 * Spec: gRFC A61, A62 (shuffling); RFC 8305 §4 (interleaving address families).
 */
import { isIPv6 } from "node:net";
import type { Address } from "../../address.js";
import type { Endpoint } from "../naming/resolver.js";

/** The endpoints in an order of chance: each of all orders is as likely. `random` gives a number from 0 to 1. */
export function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const order = [...list];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j] as T, order[i] as T];
  }
  return order;
}

/** Every address once, the families in turn: with one of them broken, every other attempt still has a chance. */
export function addressesInOrder(endpoints: readonly Endpoint[]): Address[] {
  const byKey = new Map(endpoints.flatMap(({ addresses }) => addresses).map((one) => [JSON.stringify(one), one]));
  const families = new Map<string, Address[]>();
  for (const address of byKey.values()) {
    const family = familyOf(address);
    const others = families.get(family);
    if (others === undefined) families.set(family, [address]);
    else others.push(address);
  }
  const lists = [...families.values()];
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list.slice(at, at + 1))).flat();
}

function familyOf(address: Address): string {
  if (address.kind !== "tcp") return address.kind;
  return isIPv6(address.host) ? "IPv6" : "IPv4";
}
