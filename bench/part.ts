/**
 * The process of what is measured within one process, as nothing else may run in it: `part.js hops`, `part.js codec ROUNDS`.
 */
const [part, rounds] = process.argv.slice(2);
if (part === "hops") {
  const { countHops } = await import("./hops.js");
  process.send?.(await countHops(), () => process.exit());
} else {
  const { benchCodec } = await import("./codec.js");
  process.send?.(benchCodec(Number(rounds)), () => process.exit());
}
