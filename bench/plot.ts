/**
 * Lines over two logarithmic axes, as SVG.
 */
export interface Line {
  readonly name: string;
  readonly color: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Plot {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** What stands below the axis. */
  readonly xTicks: readonly (readonly [x: number, label: string])[];
  readonly lines: readonly Line[];
}

const [WIDTH, HEIGHT] = [640, 400];
const PLACE = { left: 64, right: 120, top: 40, bottom: 48 };

/** @throws Error when there is nothing to draw. */
export function drawPlot({ title, xLabel, yLabel, xTicks, lines }: Plot): string {
  const all = lines.flatMap(({ points }) => points);
  if (all.length === 0) throw new Error(`Cannot draw "${title}" as it has no points`);
  const ys = all.map(([, y]) => Math.log10(y));
  const [low, high] = [Math.floor(Math.min(...ys)), Math.ceil(Math.max(...ys))];
  const x = scale(
    all.map(([one]) => Math.log10(one)),
    PLACE.left,
    WIDTH - PLACE.right,
  );
  const y = scale([low, high], HEIGHT - PLACE.bottom, PLACE.top);
  const [bottom, right] = [HEIGHT - PLACE.bottom, WIDTH - PLACE.right];
  const rules = Array.from({ length: high - low + 1 }, (_, i) => {
    const at = y(low + i);
    const rule = `<line x1="${PLACE.left}" y1="${at}" x2="${right}" y2="${at}" stroke="#ddd"/>`;
    return `${rule}\n${text(PLACE.left - 8, at + 4, String(10 ** (low + i)), "end")}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text(PLACE.left, 20, title, "start", ' font-weight="bold"'),
    text(PLACE.left, PLACE.top - 6, yLabel, "start"),
    ...rules,
    ...xTicks.map(([at, label]) => text(x(Math.log10(at)), bottom + 18, label, "middle")),
    text((PLACE.left + right) / 2, bottom + 38, xLabel, "middle"),
    ...lines.map((line) => drawLine(line, x, y)),
    ...drawNames(lines, x, y),
    "</svg>",
    "",
  ].join("\n");
}

function drawLine({ color, points }: Line, x: Scale, y: Scale): string {
  const places = points.map(([px, py]) => [x(Math.log10(px)), y(Math.log10(py))] as const);
  return [
    `<polyline fill="none" stroke="${color}" stroke-width="2" points="${places.map((place) => place.join(",")).join(" ")}"/>`,
    ...places.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${color}"/>`),
  ].join("\n");
}

/** Behind the end of each line, one below another where they are close. */
function drawNames(lines: readonly Line[], x: Scale, y: Scale): string[] {
  let free = 0;
  return lines
    .map(({ name, color, points }) => {
      const [px, py] = points.at(-1) ?? [1, 1];
      return { name, color, atX: x(Math.log10(px)), atY: y(Math.log10(py)) };
    })
    .toSorted((a, b) => a.atY - b.atY)
    .map(({ name, color, atX, atY }) => {
      const place = Math.max(atY + 4, free);
      free = place + 14;
      return text(atX + 8, place, name, "start", ` fill="${color}"`);
    });
}

type Scale = (value: number) => number;

/** Brings the least of the values to `from`, and the largest to `to`. */
function scale(values: readonly number[], from: number, to: number): Scale {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return (value) => Math.round(from + ((value - low) / (high - low || 1)) * (to - from));
}

function text(x: number, y: number, words: string, anchor: string, more = ""): string {
  const escaped = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x}" y="${y}" text-anchor="${anchor}"${more}>${escaped}</text>`;
}
