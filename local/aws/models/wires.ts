import type { Ref, Shape } from "./model";

/** A member as it was found on the wire. */
export interface Given {
    readonly name: string;
    readonly ref: Ref;
    readonly raw: unknown;
    readonly wire: Wire;
}

export interface Members {
    readonly given: readonly Given[];
    /** The names of what no member claims. */
    readonly unknown: readonly string[];
}

/** How one of AWS's protocols writes what a shape describes. Each gives undefined for what is not of that kind. */
export interface Wire {
    members(raw: unknown, shape: Shape, shapes: Shapes): Members | undefined;
    elements(raw: unknown, list: Shape): readonly unknown[] | undefined;
    entries(raw: unknown, map: Shape): readonly (readonly [unknown, unknown])[] | undefined;
    scalar(raw: unknown, type: Shape["type"]): unknown;
}

type Shapes = Readonly<Record<string, Shape>>;
type Tree = Readonly<Record<string, unknown>>;

function isTree(raw: unknown): raw is Tree {
    return typeof raw === "object" && raw !== null && !Array.isArray(raw) && !(raw instanceof Date);
}

/** Sorts what stands under the names of a shape's members from what does not. */
function claim(wire: Wire, tree: Tree, shape: Shape, nameOf: (name: string, ref: Ref) => string): Members {
    const given: Given[] = [];
    const claimed = new Set<string>();
    for (const [name, ref] of Object.entries(shape.members ?? {})) {
        const key = nameOf(name, ref);
        if (tree[key] !== undefined && tree[key] !== null) {
            given.push({ name, ref, raw: tree[key], wire });
        }
        claimed.add(key);
    }
    return { given, unknown: Object.keys(tree).filter((key) => !claimed.has(key)) };
}

// ---- JSON and CBOR --------------------------------------------------------------------------------------------------

function objects(nameOf: (name: string, ref: Ref) => string): Wire {
    const wire: Wire = {
        members: (raw, shape) => (isTree(raw) ? claim(wire, raw, shape, nameOf) : undefined),
        elements: (raw) => (Array.isArray(raw) ? raw : undefined),
        entries: (raw) => (isTree(raw) ? Object.entries(raw) : undefined),
        scalar(raw, type) {
            if (isWhole(type)) {
                return typeof raw === "bigint" ? Number(raw) : Number.isInteger(raw) ? raw : undefined;
            }
            if (isDecimal(type)) {
                return typeof raw === "number" ? raw : undefined;
            }
            if (type === "boolean") {
                return typeof raw === "boolean" ? raw : undefined;
            }
            if (type === "blob") {
                const bytes = typeof raw === "string" ? Buffer.from(raw, "base64") : raw;
                return bytes instanceof Uint8Array ? bytes : undefined;
            }
            if (type === "timestamp") {
                return toTime(typeof raw === "number" ? raw * 1_000 : raw);
            }
            return typeof raw === "string" ? raw : undefined;
        },
    };
    return wire;
}

/** Bodies of the JSON protocols, and of CBOR once it is decoded. */
export const jsonWire = objects((name, { locationName }) => locationName ?? name);

/** What the SDK's commands take and give. */
export const sdkWire: Wire = { ...objects((name) => name), scalar: sdkScalar };

function sdkScalar(raw: unknown, type: Shape["type"]): unknown {
    return type === "blob" && typeof raw === "string" ? Buffer.from(raw) : jsonWire.scalar(raw, type);
}

// ---- text: XML, queries, headers ------------------------------------------------------------------------------------

function textScalar(raw: unknown, type: Shape["type"]): unknown {
    const text = textOf(raw);
    if (text === undefined) {
        return undefined;
    }
    if (isWhole(type)) {
        return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
    }
    if (isDecimal(type)) {
        return text.trim() === "" || Number.isNaN(Number(text)) ? undefined : Number(text);
    }
    if (type === "boolean") {
        return text === "true" ? true : text === "false" ? false : undefined;
    }
    if (type === "blob") {
        return Buffer.from(text, "base64");
    }
    if (type === "timestamp") {
        return toTime(/^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : text);
    }
    return text;
}

function isWhole(type: Shape["type"]): boolean {
    return type === "integer" || type === "long";
}

function isDecimal(type: Shape["type"]): boolean {
    return type === "float" || type === "double" || type === "bigdecimal";
}

/** An element with attributes holds its text beside them. */
function textOf(raw: unknown): string | undefined {
    if (isTree(raw) && Object.keys(raw).every((key) => key.startsWith("@") || key === "#text")) {
        return textOf(raw["#text"] ?? "");
    }
    return typeof raw === "string" ? raw : undefined;
}

