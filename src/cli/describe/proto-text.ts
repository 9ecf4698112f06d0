/**
 * Declarations as the source text they came from, or could have.
 *
 * Spec: protobuf.dev, "Protocol Buffers Language Specification" (proto2, proto3, editions).
 * Laws: comments and options are where they were; types are called by their full names; every text that is a stranger's stands
 * between quotes or behind slashes on lines of its own.
 */
import {
  type EnumDeclaration,
  type FieldDeclaration,
  isMapEntry,
  mapEntryOf,
  type MessageDeclaration,
  type MethodDeclaration,
  type RangeDeclaration,
  type ServiceDeclaration,
  withoutDot,
} from "./declaration.js";
import {
  type Declared,
  type DeclaredNames,
  type DeclaringFile,
  ENUM_VALUES,
  MESSAGE,
  SERVICE_METHODS,
} from "./declared.js";
import { isGroup, labelOf, pseudoOptions, typeOf, visible } from "./field-text.js";
import type { OptionPrinter, OptionsOf, PrintedOptions } from "./options.js";
import { ENUM_RANGES, FIELD_RANGES, rangeText, reserved } from "./range-text.js";
import { block, commented, indented, spaced } from "./source-lines.js";

/** A declaration with the place it is at, as far as printing needs it. */
interface At {
  readonly file: DeclaringFile;
  readonly path: readonly number[];
  /** The full name of the message around it, or the package. */
  readonly scope: string;
}

/** What prints the declarations of one schema. */
export class ProtoText {
  readonly #names: DeclaredNames;
  readonly #options: OptionPrinter;

  constructor(names: DeclaredNames, options: OptionPrinter) {
    this.#names = names;
    this.#options = options;
  }

  /** The lines of a declaration, the comments above it included. */
  print(declared: Declared): string[] {
    const { file, path, fullName } = declared;
    const at = { file, path, scope: fullName.slice(0, Math.max(0, fullName.lastIndexOf("."))) };
    const body = this.#declaration(declared, at);
    return commented(file.comments(path), body, false);
  }

