import type { Aws } from "./sdk";
import type { Properties } from "./values";

/** Data sources, by token. Their answers have the names of @pulumi/aws. */
export type DataSources = Readonly<Record<string, (aws: Aws, args: Properties) => Promise<Properties>>>;

export function onlyOne<T>(what: string, matches: readonly T[]): T {
    if (matches.length === 0) {
        throw new Error(`no matching ${what} found`);
    }
    if (matches.length > 1) {
        throw new Error(`multiple ${what}s matched; use additional constraints to reduce matches to a single ${what}`);
    }
    return matches[0];
}