function toTime(raw: unknown): Date | undefined {
    const time = raw instanceof Date ? raw : new Date(raw as string | number);
    return Number.isNaN(time.getTime()) ? undefined : time;
}

/** Values of labels, query strings and headers. */
export const textWire: Wire = {
    members: () => undefined,
    elements: (raw) => (Array.isArray(raw) ? (raw as unknown[]) : [raw]),
    entries: (raw) => (isTree(raw) ? Object.entries(raw) : undefined),
    scalar: textScalar,
};

/** `{ "1": a, "2": b }`; an empty list is written as an empty text. */
function numbered(raw: unknown): readonly unknown[] | undefined {
    if (raw === "") {
        return [];
    }
    if (!isTree(raw) || !Object.keys(raw).every((key) => /^\d+$/.test(key))) {
        return undefined;
    }
    return Object.entries(raw)
        .sort(([one], [other]) => Number(one) - Number(other))
        .map(([, element]) => element);
}

function within(raw: unknown, name: string): unknown {
    return isTree(raw) && Object.keys(raw).every((key) => key === name) ? raw[name] : raw === "" ? "" : undefined;
}

/** `Filters.member.1.Name=…`, as a tree by its dots. */
export const queryWire: Wire = {
    members: (raw, shape, shapes) =>
        raw === ""
            ? { given: [], unknown: [] }
            : isTree(raw)
              ? claim(queryWire, raw, shape, (name, ref) => queryName(name, ref, shapes))
              : undefined,
    elements: (raw, list) => numbered(list.flattened ? raw : within(raw, list.member!.locationName ?? "member")),
    entries: (raw, map) =>
        numbered(map.flattened ? raw : within(raw, "entry"))?.map((entry) => [
            (entry as Tree)[map.key!.locationName ?? "key"],
            (entry as Tree)[map.value!.locationName ?? "value"] ?? "",
        ]),
    scalar: textScalar,
};

/** The elements of a flattened list stand under their own name. */
function queryName(name: string, ref: Ref, shapes: Shapes): string {
    const shape = shapes[ref.shape];
    const ofElements = shape.type === "list" && isFlat(ref, shape) ? shape.member!.locationName : undefined;
    return ofElements ?? ref.locationName ?? name;
}

function isFlat(ref: Ref, shape: Shape): boolean {
    return shape.flattened === true || ref.flattened === true;
}

/** `Filter.1.Value.1=…`: like queries, with lists always flat and names in upper case. */
export const ec2Wire: Wire = {
    ...queryWire,
    members: (raw, shape) =>
        isTree(raw)
            ? claim(
                  ec2Wire,
                  raw,
                  shape,
                  (name, { queryName: own, locationName }) => own ?? upperFirst(locationName ?? name),
              )
            : undefined,
    elements: numbered,
};

function upperFirst(text: string): string {
    return text[0].toUpperCase() + text.slice(1);
}

/** XML as fast-xml-parser reads it with attributes as `@name`. */
export const xmlWire: Wire = {
    members: (raw, shape, shapes) =>
        isTree(raw) || raw === ""
            ? claim(
                  xmlWire,
                  Object.fromEntries(
                      Object.entries(raw || {}).filter(
                          ([key, value]) => !key.startsWith("@xmlns") && !(key === "#text" && isBlank(value)),
                      ),
                  ),
                  shape,
                  (name, ref) => (ref.xmlAttribute ? `@${ref.locationName ?? name}` : queryName(name, ref, shapes)),
              )
            : undefined,
    elements: (raw, list) => many(list.flattened ? raw : child(raw, list.member!.locationName ?? "member")),
    entries: (raw, map) =>
        many(map.flattened ? raw : child(raw, "entry"))?.map((entry) => [
            (entry as Tree)[map.key!.locationName ?? "key"],
            (entry as Tree)[map.value!.locationName ?? "value"] ?? "",
        ]),
    scalar: textScalar,
};

function isBlank(value: unknown): boolean {
    return typeof value === "string" && value.trim() === "";
}

function child(raw: unknown, name: string): unknown {
    if (isBlank(raw)) {
        return [];
    }
    if (!isTree(raw)) {
        return undefined;
    }
    const others = Object.entries(raw).filter(
        ([key, value]) => key !== name && !key.startsWith("@xmlns") && !(key === "#text" && isBlank(value)),
    );
    return others.length === 0 ? (raw[name] ?? []) : undefined;
}

function many(raw: unknown): readonly unknown[] | undefined {
    return raw === undefined ? undefined : Array.isArray(raw) ? (raw as unknown[]) : [raw];
}
