import type { Ref, ServiceModel, Shape } from "./model";
import type { Members, Wire } from "./wires";

/** What AWS would object to. */
export interface Fault {
    readonly kind: "unknown" | "missing" | "type" | "enum" | "constraint";
    /** e.g. `containerDefinitions.1.name`, elements counted from 1 as AWS does. */
    readonly path: string;
    /** As AWS words it. */
    readonly reason: string;
}

export interface Judgement {
    /** By the model's names, numbers and times converted: what the SDK's command was given. */
    readonly parameters: Readonly<Record<string, unknown>>;
    readonly faults: readonly Fault[];
}

/** Reads members of a structure and holds all that they are against the model. */
export function judgeMembers(model: ServiceModel, shape: Shape, members: Members): Judgement {
    const judge = new Judge(model);
    return { parameters: judge.structure(shape, members, ""), faults: judge.faults };
}

/** The same of a whole body. */
export function judgeBody(model: ServiceModel, shape: Shape, raw: unknown, wire: Wire): Judgement {
    const judge = new Judge(model);
    const value = judge.value({ ...shape, type: "structure" }, raw, wire, "");
    return { parameters: (value ?? {}) as Judgement["parameters"], faults: judge.faults };
}

class Judge {
    readonly faults: Fault[] = [];

    constructor(private readonly model: ServiceModel) {}

    structure(shape: Shape, { given, unknown }: Members, path: string): Readonly<Record<string, unknown>> {
        for (const name of unknown.filter((key) => !(shape.union && key === "__type"))) {
            const known = Object.keys(shape.members ?? {}).map(lowerFirst);
            this.object("unknown", join(path, name), "", `Member must be one of: [${known.join(", ")}]`);
        }
        const names = new Set(given.map(({ name }) => name));
        for (const name of (shape.required ?? []).filter((required) => !names.has(required))) {
            this.object("missing", join(path, lowerFirst(name)), "", "Member must not be null");
        }
        if (shape.union && given.length !== 1) {
            this.object(
                "constraint",
                path,
                "",
                `Exactly one of ${Object.keys(shape.members ?? {}).join(", ")} must be set`,
            );
        }
        return Object.fromEntries(
            given.map(({ name, ref, raw, wire }) => [name, this.member(ref, raw, wire, join(path, lowerFirst(name)))]),
        );
    }

    private member(ref: Ref, raw: unknown, wire: Wire, path: string): unknown {
        const shape = this.model.shapes[ref.shape];
        return this.value(ref.flattened ? { ...shape, flattened: true } : shape, raw, wire, path);
    }

    value(shape: Shape, raw: unknown, wire: Wire, path: string): unknown {
        if (shape.document || shape.eventstream) {
            return raw;
        }
        if (shape.type === "structure") {
            const members = wire.members(raw, shape, this.model.shapes);
            return members ? this.structure(shape, members, path) : this.wrongType(shape, raw, path);
        }
        if (shape.type === "list") {
            const elements = wire.elements(raw, shape);
            if (!elements) {
                return this.wrongType(shape, raw, path);
            }
            this.checkSize(shape, elements.length, elements, path);
            return elements.map((element, i) => this.member(shape.member!, element, wire, join(path, `${i + 1}`)));
        }
        if (shape.type === "map") {
            const entries = wire.entries(raw, shape);
            if (!entries) {
                return this.wrongType(shape, raw, path);
            }
            this.checkSize(shape, entries.length, Object.fromEntries(entries), path);
            return Object.fromEntries(
                entries.map(([key, value]) => [
                    this.member(shape.key!, key, wire, join(path, "key")),
                    this.member(shape.value!, value, wire, join(path, String(key))),
                ]),
            );
        }
        const value = wire.scalar(raw, shape.type);
        if (value === undefined) {
            return this.wrongType(shape, raw, path);
        }
        this.checkScalar(shape, value, path);
        return value;
    }

