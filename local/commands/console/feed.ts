// What the console shows, as entries that change: each of a kind and with a key, and told again when it is set anew.

/** Kinds, and how many entries of each are kept: the oldest go first. */
export const limits = {
    task: 400,
    request: 1_000,
    run: 300,
    line: 2_000,
    certificate: 20,
    queue: 100,
    target: 300,
    sample: 900,
    dashboard: 20,
    metric: 3_000,
    fault: 20,
    about: 10,
} as const;

export type Kind = keyof typeof limits;

export interface Entry {
    readonly kind: Kind;
    readonly key: string;
    /** null = it is gone. */
    readonly value: unknown;
}

export interface Feed {
    /** Nothing happens when the value is the same. */
    set(kind: Kind, key: string, value: unknown): void;
    get(kind: Kind, key: string): unknown;
    /** What changed after a version, in order, and the version that it leads to. */
    since(version: number): { readonly version: number; readonly entries: readonly Entry[] };
    /** Called after each change; gives what ends it. */
    onChange(tell: () => void): () => void;
}

interface Kept {
    readonly text: string;
    readonly value: unknown;
    readonly version: number;
}

export function createFeed(): Feed {
    const kept = Object.fromEntries(Object.keys(limits).map((kind) => [kind, new Map<string, Kept>()])) as Record<
        Kind,
        Map<string, Kept>
    >;
    const listeners = new Set<() => void>();
    let version = 0;
    return {
        set(kind, key, value) {
            const entries = kept[kind];
            const text = JSON.stringify(value);
            if (entries.get(key)?.text === text) {
                return;
            }
            entries.delete(key); // so that the order is that of the changes
            entries.set(key, { text, value, version: ++version });
            for (const oldest of entries.keys()) {
                if (entries.size <= limits[kind]) {
                    break;
                }
                entries.delete(oldest);
            }
            listeners.forEach((tell) => tell());
        },
        get: (kind, key) => kept[kind].get(key)?.value,
        since: (after) => ({
            version,
            entries: (Object.keys(limits) as Kind[])
                .flatMap((kind) =>
                    [...kept[kind]]
                        .filter(([, entry]) => entry.version > after)
                        .map(([key, entry]) => ({ kind, key, ...entry })),
                )
                .sort((one, other) => one.version - other.version)
                .map(({ kind, key, value }) => ({ kind, key, value })),
        }),
        onChange(tell) {
            listeners.add(tell);
            return () => listeners.delete(tell);
        },
    };
}
