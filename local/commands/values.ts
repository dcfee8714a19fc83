// Values as they are typed, and what is said of those that are none.
import { InvalidArgumentError } from "commander";

/** A parser of whole numbers from `least` to `most`. */
export function wholeNumber(least: number, most: number): (given: string) => number {
    return (given) => {
        const value = Number(given);
        if (!/^\d+$/.test(given) || value < least || value > most) {
            throw new InvalidArgumentError(`It takes a whole number from ${least} to ${most}.`);
        }
        return value;
    };
}

/** `key=value`; a value that begins as a JSON list or object does is one. */
export function setting(given: string, others: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(given) ?? [];
    if (key === undefined) {
        throw new InvalidArgumentError(
            'It takes <key>=<value>, e.g. taskgate:cpu=512 or taskgate:command=\'["--port", "8080"]\'.',
        );
    }
    if (!/^\s*[[{]/.test(value)) {
        return { ...others, [key]: value };
    }
    try {
        return { ...others, [key]: JSON.parse(value) as unknown };
    } catch (error) {
        throw new InvalidArgumentError(
            `The value of ${key} begins as JSON does, but is none: ${(error as Error).message}. A list is given as '["a", "b"]'.`,
        );
    }
}

/** A time that has passed, as short as one reads it: `5 s`, `3 min`, `2 h`, `4 d`. */
export function age(since: Date | undefined, now = new Date()): string {
    if (since === undefined) {
        return "";
    }
    const seconds = Math.max(0, Math.round((now.getTime() - since.getTime()) / 1000));
    const units: readonly [number, string][] = [
        [86_400, "d"],
        [3_600, "h"],
        [60, "min"],
    ];
    const [size, unit] = units.find(([size]) => seconds >= size) ?? [1, "s"];
    return `${Math.floor(seconds / size)} ${unit}`;
}
