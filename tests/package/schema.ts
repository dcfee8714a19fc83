// The package's schema as it was last looked at. `npm run schema` writes it anew.
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

import { build, goldenSchemaFile, inferSchema } from "../support/plugin";

/** The schema with all keys in order: what TypeScript meets first is no change. */
export function sorted<T>(value: T): T {
    if (Array.isArray(value)) {
        return value.map(sorted) as T;
    }
    if (typeof value === "object" && value !== null) {
        const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
        return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner as unknown)])) as T;
    }
    return value;
}

async function write(): Promise<void> {
    await build();
    writeFileSync(goldenSchemaFile, JSON.stringify(sorted(await inferSchema(tmpdir())), undefined, 4) + "\n");
}

if (require.main === module) {
    void write();
}
