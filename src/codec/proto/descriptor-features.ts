/**
 * Features: what the syntax or edition of a file says about how its messages are read and written, and what its options change.
 *
 * Spec: protobuf.dev, "Feature Settings for Editions"; descriptor.proto, FeatureSet.
 * Laws: what is nested inherits what is around it; the options of proto2 and proto3 that mean the same are features too.
 */
import {
  FieldType,
  Label,
  knownOptions,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  type HasOptions,
} from "./descriptor-model.js";

/** The features that change codecs, as numbers of their enums in `FeatureSet`. */
export interface Features {
  readonly fieldPresence: number;
  readonly enumType: number;
  readonly repeatedFieldEncoding: number;
  readonly utf8Validation: number;
  readonly messageEncoding: number;
}

export const FieldPresence = Object.freeze({ EXPLICIT: 1, IMPLICIT: 2, LEGACY_REQUIRED: 3 } as const);
export const EnumKind = Object.freeze({ OPEN: 1, CLOSED: 2 } as const);
export const RepeatedEncoding = Object.freeze({ PACKED: 1, EXPANDED: 2 } as const);
export const Utf8Validation = Object.freeze({ VERIFY: 2, NONE: 3 } as const);
export const MessageEncoding = Object.freeze({ LENGTH_PREFIXED: 1, DELIMITED: 2 } as const);

/** The five, as options have them. */
export const FEATURE_NAMES = [
  "fieldPresence",
  "enumType",
  "repeatedFieldEncoding",
  "utf8Validation",
  "messageEncoding",
] as const satisfies readonly (keyof Features)[];

const EDITIONS: Features = Object.freeze({
  fieldPresence: FieldPresence.EXPLICIT,
  enumType: EnumKind.OPEN,
  repeatedFieldEncoding: RepeatedEncoding.PACKED,
  utf8Validation: Utf8Validation.VERIFY,
  messageEncoding: MessageEncoding.LENGTH_PREFIXED,
});
const PROTO3: Features = Object.freeze({ ...EDITIONS, fieldPresence: FieldPresence.IMPLICIT });
const PROTO2: Features = Object.freeze({
  ...EDITIONS,
  enumType: EnumKind.CLOSED,
  repeatedFieldEncoding: RepeatedEncoding.EXPANDED,
  utf8Validation: Utf8Validation.NONE,
});

/** What holds in a whole file. */
export function fileFeatures(file: FileDescriptorProto): Features {
  const preset = file.edition !== undefined ? EDITIONS : file.syntax === "proto3" ? PROTO3 : PROTO2;
  return nestedFeatures(preset, file);
}

/** What holds in something with options, within what has the features `outer`. */
export function nestedFeatures(outer: Features, inner: HasOptions): Features {
  const { features } = knownOptions(inner);
  if (features === undefined) return outer;
  const changed = FEATURE_NAMES.filter((name) => (features[name] ?? 0) !== 0);
  return changed.length === 0
    ? outer
    : { ...outer, ...Object.fromEntries(changed.map((name) => [name, features[name]])) };
}

/** The same for a field, whose label, type and options of old say the same in other words. */
export function fieldFeatures(outer: Features, field: FieldDescriptorProto): Features {
  const { packed } = knownOptions(field);
  const features = nestedFeatures(outer, field);
  return {
    ...features,
    fieldPresence: presenceOf(field, features),
    messageEncoding: field.type === FieldType.GROUP ? MessageEncoding.DELIMITED : features.messageEncoding,
    repeatedFieldEncoding:
      packed === undefined
        ? features.repeatedFieldEncoding
        : packed
          ? RepeatedEncoding.PACKED
          : RepeatedEncoding.EXPANDED,
  };
}

function presenceOf(field: FieldDescriptorProto, { fieldPresence }: Features): number {
  if (field.label === Label.REQUIRED) return FieldPresence.LEGACY_REQUIRED;
  const isExplicit = field.proto3Optional === true || field.oneofIndex !== undefined || field.extendee !== undefined;
  return isExplicit ? FieldPresence.EXPLICIT : fieldPresence;
}

/** Whether a repeated field is written as one piece; texts, bytes and messages never are. */
export function isPacked(field: FieldDescriptorProto, features: Features): boolean {
  const type = field.type ?? 0;
  if (field.label !== Label.REPEATED || NEVER_PACKED.has(type)) return false;
  return features.repeatedFieldEncoding === RepeatedEncoding.PACKED;
}

const NEVER_PACKED: ReadonlySet<number> = new Set([9, 12, FieldType.MESSAGE, FieldType.GROUP]);
