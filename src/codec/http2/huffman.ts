/**
 * The Huffman code of HPACK: strings in header blocks, a little shorter.
 *
 * Spec: RFC 7541 §5.2, Appendix B.
 * Laws: the code is canonical (within a length, codes count up with their symbols), so the lengths alone are written down here;
 * padding is checked as the RFC asks, as it is where an encoder's mistakes show.
 */

/** The symbols of each code length, in ranges. 256 is the end of the string, which is never written. Appendix B. */
const SYMBOLS: readonly (readonly [bits: number, symbols: string])[] = [
  [5, "48-50 97 99 101 105 111 115-116"],
  [6, "32 37 45-47 51-57 61 65 95 98 100 102-104 108-110 112 114 117"],
  [7, "58 66-87 89 106-107 113 118-122"],
  [8, "38 42 44 59 88 90"],
  [10, "33-34 40-41 63"],
  [11, "39 43 124"],
  [12, "35 62"],
  [13, "0 36 64 91 93 126"],
  [14, "94 125"],
  [15, "60 96 123"],
  [19, "92 195 208"],
  [20, "128 130-131 162 184 194 224 226"],
  [21, "153 161 167 172 176-177 179 209 216-217 227 229-230"],
  [22, "129 132-134 136 146 154 156 160 163-164 169-170 173 178 181 185-187 189-190 196 198 228 232-233"],
  [23, "1 135 137-141 143 147 149-152 155 157-158 165-166 168 174-175 180 182-183 188 191 197 231 239"],
  [24, "9 142 144-145 148 159 171 206 215 225 236-237"],
  [25, "199 207 234-235"],
  [26, "192-193 200-202 205 210 213 218-219 238 240 242-243 255"],
  [27, "203-204 211-212 214 221-223 241 244-248 250-254"],
  [28, "2-8 11-12 14-21 23-31 127 220 249"],
  [30, "10 13 22 256"],
];

const END_OF_STRING = 256;
/** "A padding strictly longer than 7 bits MUST be treated as a decoding error." */
const MAX_PADDING_BITS = 7;

/**
 * The code as a tree in one array: node `n` has its two branches at `2n` and `2n + 1`. A branch is the number of the next node,
 * or `-1 - symbol` for a leaf.
 */
const TREE: Int16Array = buildTree();

function buildTree(): Int16Array {
  // 257 leaves make 256 inner nodes.
  const tree = new Int16Array(2 * (END_OF_STRING + 1));
  let nodes = 1;
  let code = 0;
  let length = 0;
  for (const [bits, symbols] of SYMBOLS) {
    code *= 2 ** (bits - length);
    length = bits;
    for (const symbol of symbols.split(" ").flatMap(range)) {
      let node = 0;
      for (let bit = bits - 1; bit > 0; bit--) {
        const at = 2 * node + ((code >> bit) & 1);
        if (tree[at] === 0) tree[at] = nodes++;
        node = tree[at] as number;
      }
      tree[2 * node + (code & 1)] = -1 - symbol;
      code++;
    }
  }
  return tree;
}

function range(text: string): number[] {
  const [first = 0, last = first] = text.split("-").map(Number);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/**
 * Reads a string, one character of the result for each byte of the text.
 *
 * @throws RangeError for a string with the end-of-string symbol in it, or whose padding is not up to seven 1 bits.
 */
export function decodeHuffman(bytes: Uint8Array): string {
  // The shortest code has five bits.
  const text = Buffer.allocUnsafe(Math.floor((bytes.length * 8) / 5));
  let length = 0;
  let node = 0;
  let bitsOfCode = 0;
  let onlyOnes = true;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const one = (byte >> bit) & 1;
      const next = TREE[2 * node + one] as number;
      bitsOfCode++;
      onlyOnes &&= one === 1;
      if (next >= 0) {
        node = next;
        continue;
      }
      const symbol = -1 - next;
      if (symbol === END_OF_STRING) throw new RangeError("the Huffman code of a string says where it ends");
      text[length++] = symbol;
      node = 0;
      bitsOfCode = 0;
      onlyOnes = true;
    }
  }
  if (bitsOfCode > MAX_PADDING_BITS || !onlyOnes) {
    throw new RangeError("the Huffman code of a string is not padded with up to seven 1 bits");
  }
  return text.toString("latin1", 0, length);
}
