/**
 * Says that a value has exactly one type, to the compiler alone.
 */

/** `true` when the two are the same type: neither wider, nor narrower, nor `any`. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- two functions are the same when their bounds are
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles when `value` is an `Expected` and nothing else: `sameType<number>()(call.length)`. */
export function sameType<Expected>(): <Actual>(value: Actual, same: Same<Actual, Expected>) => void {
  return () => undefined;
}
