/** What passes between the engine and a provider: JSON, in which a few strings and keys have a meaning of their own. */
export type Properties = Record<string, unknown>;

/** Stands for a value that a preview cannot know yet (the engine's own constant). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Marks assets and archives as such (the engine's own constants). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const ARCHIVE_SIGNATURE = "0def7320c3a5731c473e5ecbe6d01bc7";
const ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17";

export interface Asset {
    readonly hash?: string;
    readonly text?: string;
    readonly path?: string;
}

export interface Archive {
    readonly hash?: string;
    readonly assets?: Readonly<Record<string, unknown>>;
    readonly path?: string;
}

export function isProperties(value: unknown): value is Properties {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isAsset(value: unknown): value is Asset {
    return isProperties(value) && value[SIGNATURE] === ASSET_SIGNATURE;
}

export function isArchive(value: unknown): value is Archive {
    return isProperties(value) && value[SIGNATURE] === ARCHIVE_SIGNATURE;
}

export function containsUnknown(value: unknown): boolean {
    if (Array.isArray(value)) {
        return value.some(containsUnknown);
    }
    return isProperties(value) ? Object.values(value).some(containsUnknown) : value === UNKNOWN;
}

/** Deep equality; assets and archives are what their hash says, wherever they lie. An unknown value equals nothing. */
export function isSame(a: unknown, b: unknown): boolean {
    if ((isAsset(a) && isAsset(b)) || (isArchive(a) && isArchive(b))) {
        return a.hash !== undefined && a.hash === b.hash;
    }
    if (Array.isArray(a) && Array.isArray(b)) {
        return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
    }
    if (isProperties(a) && isProperties(b)) {
        const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
        return [...keys].every((key) => isSame(a[key], b[key]));
    }
    return a === b && a !== UNKNOWN;
}

/** The names of the properties that are not the same in both. */
export function changedKeys(olds: Properties, news: Properties): string[] {
    const keys = new Set([...Object.keys(olds), ...Object.keys(news)]);
    return [...keys].filter((key) => !isSame(olds[key], news[key])).sort();
}

/** The same without what is null or undefined: to a provider, absent. */
export function withoutNulls<T>(value: T): T {
    if (Array.isArray(value)) {
        return value.map(withoutNulls) as T;
    }
    if (!isProperties(value)) {
        return value;
    }
    const entries = Object.entries(value).filter(([, item]) => item !== undefined && item !== null);
    return Object.fromEntries(entries.map(([key, item]) => [key, withoutNulls(item)])) as T;
}

/** `{minCapacity: 1}` as the AWS SDK writes it: `{MinCapacity: 1}`, all the way down. */
export function pascalKeys(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(pascalKeys);
    }
    if (!isProperties(value)) {
        return value;
    }
    return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key[0].toUpperCase() + key.slice(1), pascalKeys(item)]),
    );
}
