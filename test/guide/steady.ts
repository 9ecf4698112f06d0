/**
 * What the inspector printed, made the same at every run: the one place where ports, times and the like are taken out.
 *
 * Laws: what a side said stays in its order; of what the two sides say at the same time, the client's comes first.
 */

/** What is shown of a conversation. */
export interface Shown {
  /** Which lines; default all of streams, and nothing of the connection itself. */
  readonly keep?: ((line: Line) => boolean) | undefined;
  /** Frames on one line each, without what they say. */
  readonly brief?: boolean | undefined;
  /** What filled and opened a window: how many frames and steps that took is chance. */
  readonly flow?: boolean | undefined;
  /** The timeout that was asked for: what is left of it when it is sent is another one each time. */
  readonly timeoutMs?: number | undefined;
}

/** A line of the inspector, with what stands below it. */
export interface Line {
  /** Which connection, from 1. */
  readonly connection: number;
  /** Who sent it; `undefined` for what became of a call or a connection. */
  readonly from: "client" | "server" | undefined;
  /** 0 for what belongs to the connection. */
  readonly stream: number;
  /** What stands behind the arrow. */
  readonly text: string;
  readonly below: readonly string[];
}

const LINE =
  /^\d\d:\d\d:\d\d\.\d{3} \[(?<connection>\d+)\] (?:(?<arrow>client (?:→|←) server) {2})?(?<text>.*?)(?: after [\d.]+ ms)?$/;

/** The lines in `printed`, those of the proxy itself left out. */
export function linesIn(printed: string): Line[] {
  return printed.split(/^(?=\d\d:\d\d:\d\d\.)/m).flatMap((block) => {
    const [first = "", ...below] = block.trimEnd().split("\n");
    const { connection, arrow, text = "" } = LINE.exec(first)?.groups ?? {};
    if (connection === undefined) return [];
    const from = arrow === undefined ? undefined : arrow.includes("→") ? ("client" as const) : ("server" as const);
    const stream = Number(/(?<!last )\bstream (\d+)/.exec(text)?.[1] ?? 0);
    return [{ connection: Number(connection), from, stream, text, below }];
  });
}

/** What is shown of `printed`, steady. */
export function steady(printed: string, shown: Shown = {}): string {
  const { keep = ({ stream }) => stream !== 0, brief = false, timeoutMs = 0, flow = false } = shown;
  const lines = linesIn(printed).filter((line, at, all) => keep(line) && !isTooLate(line, all.slice(0, at)));
  const several = new Set(lines.map(({ connection }) => connection)).size > 1;
  return inOrder(flow ? withOneStall(lines) : lines)
    .flatMap((line) => [headOf(line, several), ...(brief && !isMessage(line) ? [] : line.below)])
    .map((line) => settled(line, timeoutMs))
    .join("\n");
}

/** Whether it is how a connection begins. */
export function isOpening({ stream, from, text }: Line): boolean {
  return stream === 0 && from !== undefined && /^(?:the preface|SETTINGS|WINDOW_UPDATE)/.test(text);
}

function isMessage({ text }: Line): boolean {
  return /^stream \d+ message /.test(text);
}

/** A side that has reset a stream hears no more of it; whether the other one says something yet is chance. */
function isTooLate({ stream, connection, from }: Line, before: readonly Line[]): boolean {
  if (stream === 0 || from === undefined) return false;
  return before.some(
    (one) => one.stream === stream && one.connection === connection && one.text.startsWith("RST_STREAM"),
  );
}

/** The opening of a connection first, and of it the client's part before the server's: the two are not in step. */
function inOrder(lines: readonly Line[]): Line[] {
  const rank = (line: Line): number => {
    if (!isOpening(line)) return 3;
    if (line.text.startsWith("SETTINGS ACK")) return 2;
    return line.from === "client" ? 0 : 1;
  };
  return lines.toSorted((a, b) => rank(a) - rank(b));
}

/** DATA frames in one line up to the first time that a sender had to wait, and in another line after it. */
function withOneStall(lines: readonly Line[]): Line[] {
  const kept: Line[] = [];
  for (const line of lines) {
    const stalls = kept.filter(({ text }) => STALL.test(text)).length;
    const opens = kept.filter(({ text }) => OPENS.test(text)).length;
    const last = kept.at(-1);
    if (OPENS.test(line.text)) {
      if (opens === 0)
        kept.push({ ...line, below: line.below.map((one) => one.replace(/\d+ bytes more/, "so many bytes more")) });
    } else if (STALL.test(line.text)) {
      if (stalls === 0) kept.push(line);
    } else if (last !== undefined && isSameData(last, line)) {
      kept[kept.length - 1] = joined(last, line);
    } else {
      kept.push(line);
    }
  }
  return kept;
}

const STALL = /^the (?:client|server) had (?:to wait|no room)/;
const OPENS = /^WINDOW_UPDATE/;
const DATA = /^DATA stream \d+(?: \w+)*, (\d+) bytes/;

function isSameData(a: Line, b: Line): boolean {
  return a.from === b.from && a.stream === b.stream && DATA.test(a.text) && DATA.test(b.text);
}

function joined(a: Line, b: Line): Line {
  const bytes = Number(DATA.exec(a.text)?.[1]) + Number(DATA.exec(b.text)?.[1]);
  return { ...a, text: `DATA stream ${a.stream}, ${bytes} bytes in several frames` };
}

function headOf({ connection, from, text, below }: Line, several: boolean): string {
  const hasTimeout = below.some((line) => line.startsWith("    grpc-timeout: "));
  const arrow = from === undefined ? "" : `client ${from === "client" ? "→" : "←"} server  `;
  return `${several ? `[${connection}] ` : ""}${arrow}${hasTimeout ? text.replace(/, \d+ bytes$/, "") : text}`;
}

/** Ports that were free, times that were short, how far a deadline was away, and what newer versions of Node add to an error. */
export function settled(line: string, timeoutMs: number): string {
  return line
    .replaceAll(/\b127\.0\.0\.1:\d+/g, "127.0.0.1:50051")
    .replace(/^( *grpc-timeout: ).*/, `$1${timeoutMs * 1000}u (${timeoutMs} ms)`)
    .replace(/; if the root CA is installed locally, [^;)]*/, "")
    .replace(/had to wait [\d.]+ ms/, "had to wait")
    .replace(/(had no room .*) for [\d.]+ ms$/, "$1")
    .replace(/^( +\w+: ".{100}).{10,}$/, "$1…");
}
