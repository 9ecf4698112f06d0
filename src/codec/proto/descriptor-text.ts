/**
 * The text of one `.proto` file while it is read: its tokens, the descriptor that comes of it, and what every part of a text
 * may have, such as options.
 *
 * Spec: protobuf.dev, "Language Specification"; descriptor.proto.
 */
import type { FileDescriptorProto, HasOptions } from "./descriptor-model.js";
import { expect, readName, readOption, readString, take, wanted, type OptionStatement } from "./descriptor-option.js";
import { DescriptorPaths } from "./descriptor-path.js";
import type { DeclarationPart } from "./proto-error.js";
import { Tokens } from "./descriptor-tokens.js";

/** Options as they are written, and what they belong to. */
export interface OptionsOf {
  /** Gets its options. */
  readonly owner: HasOptions;
  /** The message they are fields of, such as `"google.protobuf.FileOptions"`. */
  readonly typeName: string;
  /** Where names of extensions are looked up: a full name, or `""`. */
  readonly scope: string;
  readonly statements: readonly { readonly option: OptionStatement; readonly location: number[] | undefined }[];
}

/** A range of numbers, as a message or an enum reserves it. */
export interface NumberRange {
  start: number;
  end: number;
}

/** A file being read. */
export class ProtoText {
  readonly tokens: Tokens;
  readonly paths: DescriptorPaths;
  readonly file: FileDescriptorProto;
  /** What has been set, understood when all files are known. */
  readonly options: OptionsOf[] = [];
  readonly #places = new Map<object, Partial<Record<DeclarationPart, number>>>();
  readonly #byOwner = new Map<object, { option: OptionStatement; location: number[] | undefined }[]>();

  constructor(name: string, text: string) {
    this.tokens = new Tokens(text);
    this.paths = new DescriptorPaths(this.tokens);
    this.file = {
      name,
      dependency: [],
      publicDependency: [],
      weakDependency: [],
      optionDependency: [],
      messageType: [],
      enumType: [],
      service: [],
      extension: [],
    };
  }

  /** Remembers that a part of `declaration` begins at the current token. */
  mark(declaration: object, part: DeclarationPart): void {
    const places = this.#places.get(declaration) ?? {};
    places[part] ??= this.tokens.current.at;
    this.#places.set(declaration, places);
  }

  /** The same, of a part that stands elsewhere. */
  markAt(declaration: object, part: DeclarationPart, at: number): void {
    this.#places.set(declaration, { ...this.#places.get(declaration), [part]: at });
  }

  /** Where a part of a declaration begins, or else its name. */
  placeOf(declaration: object, part: DeclarationPart): number | undefined {
    const places = this.#places.get(declaration);
    return places?.[part] ?? places?.name;
  }

  /** Whether it has an edition instead of a syntax. */
  get isEdition(): boolean {
    return this.file.edition !== undefined;
  }

  /** Whether `optional` makes a oneof. */
  get isProto3(): boolean {
    return this.file.syntax === "proto3";
  }

  /** `option name = value;` */
  option(owner: OptionsOf["owner"], typeName: string, scope: string, path: readonly number[]): void {
    const location = this.paths.open(path);
    this.tokens.next();
    this.addOption(owner, typeName, scope, readOption(this.tokens), location.path);
    location.end(";");
  }

  /** Keeps an option until it can be understood. */
  addOption(
    owner: OptionsOf["owner"],
    typeName: string,
    scope: string,
    option: OptionStatement,
    location: number[] | undefined,
  ): void {
    let statements = this.#byOwner.get(owner);
    if (statements === undefined) {
      this.#byOwner.set(owner, (statements = []));
      this.options.push({ owner, typeName, scope, statements });
    }
    statements.push({ option, location });
  }

  /** `[name = value, name = value]`, if it is there. */
  inlineOptions(): OptionStatement[] {
    const options: OptionStatement[] = [];
    if (!take(this.tokens, "[")) return options;
    do options.push(readOption(this.tokens));
    while (take(this.tokens, ","));
    expect(this.tokens, "]");
    return options;
  }

  /**
   * `reserved 5, 7 to 9;` or `reserved "name";`. `beyond` is what is added to a range's last number: that of an enum's range is
   * in it, that of a message's is behind it.
   */
  reserved(
    owner: { reservedRange: NumberRange[]; reservedName: string[] },
    path: readonly number[],
    numbers: { readonly reservedRange: number; readonly reservedName: number },
    max: number,
    beyond: 0 | 1,
  ): void {
    const start = this.tokens.current;
    this.tokens.next();
    const { kind } = this.tokens.current;
    const isNames = kind === "string" || kind === "name";
    const location = this.paths.open([...path, isNames ? numbers.reservedName : numbers.reservedRange], start);
    // No compiler takes names and numbers in one statement, but a file that protobufjs ships has them.
    do {
      const { kind: next } = this.tokens.current;
      if (next === "name") owner.reservedName.push(readName(this.tokens));
      else if (next === "string") owner.reservedName.push(this.string());
      else owner.reservedRange.push(this.range(max, beyond));
    } while (take(this.tokens, ","));
    location.end(";");
  }

  /** Ranges with commas between them. */
  ranges(max: number, beyond: 0 | 1): NumberRange[] {
    const ranges: NumberRange[] = [];
    do ranges.push(this.range(max, beyond));
    while (take(this.tokens, ","));
    return ranges;
  }

  /** `5`, `5 to 9` or `5 to max`. */
  range(max: number, beyond: 0 | 1): NumberRange {
    const start = this.integer();
    let end = start;
    if (take(this.tokens, "to")) end = take(this.tokens, "max") ? max : this.integer();
    return { start, end: end + beyond };
  }

  /** A whole number, with a sign or without. */
  integer(): number {
    const sign = take(this.tokens, "-") ? -1 : 1;
    const { kind, text } = this.tokens.current;
    if (kind !== "integer") throw wanted(this.tokens, "a whole number");
    this.tokens.next();
    const value = sign * (/^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text));
    // A zero has no sign here.
    return value + 0;
  }

  /** A string, as text. */
  string(): string {
    return Buffer.from(readString(this.tokens)).toString();
  }
}

/** `{ name }` behind a package or a type. */
export function join(scope: string, name: string): string {
  return scope === "" ? name : `${scope}.${name}`;
}
