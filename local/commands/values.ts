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
