/**
 * The nearest of several names, for "did you mean": a misspelt method, field, flag or file is named back with what was meant.
 *
 * Laws: upper and lower case make no difference; what is much longer than the names there are costs nothing to compare.
 */

/** Names that are longer than this are not looked at: such a one is no slip. */
const MAX_CHARS = 256;

/** The candidate with the fewest slips from `name`, when they are at most a third of its length, or two. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const typed = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const meant = candidate.toLowerCase();
    if (meant === typed) return candidate;
    if (Math.abs(meant.length - typed.length) >= bestDistance || meant.length > MAX_CHARS) continue;
    const distance = slipsBetween(typed, meant);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/**
 * The same for names with a package in front: first the one that is `name` without its package, then the nearest as a whole, then
 * the nearest but for their packages.
 */
export function nearestFullName(name: string, candidates: Iterable<string>): string | undefined {
  const whole = [...candidates];
  const local = new Map(whole.map((one) => [lastWord(one), one]));
  const typed = name.toLowerCase();
  const same = whole.find((one) => one.toLowerCase().endsWith(`.${typed}`));
  return same ?? nearestName(name, whole) ?? local.get(nearestName(lastWord(name), local.keys()) ?? "");
}

/** `; did you mean "x"?`, or nothing. */
export function didYouMean(name: string | undefined): string {
  return name === undefined ? "" : `; did you mean ${JSON.stringify(name)}?`;
}

function lastWord(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}

/** How many letters must be added, removed, replaced or swapped with their neighbour to make `b` of `a`. */
function slipsBetween(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const cell = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const replaced = cell(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? cell(i - 2, j - 2) + 1 : Infinity;
      row.push(Math.min(cell(i - 1, j) + 1, (row[j - 1] as number) + 1, replaced, swapped));
    }
  }
  return cell(a.length, b.length);
}
