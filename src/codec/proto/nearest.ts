/**
 * "Did you mean", for names that have a package in front.
 */
import { nearestName } from "../nearest-name.js";

/** How much of a wrong name is looked at. */
const MAX_CHARS = 128;

/**
 * The name of `names` that `wrong` was meant to be, or `undefined` when none is alike: the same name without its package,
 * or else the one with the fewest typing mistakes, with or without its package.
 */
export function nearest(wrong: string, names: Iterable<string>): string | undefined {
  const wanted = wrong.slice(0, MAX_CHARS);
  const whole = [...names];
  const local = new Map(whole.map((name) => [name.slice(name.lastIndexOf(".") + 1), name]));
  const same = whole.find((name) => name.toLowerCase().endsWith(`.${wanted.toLowerCase()}`));
  return same ?? nearestName(wanted, whole) ?? local.get(nearestName(wanted, [...local.keys()]) ?? "");
}

/** `; did you mean "x"?`, or nothing. */
export function didYouMean(wrong: string, names: Iterable<string>): string {
  const name = nearest(wrong, names);
  return name === undefined ? "" : `; did you mean ${JSON.stringify(name)}?`;
}
