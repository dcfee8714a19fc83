import { isDeepStrictEqual } from "node:util";

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

/** Whether what AWS gives back says what it was sent: it leaves out what is empty, orders lists anew, and writes documents and numbers in its own way. */
export function saysTheSame(read: unknown, sent: unknown): boolean {
    if (isEmpty(sent)) {
        return isEmpty(read);
    }
    if (typeof read === "string" && (isProperties(sent) || /^\s*[{[]/.test(String(sent)))) {
        return isDeepStrictEqual(document(read), document(sent));
    }
    if (Array.isArray(sent)) {
        const left = Array.isArray(read) ? [...(read as unknown[])] : [];
        return (
            left.length === sent.length &&
            sent.every((item) => {
                const index = left.findIndex((candidate) => saysTheSame(candidate, item));
                return index >= 0 && left.splice(index, 1).length === 1;
            })
        );
    }
    if (isProperties(sent)) {
        const found = isProperties(read) ? read : {};
        return Object.keys({ ...found, ...sent }).every((key) => saysTheSame(found[key], sent[key]));
    }
    return String(read) === String(sent);
}

/** Without what AWS fills in where nothing was sent. */
export function within(read: unknown, sent: unknown): unknown {
    if (sent === undefined) {
        return undefined;
    }
    if (Array.isArray(read) && Array.isArray(sent)) {
        return read.map((item, index) => within(item, sent[index]));
    }
    if (!isProperties(read) || !isProperties(sent)) {
        return read;
    }
    return Object.fromEntries(Object.keys(sent).map((key) => [key, within(read[key], sent[key])]));
}

function isEmpty(value: unknown): boolean {
    if (Array.isArray(value)) {
        return value.length === 0;
    }
    return isProperties(value) ? Object.values(value).every(isEmpty) : !plain(value);
}

function document(value: unknown): unknown {
    try {
        return typeof value === "string" ? (JSON.parse(value) as unknown) : value;
    } catch {
        return value;
    }
}

/** A number or a boolean that AWS gives as a text. */
export function plain(value: unknown): unknown {
    return typeof value === "string" && /^(true|false|\d+)$/.test(value) ? (JSON.parse(value) as unknown) : value;
}

/** `{minCapacity: 1}` as the AWS SDK writes it: `{MinCapacity: 1}`, all the way down. */
export function pascalKeys(value: unknown): unknown {
    return withKeys(value, (key) => key[0].toUpperCase() + key.slice(1));
}

/** The way back. */
export function camelKeys(value: unknown): unknown {
    return withKeys(value, (key) => key[0].toLowerCase() + key.slice(1));
}

function withKeys(value: unknown, rename: (key: string) => string): unknown {
    if (Array.isArray(value)) {
        return value.map((item) => withKeys(item, rename));
    }
    if (!isProperties(value)) {
        return value;
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [rename(key), withKeys(item, rename)]));
}
