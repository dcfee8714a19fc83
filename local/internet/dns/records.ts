import { isIPv4, isIPv6 } from "node:net";

import type { ResourceRecordSet } from "@aws-sdk/client-route-53";
import type { RecordType, StringAnswer } from "dns-packet";

/** What a zone holds at one moment: its record sets by name. Names are lower-case and end with a dot. */
export interface ZoneContent {
    readonly name: string;
    readonly sets: ReadonlyMap<string, readonly ResourceRecordSet[]>;
}

/** A record in an answer; `data` has the form that dns-packet wants for its type. */
export type Answer = Omit<StringAnswer, "type" | "data"> & { readonly type: RecordType; readonly data: unknown };

/** A name as it is compared: escapes such as \052 (an asterisk) undone, lower-case, with its dot. */
export function normalizeName(name: string): string {
    const plain = name.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
    return (plain.endsWith(".") ? plain : `${plain}.`).toLowerCase();
}

/** A name as Route 53 writes it: everything but letters, digits, "-", "_" and "." as an octal escape. */
export function escapeName(name: string): string {
    return name.replace(/[^a-z0-9\-_.]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

export function isBelowOrEqual(name: string, zoneName: string): boolean {
    return name === zoneName || name.endsWith(`.${zoneName}`);
}

type Parser = (value: string) => unknown;

/** Reads a value in Route 53's text form; throws the problem as Route 53 words it. */
const parsers: Readonly<Record<string, Parser>> = {
    A: (value) =>
        isIPv4(value) ? value : problem("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address", value),
    AAAA: (value) =>
        isIPv6(value) ? value : problem("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address", value),
    CNAME: parseDomain,
    NS: parseDomain,
    PTR: parseDomain,
    TXT: parseStrings,
    MX: (value) => {
        const [preference, exchange] = fields(value, 2);
        return { preference: parseInteger(preference, value), exchange: parseDomain(exchange) };
    },
    SRV: (value) => {
        const [priority, weight, port, target] = fields(value, 4);
        return {
            priority: parseInteger(priority, value),
            weight: parseInteger(weight, value),
            port: parseInteger(port, value),
            target: parseDomain(target),
        };
    },
    CAA: (value) => {
        const match = /^(\d{1,3}) ([a-z0-9]+) "([^"]*)"$/.exec(value);
        return match && Number(match[1]) < 256
            ? { flags: Number(match[1]), tag: match[2], value: match[3] }
            : problem("CAARRDATAInvalid", 'Value should look like 0 issue "ca.example.net"', value);
    },
    SOA: (value) => {
        const [mname, rname, ...numbers] = fields(value, 7);
        const [serial, refresh, retry, expire, minimum] = numbers.map((number) => parseInteger(number, value));
        return { mname: parseDomain(mname), rname: parseDomain(rname), serial, refresh, retry, expire, minimum };
    },
};

export const supportedTypes = Object.keys(parsers);

export function parseValue(type: string, value: string): unknown {
    const parse = parsers[type];
    if (!parse) {
        throw new Error(`Records of type ${type} are not served; those of type ${supportedTypes.join(", ")} are.`);
    }
    return parse(value);
}

/** The records of a set as they stand in a DNS answer, under the name that was asked for. */
export function toAnswers(set: ResourceRecordSet, name: string): Answer[] {
    const { Type: type = "", TTL: ttl } = set;
    return (set.ResourceRecords ?? []).map(({ Value }) => ({
        name: withoutDot(name),
        type: type as RecordType,
        ttl,
        class: "IN",
        data: parseValue(type, Value ?? ""),
    }));
}

export function withoutDot(name: string): string {
    return name.endsWith(".") ? name.slice(0, -1) : name;
}

function problem(code: string, explanation: string, value: string): never {
    throw new Error(`FATAL problem: ${code} (${explanation}) encountered with '${value}'`);
}

function parseDomain(value: string): string {
    const name = withoutDot(value);
    const valid = name.length < 254 && name.split(".").every((label) => /^[^\s."]{1,63}$/.test(label));
    return valid ? name : problem("DomainLabelInvalid", "Value is not a valid domain name", value);
}

function parseInteger(text: string, value: string): number {
    return /^\d{1,10}$/.test(text) ? Number(text) : problem("NotANumber", `"${text}" should be a number`, value);
}

function fields(value: string, count: number): string[] {
    const parts = value.split(/\s+/);
    return parts.length === count
        ? parts
        : problem("WrongNumberOfFields", `Value should have ${count} fields, separated by a space`, value);
}

/** `"one" "two"` with \" and \\ and octal escapes, each string up to 255 bytes. */
function parseStrings(value: string): Buffer[] {
    if (!/^"(?:[^"\\]|\\.)*"(?:\s+"(?:[^"\\]|\\.)*")*$/s.test(value)) {
        problem("InvalidCharacterString", "Value should be enclosed in quotation marks", value);
    }
    return [...value.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map(([, quoted]) => {
        const text = quoted.replace(/\\(?:(\d{3})|(.))/gs, (_, octal: string | undefined, character: string) =>
            octal ? String.fromCharCode(parseInt(octal, 8)) : character,
        );
        const bytes = Buffer.from(text, "latin1");
        return bytes.length <= 255 ? bytes : problem("CharacterStringTooLong", "Value is too long", value);
    });
}
