/**
 * "Did you mean": the known name that is nearest to a wrong one.
 */

/**
 * The name of `names` with the fewest typing mistakes between it and `wrong`, or `undefined` when none is alike. Upper and
 * lower case are the same, and a name without its package counts as the whole one.
 */
export function nearest(wrong: string, names: Iterable<string>): string | undefined {
  const wanted = wrong.slice(0, 128).toLowerCase();
  let best: string | undefined;
  let least = Math.max(2, Math.floor(wanted.length / 3)) + 1;
  for (const name of names) {
    const whole = name.toLowerCase();
    const local = whole.slice(whole.lastIndexOf(".") + 1);
    const mistakes = wanted === local ? 0 : Math.min(distance(wanted, whole), distance(wanted, local) + 1);
    if (mistakes >= least) continue;
    best = name;
    least = mistakes;
  }
  return best;
}

/** `; did you mean "x"?`, or nothing. */
export function didYouMean(wrong: string, names: Iterable<string>): string {
  const name = nearest(wrong, names);
  return name === undefined ? "" : `; did you mean ${JSON.stringify(name)}?`;
}

/** Edit distance: insertions, deletions and replacements, one row at a time. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 64) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
