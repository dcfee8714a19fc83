import { randomBytes } from "node:crypto";
import type { Properties } from "./values";

/** How the real provider names a resource whose name the program leaves open. */
export interface AutoName {
    readonly property: string;
    readonly maxLength: number;
    readonly lowerCase?: boolean;
    /** Of queues and topics: what the name of a FIFO one ends in. */
    readonly fifo?: { readonly property: string; readonly suffix: string };
}

const RANDOM_DIGITS = 7;

/** `<logical name>-<7 hex digits>`. */
export function autoName(rule: AutoName, logicalName: string, inputs: Properties): string {
    const length = logicalName.length + 1 + RANDOM_DIGITS;
    if (length > rule.maxLength) {
        throw new Error(
            `the name made of "${logicalName}" has ${length} characters with its random suffix, and ${rule.maxLength} are allowed: ` +
                `shorten the resource's logical name, or set "${rule.property}"`,
        );
    }
    const suffix = randomHex(RANDOM_DIGITS);
    const name = `${rule.lowerCase ? logicalName.toLowerCase() : logicalName}-${suffix}`;
    return rule.fifo && inputs[rule.fifo.property] === true ? name + rule.fifo.suffix : name;
}

export function randomHex(digits: number): string {
    return randomBytes(Math.ceil(digits / 2))
        .toString("hex")
        .slice(0, digits);
}
