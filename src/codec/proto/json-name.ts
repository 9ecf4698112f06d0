/**
 * The names that fields have in JSON and JavaScript.
 *
 * Spec: protobuf.dev, "ProtoJSON Format" (lowerCamelCase names).
 */

/** The lowerCamelCase form of a name: `point_count` → `pointCount`; `orderList` stays. */
export function camelCase(name: string): string {
  return name.replace(/_+(.?)/g, (_, next: string) => next.toUpperCase());
}
