import type { RecordChange } from "../hostedZone";

// Route 53's arithmetic of a change batch, and what its refusals say.

export interface Refusal {
    readonly fault: "exists" | "not found" | "differs" | "invalid";
    readonly text: string;
}

/** Limits of one ChangeResourceRecordSets request; an UPSERT counts twice for both. */
const ELEMENTS_PER_REQUEST = 1_000;
const CHARACTERS_PER_REQUEST = 32_000;

/** The changes in their order, cut into as few requests as the limits allow. */
export function batches(changes: readonly RecordChange[]): RecordChange[][] {
    const result: RecordChange[][] = [];
    let elements = Infinity;
    let characters = Infinity;
    for (const change of changes) {
        const times = change.action === "UPSERT" ? 2 : 1;
        const moreElements = times * change.values.length;
        const moreCharacters = times * change.values.join("").length;
        if (elements + moreElements > ELEMENTS_PER_REQUEST || characters + moreCharacters > CHARACTERS_PER_REQUEST) {
            result.push([]);
            elements = characters = 0;
        }
        result[result.length - 1].push(change);
        elements += moreElements;
        characters += moreCharacters;
    }
    return result;
}

/**
 * Which of `changes` an InvalidChangeBatch blames, by name. Its sentences read like
 * "Tried to create resource record set [name='a.example.com.', type='A'] but it already exists".
 */
export function refusals(text: string, changes: readonly RecordChange[]): Map<string, Refusal> {
    const names = new Set(changes.map(({ name }) => name));
    const found = new Map<string, Refusal>();
    for (const sentence of text.split(/(?=Tried to |The request |RRSet (?:of type \w+ )?with DNS name |Invalid )/)) {
        for (const word of sentence.match(/[\w.-]+/g) ?? []) {
            const name = word.toLowerCase().replace(/\.*$/, ".");
            if (names.has(name)) {
                found.set(name, { fault: faultIn(sentence), text: sentence.replace(/[\s,\]]+$/, "") });
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
