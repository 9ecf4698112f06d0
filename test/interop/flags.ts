/**
 * The flags of the interop programs, as every gRPC library spells them: `--a=b` and `--a b`.
 *
 * Spec: grpc/grpc, doc/interop-test-descriptions.md, "Client", "Server".
 */

/** The values that were given, by their flags' names without dashes. */
export type Flags = ReadonlyMap<string, string>;

/** @throws Error for a flag that is not among `names`, for one without a value, and for what is no flag. */
export function parseFlags(args: readonly string[], names: readonly string[]): Flags {
  const flags = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const [, name = "", value] = /^--?([a-z]\w*)(?:=(.*))?$/s.exec(args[i] ?? "") ?? [];
    if (!names.includes(name)) {
      throw new Error(
        `there is no flag ${JSON.stringify(args[i])}; there are ${names.map((one) => `--${one}`).join(", ")}`,
      );
    }
    const given = value ?? args[++i];
    if (given === undefined) throw new Error(`--${name} needs a value`);
    flags.set(name, given);
  }
  return flags;
}

/** The value of a flag that must be given. */
export function wantedFlag(flags: Flags, name: string): string {
  const value = flags.get(name);
  if (value === undefined) throw new Error(`--${name} is wanted`);
  return value;
}

/** A flag that says `true` or `false`; `false` when it is left out. */
export function booleanFlag(flags: Flags, name: string): boolean {
  const value = (flags.get(name) ?? "false").toLowerCase();
  if (value !== "true" && value !== "false") {
    throw new Error(`--${name} must be true or false: current value is ${JSON.stringify(value)}`);
  }
  return value === "true";
}

/** A flag that is a whole number, `otherwise` when it is left out. */
export function numberFlag(flags: Flags, name: string, otherwise: number): number {
  const value = flags.get(name);
  if (value === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(value)) {
    throw new Error(`--${name} must be a whole number: current value is ${JSON.stringify(value)}`);
  }
  return Number(value);
}
