/**
 * What each module declares, and under which names: worked out for all files before any is written, as they refer to each
 * other.
 *
 * Laws: a nested type is named by its parents and itself (`Order_Address`), and gives way to a type that is called that.
 */
import type { Declarations, DeclaredEnum, DeclaredExtension, DeclaredMessage, DeclaredService } from "../declared.js";
import type { ProtoFile, Schema } from "../schema.js";
import { WELL_KNOWN_FILES } from "../well-known.js";
import { fileConstant, modulePath, Names } from "./names.js";

/** A message, an enum, a service or an extension. */
export type Declared = DeclaredMessage | DeclaredEnum | DeclaredService | DeclaredExtension;

/** A declaration and the names it has in its module. */
export interface Declaration {
  readonly object: Declared;
  /** Of its type and its constant. */
  readonly name: string;
  /** Of what may be given for it; messages alone have one. */
  readonly initName: string;
}

/** One module. */
export interface ModulePlan {
  readonly file: ProtoFile;
  /** From the output folder, such as `"google/api/http.ts"`. */
  readonly path: string;
  /** In the order of the file, each behind those it holds. */
  readonly declarations: readonly Declaration[];
  /** What the module exports its file as. */
  readonly fileName: string;
  /** Every name declared at the top of the module. */
  readonly names: readonly string[];
}

/** The modules of a schema. */
export interface Plan {
  readonly modules: readonly ModulePlan[];
  /** Where a declaration is; those of well-known files are in the runtime, and in no module. */
  find(object: Declared): { readonly module: ModulePlan | undefined; readonly declaration: Declaration };
  /** The module of a file, or `undefined` for a well-known one. */
  moduleOf(file: string): ModulePlan | undefined;
  /** What a file declares. */
  declarationsOf(file: string): readonly Declaration[];
  publicImportsOf(file: string): readonly string[];
}

/** Plans a module for every file of `schema` but the well-known ones. @throws Error when two files want one module. */
export function planModules(schema: Schema): Plan {
  const objects = objectsByFile(schema.declarations);
  const modules = schema.files
    .filter(({ name }) => !WELL_KNOWN_FILES.has(name))
    .map((file) => planModule(file, objects.get(file.name) ?? []));
  const byPath = new Map<string, ModulePlan>();
  const byFile = new Map<string, ModulePlan>();
  const places = new Map<Declared, { module: ModulePlan; declaration: Declaration }>();
  for (const module of modules) {
    const other = byPath.get(module.path);
    if (other !== undefined) {
      throw new Error(`Cannot generate ${module.file.name} and ${other.file.name} as both would become ${module.path}`);
    }
    byPath.set(module.path, module);
    byFile.set(module.file.name, module);
    for (const declaration of module.declarations) places.set(declaration.object, { module, declaration });
  }
  return {
    modules,
    find: (object) => places.get(object) ?? { module: undefined, declaration: wellKnownDeclaration(object) },
    moduleOf: (file) => byFile.get(file),
    declarationsOf: (file) => byFile.get(file)?.declarations ?? (objects.get(file) ?? []).map(wellKnownDeclaration),
    publicImportsOf: (file) => schema.files.find(({ name }) => name === file)?.publicImports ?? [],
  };
}

function wellKnownDeclaration(object: Declared): Declaration {
  return { object, name: object.name, initName: `${object.name}Init` };
}

/** The declarations of each file, each behind those it holds. */
function objectsByFile({ messages, enums, services, extensions }: Declarations): Map<string, Declared[]> {
  const nested = new Map<string, Declared[]>();
  const listOf = (lists: Map<string, Declared[]>, key: string): Declared[] => {
    const list = lists.get(key) ?? [];
    lists.set(key, list);
    return list;
  };
  const top: Declared[] = [];
  for (const one of [...enums.values(), ...messages.values(), ...extensions.values()]) {
    const scope = one.fullName.slice(0, Math.max(one.fullName.lastIndexOf("."), 0));
    if (messages.has(scope)) listOf(nested, scope).push(one);
    else top.push(one);
  }
  const found = new Map<string, Declared[]>();
  const visit = (one: Declared): void => {
    for (const inner of nested.get(one.fullName) ?? []) visit(inner);
    listOf(found, one.file).push(one);
  };
  for (const one of [...top, ...services.values()]) visit(one);
  return found;
}

function planModule(file: ProtoFile, objects: readonly Declared[]): ModulePlan {
  const names = new Names();
  const declared = new Map<Declared, string>();
  // What is nested least has the first claim on its name, and everything in the schema has one before what is made here.
  const byDepth = objects.map((object) => ({ object, path: pathInFile(object, file) }));
  for (const { object, path } of byDepth.toSorted((a, b) => a.path.length - b.path.length)) {
    declared.set(object, names.claim(path.join("_")));
  }
  const declarations = objects.map((object): Declaration => {
    const name = declared.get(object) as string;
    return { object, name, initName: object.kind === "message" ? names.claim(`${name}Init`) : name };
  });
  const fileName = names.claim(fileConstant(file.name));
  const all = new Set([...declarations.flatMap(({ name, initName }) => [name, initName]), fileName]);
  return { file, path: modulePath(file.name), declarations, fileName, names: [...all] };
}

function pathInFile(object: Declared, file: ProtoFile): string[] {
  const skip = file.package === "" ? 0 : file.package.length + 1;
  return object.fullName.slice(skip).split(".");
}
