import type { RecordChange } from "../hostedZone";

// Route 53's arithmetic of a change batch, and what its refusals say.

export interface Refusal {
    readonly fault: "exists" | "not found" | "differs" | "invalid";
    readonly text: string;
}

/** Limits of one ChangeResourceRecordSets request; an UPSERT counts twice for both. */
const ELEMENTS_PER_REQUEST = 1_000;
const CHARACTERS_PER_REQUEST = 32_000;

/** The longest beginning of the changes that one request can hold, `most` at most. */
export function nextBatch(changes: readonly RecordChange[], most: number): RecordChange[] {
    let elements = 0;
    let characters = 0;
    const end = changes.findIndex((change, index) => {
        const times = change.action === "UPSERT" ? 2 : 1;
        elements += times * change.values.length;
        characters += times * change.values.join("").length;
        return index >= most || elements > ELEMENTS_PER_REQUEST || characters > CHARACTERS_PER_REQUEST;
    });
    return changes.slice(0, end === -1 ? changes.length : end);
}

/** What tells the record sets of a zone apart. */
export function keyOf({ name, type }: Pick<RecordChange, "name" | "type">): string {
    return `${type} ${name}`;
}

/**
 * Which of `changes` an InvalidChangeBatch blames, by key. Its sentences read like
 * "Tried to create resource record set [name='a.example.com.', type='A'] but it already exists". One without a type blames all of the name.
 */
export function refusals(text: string, changes: readonly RecordChange[]): Map<string, Refusal> {
    const byName = new Map<string, RecordChange[]>();
    for (const change of changes) {
        byName.set(change.name, [...(byName.get(change.name) ?? []), change]);
    }
    const found = new Map<string, Refusal>();
    for (const sentence of text.split(/(?=Tried to |The request |RRSet (?:of type \w+ )?with DNS name |Invalid )/)) {
        const type = /\btype(?:='| )([A-Z]+)|'([A-Z]+) [^']+'/.exec(sentence)?.slice(1).find(Boolean);
        for (const word of sentence.match(/[\w.-]+/g) ?? []) {
            const named = byName.get(word.toLowerCase().replace(/\.*$/, ".")) ?? [];
            const meant = named.filter((change) => change.type === type);
            for (const change of meant.length > 0 ? meant : named) {
                found.set(keyOf(change), { fault: faultIn(sentence), text: sentence.replace(/[\s,\]]+$/, "") });
            }
        }
    }
    return found;
}

function faultIn(sentence: string): Refusal["fault"] {
    if (sentence.includes("but it already exists")) {
        return "exists";
    }
    if (sentence.includes("was not found")) {
        return "not found";
    }
    return sentence.includes("do not match") ? "differs" : "invalid";
}
