import { readFileSync } from "node:fs";

const known = new Map<string, boolean>();

/** Whether a resource of that type can have tags: AWS's own SDK says so. */
export function isTaggable(type: string): boolean {
    const path = /^aws:(.+):\w+$/.exec(type)?.[1];
    if (path === undefined) {
        return false;
    }
    const before = known.get(path);
    const answer = before ?? declares(path);
    known.set(path, answer);
    return answer;
}

function declares(path: string): boolean {
    try {
        return readFileSync(require.resolve(`@pulumi/aws/${path}.d.ts`), "utf8").includes("tagsAll");
    } catch {
        return false; // a provider of that name, or an SDK that has no such type
    }
}
