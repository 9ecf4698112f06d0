/**
 * What a person needs to know of an exception that their own module threw: its text and where it was, without our own frames.
 *
 * Laws: the stack ends where it leaves the person's files.
 */

/** Codes of what Node's own way with TypeScript cannot do, and tsx can. */
const TSX_COULD: ReadonlySet<unknown> = new Set(["ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX", "ERR_MODULE_NOT_FOUND"]);

/** The exception as text, over several lines where there is more to see. */
export function explainLoadFailure(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${String(error)}`;
  const lines = (error.stack ?? `${error.name}: ${error.message}`).split("\n");
  const end = lines.findIndex((line) => isFrame(line) && isOurs(line));
  const kept = lines.slice(0, end === -1 ? undefined : end).filter((line) => !isFrame(line) || !isNodes(line));
  return `${kept.join("\n").trimEnd()}${hint(error)}`;
}

const ours = new URL("..", import.meta.url);

function isFrame(line: string): boolean {
  return /^\s+at /.test(line);
}

function isOurs(frame: string): boolean {
  return frame.includes(ours.href) || frame.includes(ours.pathname);
}

/** Of Node, or of what loads TypeScript for it. */
function isNodes(frame: string): boolean {
  return /\bnode:|\(native\)|<anonymous>\)?$|\/node_modules\/tsx\//.test(frame);
}

/** What Node says of an ES module that it takes for CommonJS: later versions find out by themselves. */
const TAKEN_FOR_COMMONJS = /^(?:Cannot use import statement outside a module|Unexpected token 'export')$/;

function hint(error: Error): string {
  if (error instanceof SyntaxError && TAKEN_FOR_COMMONJS.test(error.message)) {
    return '\n(it is an ES module: call it .mjs, or say "type": "module" in package.json)';
  }
  if (!("code" in error) || !TSX_COULD.has(error.code) || !/\.[mc]?ts\b/.test(error.message)) return "";
  return `\n(Node runs TypeScript as it stands: enums, and imports of .js files that are .ts, need tsx: NODE_OPTIONS="--import tsx")`;
}