  #declaration(declared: Declared, at: At): string[] {
    switch (declared.kind) {
      case "service":
        return this.#service(declared.node, at);
      case "method":
        return this.#method(declared.node);
      case "message":
        return this.#message(visible(`message ${declared.node.name}`, declared.node.visibility), declared.node, at);
      case "field":
        return this.#field(declared.node, declared.message, at);
      case "oneof":
        return this.#oneof(declared.message, declared.message.oneofs.indexOf(declared.node), {
          ...at,
          path: at.path.slice(0, -2),
        });
      case "enum":
        return this.#enum(declared.node, at);
      case "enum value":
        return this.#bracketed(
          `${declared.node.name} = ${declared.node.number ?? 0}`,
          "EnumValueOptions",
          declared.node.options,
        );
      default:
        return this.#extension(declared.node, at);
    }
  }

  #service({ name, methods, options }: ServiceDeclaration, { file, path }: At): string[] {
    const members = methods.map((method, i) =>
      commented(file.comments([...path, SERVICE_METHODS, i]), this.#method(method), true),
    );
    return block(`service ${name}`, [...this.#statements("ServiceOptions", options), ...spaced(members)]);
  }

  #method({ name, input, output, clientStreaming, serverStreaming, options }: MethodDeclaration): string[] {
    const request = `${clientStreaming === true ? "stream " : ""}${withoutDot(input)}`;
    const response = `${serverStreaming === true ? "stream " : ""}${withoutDot(output)}`;
    const head = `rpc ${name}(${request}) returns (${response})`;
    const statements = this.#statements("MethodOptions", options);
    return statements.length === 0 ? [`${head};`] : block(head, statements);
  }

  #message(head: string, node: MessageDeclaration, at: At): string[] {
    const { file, path } = at;
    const scope = at.scope === "" ? node.name : `${at.scope}.${node.name}`;
    const inside = (field: number, i: number): At => ({ file, path: [...path, field, i], scope });
    const groups = new Set(node.fields.filter(isGroup).map(({ typeName = "" }) => withoutDot(typeName)));
    const nested = node.messages.flatMap((one, i) => {
      if (groups.has(`${scope}.${one.name}`) || isMapEntry(one)) return [];
      const place = inside(MESSAGE.messages, i);
      return [
        commented(
          file.comments(place.path),
          this.#message(visible(`message ${one.name}`, one.visibility), one, place),
          true,
        ),
      ];
    });
    const enums = node.enums.map((one, i) => {
      const place = inside(MESSAGE.enums, i);
      return commented(file.comments(place.path), this.#enum(one, place), true);
    });
    return block(head, [
      ...this.#statements("MessageOptions", node.options),
      ...spaced([...enums, ...nested]),
      ...this.#fields(node, { file, path, scope }),
      ...this.#extensionRanges(node.extensionRanges),
      ...node.extensions.flatMap((one, i) => {
        const place = inside(MESSAGE.extensions, i);
        return commented(file.comments(place.path), this.#extension(one, place), true);
      }),
      ...reserved(node.reservedRanges, node.reservedNames, file, FIELD_RANGES),
    ]);
  }

  /** The fields, a oneof where the first of it is. `at` is the message's. */
  #fields(node: MessageDeclaration, at: At): string[] {
    const printed = new Set<number>();
    return node.fields.flatMap((field, i) => {
      const { oneofIndex } = field;
      if (oneofIndex === undefined || field.proto3Optional === true) return this.#commentedField(field, i, node, at);
      if (printed.has(oneofIndex)) return [];
      printed.add(oneofIndex);
      return commented(
        at.file.comments([...at.path, MESSAGE.oneofs, oneofIndex]),
        this.#oneof(node, oneofIndex, at),
        true,
      );
    });
  }

  #commentedField(field: FieldDeclaration, i: number, node: MessageDeclaration, at: At): string[] {
    const place = { ...at, path: [...at.path, MESSAGE.fields, i] };
    return commented(at.file.comments(place.path), this.#field(field, node, place), true);
  }

  #oneof(node: MessageDeclaration, index: number, at: At): string[] {
    const oneof = node.oneofs[index];
    const members = node.fields.flatMap((field, i) =>
      field.oneofIndex === index ? this.#commentedField(field, i, node, at) : [],
    );
    return block(`oneof ${oneof?.name ?? ""}`, [...this.#statements("OneofOptions", oneof?.options), ...members]);
  }

  /** `node` is the message it is a field of; an extension has none. */
  #field(field: FieldDeclaration, node: MessageDeclaration | undefined, at: At): string[] {
    const label = labelOf(field, at.file.syntax);
    const number = field.number ?? 0;
    if (isGroup(field)) {
      const group = this.#names.message(withoutDot(field.typeName ?? ""));
      if (group !== undefined) {
        const scope = group.fullName.slice(0, Math.max(0, group.fullName.lastIndexOf(".")));
        // A message begins behind it, so that it has to fit on one line.
        const lines = this.#bracketed(`${label}group ${group.node.name} = ${number}`, "FieldOptions", field.options);
        const head = lines.filter((line) => !line.startsWith("//")).map((line) => line.trim());
        return this.#message(head.join(" ").slice(0, -1), group.node, { ...group, scope });
      }
    }
    const entry = node === undefined ? undefined : mapEntryOf(field, node);
    const [key, value] = entry?.fields.toSorted((a, b) => (a.number ?? 0) - (b.number ?? 0)) ?? [];
    const type =
      key === undefined || value === undefined ? `${label}${typeOf(field)}` : `map<${typeOf(key)}, ${typeOf(value)}>`;
    return this.#bracketed(`${type} ${field.name} = ${number}`, "FieldOptions", field.options, pseudoOptions(field));
  }

  #extension(node: FieldDeclaration, at: At): string[] {
    return block(`extend ${withoutDot(node.extendee ?? "")}`, this.#field(node, undefined, at));
  }

  #enum(node: EnumDeclaration, { file, path }: At): string[] {
    const values = node.values.flatMap(({ name, number, options }, i) =>
      commented(
        file.comments([...path, ENUM_VALUES, i]),
        this.#bracketed(`${name} = ${number ?? 0}`, "EnumValueOptions", options),
        true,
      ),
    );
    return block(visible(`enum ${node.name}`, node.visibility), [
      ...this.#statements("EnumOptions", node.options),
      ...values,
      ...reserved(node.reservedRanges, node.reservedNames, file, ENUM_RANGES),
    ]);
  }

  #extensionRanges(ranges: readonly RangeDeclaration[]): string[] {
    return ranges.flatMap((range) =>
      this.#bracketed(`extensions ${rangeText(range, FIELD_RANGES)}`, "ExtensionRangeOptions", range.options),
    );
  }

  /** `option name = value;`, a line each. */
  #statements(of: OptionsOf, bytes: Uint8Array | undefined): string[] {
    const printed = this.#options.print(of, bytes);
    return [
      ...printed.options.flatMap(({ name, value }) => `option ${name} = ${value};`.split("\n")),
      ...unknownOptions(printed),
    ];
  }

  /** `head [name = value, …];` */
  #bracketed(head: string, of: OptionsOf, bytes: Uint8Array | undefined, first: readonly string[] = []): string[] {
    const printed = this.#options.print(of, bytes);
    const all = [...first, ...printed.options.map(({ name, value }) => `${name} = ${value}`)];
    const unknown = unknownOptions(printed);
    if (all.length === 0) return [...unknown, `${head};`];
    if (!all.some((one) => one.includes("\n"))) return [...unknown, `${head} [${all.join(", ")}];`];
    const lines = all.join(",\n").split("\n");
    return [...unknown, `${head} [`, ...indented(lines), "];"];
  }
}

function unknownOptions({ unknown }: PrintedOptions): string[] {
  return unknown.flatMap(({ name, value }) =>
    `option ${name}, declared nowhere = ${value}`.split("\n").map((line) => `// ${line}`),
  );
}
