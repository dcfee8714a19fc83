// Configuration as it is typed: `-c key=value`.
import { readFileSync } from "node:fs";

import { InvalidArgumentError } from "commander";
import { parse } from "yaml";

import { oneOf } from "./chosen";

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

/** @throws for a key that the project's own Pulumi.yaml does not declare: the engine would take it and nobody would read it */
export function checkKeys(keys: readonly string[], file: string): void {
    const { name, config } = parse(readFileSync(file, "utf8")) as { name: string; config?: Record<string, unknown> };
    const declared = Object.keys(config ?? {}).map((key) => `${name}:${key}`);
    const own = keys
        .map((key) => (key.includes(":") ? key : `${name}:${key}`))
        .filter((key) => key.startsWith(`${name}:`));
    const unknown = own.find((key) => !declared.includes(key));
    if (config !== undefined && unknown !== undefined) {
        throw new Error(`--config ${unknown}: ${file} declares no such key. ${oneOf(unknown, declared)}`);
    }
}
