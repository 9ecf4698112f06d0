/**
 * Bytes as people read them: sixteen a line, in hex and as ASCII.
 *
 * Spec: the format of `hexdump -C`.
 */

const LINE_BYTES = 16;

/** A line for each sixteen bytes of `parts`, joined; of more than `maxBytes` the rest is counted. */
export function hexDump(parts: readonly Uint8Array[], maxBytes: number): string[] {
  const total = parts.reduce((sum, { length }) => sum + length, 0);
  const shown = headOf(parts, maxBytes);
  const lines: string[] = [];
  for (let at = 0; at < shown.length; at += LINE_BYTES) lines.push(dumpLine(shown.subarray(at, at + LINE_BYTES), at));
  return total > shown.length ? [...lines, `… and ${total - shown.length} bytes more`] : lines;
}

function headOf(parts: readonly Uint8Array[], maxBytes: number): Buffer {
  let left = maxBytes;
  const heads: Uint8Array[] = [];
  for (const part of parts) {
    heads.push(part.subarray(0, left));
    left -= Math.min(left, part.length);
  }
  return Buffer.concat(heads);
}

function dumpLine(bytes: Buffer, at: number): string {
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));
  const columns = `${hex.slice(0, 8).join(" ").padEnd(23)}  ${hex.slice(8).join(" ").padEnd(23)}`;
  const text = bytes.toString("latin1").replaceAll(/[^ -~]/g, ".");
  return `${at.toString(16).padStart(8, "0")}  ${columns}  |${text}|`;
}