    private checkScalar(shape: Shape, value: unknown, path: string): void {
        if (typeof value === "number") {
            this.checkRange(shape, value, value, path, "Member must have value");
        } else if (value instanceof Uint8Array) {
            this.checkSize(shape, value.length, undefined, path);
        } else if (typeof value === "string") {
            this.checkSize(shape, value.length, value, path);
            if (shape.enum && !shape.enum.includes(value)) {
                const must = `Member must satisfy enum value set: [${shape.enum.join(", ")}]`;
                this.object("enum", path, shown(shape, value), must);
            }
            if (shape.pattern !== undefined && !matches(shape.pattern, value)) {
                this.violate(shape, value, path, `Member must satisfy regular expression pattern: ${shape.pattern}`);
            }
        }
    }

    private checkSize(shape: Shape, length: number, value: unknown, path: string): void {
        this.checkRange(shape, length, value, path, "Member must have length");
    }

    private checkRange(shape: Shape, size: number, value: unknown, path: string, must: string): void {
        const { min, max } = shape;
        if (min !== undefined && size < min) {
            this.violate(shape, value, path, `${must} greater than or equal to ${min}`);
        }
        if (max !== undefined && size > max) {
            this.violate(shape, value, path, `${must} less than or equal to ${max}`);
        }
    }

    private wrongType(shape: Shape, raw: unknown, path: string): undefined {
        this.object("type", path, shown(shape, raw), `Member must be of type ${shape.type}`);
        return undefined;
    }

    private violate(shape: Shape, value: unknown, path: string, must: string): void {
        this.object("constraint", path, shown(shape, value), must);
    }

    private object(kind: Fault["kind"], path: string, value: string, must: string): void {
        this.faults.push({ kind, path, reason: `Value${value} at '${path}' failed to satisfy constraint: ${must}` });
    }
}

/** What a model calls sensitive is not said. */
function shown({ sensitive }: Shape, value: unknown): string {
    if (sensitive || value === undefined) {
        return "";
    }
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return ` '${text.length > 200 ? `${text.slice(0, 200)}…` : text}'`;
}

function join(path: string, name: string): string {
    return path === "" ? name : `${path}.${name}`;
}

/** AWS names members in its reasons like this, whatever the model's spelling. */
function lowerFirst(name: string): string {
    return name[0].toLowerCase() + name.slice(1);
}

const expressions = new Map<string, RegExp>();

/** AWS matches the whole value. */
function matches(pattern: string, value: string): boolean {
    let expression = expressions.get(pattern);
    if (!expression) {
        expression = toRegExp(pattern);
        expressions.set(pattern, expression);
    }
    return expression.test(value);
}

/** Java's classes of characters that JavaScript names otherwise. */
const classes: Readonly<Record<string, string>> = {
    "\\p{Print}": "[\\x20-\\x7e]",
    "\\p{ASCII}": "[\\x00-\\x7f]",
    "\\p{Alnum}": "[a-zA-Z0-9]",
    "\\p{IsLetter}": "\\p{L}",
};

/** A model's pattern, which is Java's, for the whole of a value. @throws SyntaxError for what JavaScript cannot say */
export function toRegExp(pattern: string): RegExp {
    const inline = /^\(\?([is]+)\)/.exec(pattern);
    const body = Object.entries(classes).reduce(
        (text, [java, ours]) => text.replaceAll(java, ours),
        inline ? pattern.slice(inline[0].length) : pattern,
    );
    // Unicode mode allows no escape that is not needed.
    const unescaped = body.replace(/\\([^\w\s\\^$.*+?()[\]{}|/-])/g, "$1").replace(/\\_/g, "_");
    try {
        return new RegExp(`^(?:${unescaped})$`, `u${inline?.[1] ?? ""}`);
    } catch {
        return new RegExp(`^(?:${body})$`, inline?.[1] ?? "");
    }
}
