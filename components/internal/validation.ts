// The one way in which arguments are judged. Each component has a table with a rule for each argument; what is wrong is collected and thrown as
// one error before anything is made, the component itself included. A value that is an output is judged by the same rule as soon as it is
// known: nothing that depends on it is made before.
import * as pulumi from "@pulumi/pulumi";
import { closest } from "fastest-levenshtein";

import { choiceReason, Reason } from "./rules";

/** One refused argument. */
export interface Fault {
    readonly propertyPath: string;
    readonly reason: string;
}

/** What is to be said about one argument. */
export interface Rule {
    /** What to do when it is missing; undefined: it may be left out. */
    readonly missing?: string;
    /** It decides what is made, so that it has to be here when the program runs. */
    readonly isPlain?: boolean;
    /** Judges a value that is here, and gives it in the one form in which it is used. */
    readonly judge: (value: unknown, path: string, into: Verdict) => unknown;
}

/** What was found so far, of whom. */
export interface Verdict {
    /** Such as `TaskDns "games"`. */
    readonly subject: string;
    readonly found: Fault[];
}

/** A rule for each argument: none can be forgotten. */
export type Rules<Args> = { readonly [Key in keyof Required<Args>]: Rule };

/** Arguments whose values are known. */
export type Known<Args> = { readonly [Key in keyof Args]: pulumi.Unwrap<Args[Key]> };

/** What is to be said about several arguments together, once none of `of` is at fault. */
export interface Combination<Args> {
    readonly of: readonly (keyof Args & string)[];
    /** `given`: by what is there, be it known or not. `known`: by the values, once all are. */
    readonly by: "given" | "known";
    readonly judge: (args: Args) => readonly Fault[];
}

/** Judged by which arguments there are; `of` are those whose values it looks at, which are plain. */
export function given<Args>(
    of: readonly (keyof Args & string)[],
    judge: (args: Args) => readonly Fault[],
): Combination<Args> {
    return { of, by: "given", judge };
}

/** Judged by the values of these arguments, at once or when they are known. */
export function together<Args, Key extends keyof Args & string>(
    of: readonly Key[],
    judge: (args: Known<Pick<Args, Key>>) => readonly Fault[],
): Combination<Args> {
    return { of, by: "known", judge: judge as unknown as Combination<Args>["judge"] };
}

/** None or one. */
export function faultOf(propertyPath: string, reason: Reason): Fault[] {
    return reason === undefined ? [] : [{ propertyPath, reason }];
}

/** How the arguments of a component are judged. */
export interface ArgumentRules<Args> {
    readonly name: (name: string, args: Args) => Reason;
    readonly rules: Rules<Args>;
    readonly combinations?: readonly Combination<Args>[];
}

/**
 * The arguments in the form in which the component uses them.
 *
 * @throws pulumi.InputPropertiesError naming every refused argument, with the first reason found
 */
export function judged<Args extends object>(
    component: string,
    name: string,
    args: Args | undefined,
    { name: nameReason, rules, combinations = [] }: ArgumentRules<Args>,
): Args {
    const into: Verdict = { subject: `${component} "${name}"`, found: [] };
    const ready = (judgeValue({ ...record(rules), isPlain: true }, args ?? {}, "", into) ?? {}) as Args;
    for (const combination of combinations) {
        const isSound = ["", ...combination.of].every(
            (key) => !into.found.some(({ propertyPath }) => isBelow(propertyPath, key)),
        );
        if (isSound) {
            (combination.by === "given" ? judgeGiven : judgeKnown)(ready, combination, into);
        }
    }
    refuse({ ...into, found: [...faultOf("name", nameReason(name, ready)), ...into.found] });
    return ready;
}

/** @throws pulumi.InputPropertiesError naming every faulty argument with the first reason found, when there is one */
export function refuse({ subject, found }: Verdict): void {
    const isFirst = ({ propertyPath }: Fault, index: number): boolean =>
        found.findIndex((fault) => fault.propertyPath === propertyPath) === index;
    const errors = found.filter(isFirst);
    if (errors.length === 0) {
        return;
    }
    const reasons = errors.map(({ propertyPath, reason }) =>
        propertyPath === "" ? reason : `${propertyPath}: ${reason}`,
    );
    const message = `${subject} cannot be made: ${reasons.join("; ")}`;
    const error = new pulumi.InputPropertiesError({ message, errors });
    // When it comes late, Pulumi puts a line before it for each input that needed the value.
    throw Object.defineProperty(error, "message", { get: () => message, set: () => undefined });
}

function isBelow(path: string, key: string): boolean {
    return path === key || path.startsWith(`${key}.`) || path.startsWith(`${key}[`);
}

function judgeGiven<Args>(args: Args, { judge }: Combination<Args>, { found }: Verdict): void {
    found.push(...judge(args));
}

/** What is known only later fails by then, and with it all that needs it. */
function judgeKnown<Args>(args: Args, { of, judge }: Combination<Args>, { subject, found }: Verdict): void {
    const late = of.filter((key) => holdsOutput(args[key]));
    if (late.length === 0) {
        found.push(...judge(args));
        return;
    }
    const values = pulumi.output(Object.fromEntries(of.map((key) => [key, args[key]])));
    const verdict = values.apply(async (known) => {
        refuse({ subject, found: veiled([...judge(known as Args)], known, await pulumi.isSecret(values)) });
    });
    for (const key of late) {
        const value: unknown = args[key];
        const ofBoth: pulumi.Output<unknown> = pulumi.all([value, verdict]).apply(([known]) => known);
        originals.set(ofBoth, value);
        (args as Record<string, unknown>)[key] = ofBoth;
    }
}

function judgeValue(rule: Rule, value: unknown, path: string, into: Verdict): unknown {
    const fail = (reason: string): undefined => void into.found.push({ propertyPath: path, reason });
    if (isOutput(value)) {
        if (rule.isPlain === true) {
            return fail(
                "is an output, known only while resources are made: it decides what is made, give the value itself",
            );
        }
        const output: pulumi.Output<unknown> = pulumi.output(value);
        const result = output.apply(async (known: unknown) => {
            const late: Verdict = { ...into, found: [] };
            const form = judgeValue(rule, known, path, late);
            refuse({ ...late, found: veiled(late.found, known, await pulumi.isSecret(output)) });
            return form;
        });
        originals.set(result, value);
        return result;
    }
    if (value === undefined || value === null) {
        return rule.missing === undefined ? undefined : fail(`is missing: ${rule.missing}`);
    }
    return rule.judge(value, path, into);
}

/** By the outputs that a judgement gave, what they were made of. */
const originals = new WeakMap<object, unknown>();

/** An argument as it was given: two components that were given the same output can be told to have the same. */
export function asGiven(value: unknown): unknown {
    return isContainer(value) && originals.has(value) ? asGiven(originals.get(value)) : value;
}

function isOutput(value: unknown): value is pulumi.Output<unknown> | Promise<unknown> {
    return pulumi.Output.isInstance(value) || value instanceof Promise;
}

function holdsOutput(value: unknown): boolean {
    return isOutput(value) || (isContainer(value) && Object.values(value).some(holdsOutput));
}

function isContainer(value: unknown): value is Readonly<Record<string, unknown>> {
    return typeof value === "object" && value !== null;
}

/** No error tells a secret. */
function veiled(found: readonly Fault[], known: unknown, isSecret: boolean): Fault[] {
    const texts = (value: unknown): string[] =>
        isContainer(value) ? Object.values(value).flatMap(texts) : [String(value)];
    const told = isSecret ? texts(known).filter((text) => text !== "") : [];
    return found.map(({ propertyPath, reason }) => ({
        propertyPath,
        reason: told.reduce((text, secret) => text.replaceAll(secret, "[secret]"), reason),
    }));
}

/** The same rule for an argument that may not be left out. */
export function required(rule: Rule, missing: string): Rule {
    return { ...rule, missing };
}

/** The same rule for an argument that decides what is made. */
export function plain(rule: Rule): Rule {
    return { ...rule, isPlain: true };
}

/** The same rule for an argument that is encrypted in the state, whoever gives it. */
export function secret(rule: Rule): Rule {
    return {
        ...rule,
        judge: (value, path, { subject, found }) => {
            const own: Verdict = { subject, found: [] };
            const result = pulumi.secret(rule.judge(value, path, own));
            found.push(...veiled(own.found, value, true));
            return result;
        },
    };
}

/** Text that is not empty. `form` gives it as it is used, and is judged. */
export function text(
    judge: (value: string) => Reason = () => undefined,
    form = (value: string): string => value,
): Rule {
    return typed(
        "text",
        (value) => typeof value === "string",
        (value: string) => (value === "" ? "is empty: give a value, or leave it out" : judge(form(value))),
        form,
    );
}

/** One of a list of words. */
export function choice(words: Readonly<Record<string, string>>): Rule {
    return text((value) => choiceReason(value, Object.values(words)));
}

/** A number that is right. */
export function number(judge: (value: number) => Reason = () => undefined): Rule {
    return typed("a number", (value) => typeof value === "number", judge);
}

/** An object whose members all decide what is made. */
export function plainRecord<Args>(rules: Rules<Args>): Rule {
    const members = Object.entries<Rule>(rules).map(([key, rule]) => [key, plain(rule)] as const);
    return plain(record(Object.fromEntries(members)));
}

/** true or false. */
export const flag: Rule = typed("true or false", (value) => typeof value === "boolean");

/** What becomes text: other languages send numbers and booleans too (`PORT: 8080`). */
export function word(judge: (value: string) => Reason = () => undefined): Rule {
    const isWord = (value: unknown): boolean => ["string", "number", "boolean"].includes(typeof value);
    return typed("text", isWord, (value: unknown) => judge(String(value)), String);
}

function typed<T>(
    wanted: string,
    is: (value: unknown) => boolean,
    judge: (value: T) => Reason = () => undefined,
    form: (value: T) => unknown = (value) => value,
): Rule {
    return {
        judge: (value, path, { found }) => {
            const reason = is(value) ? judge(value as T) : `${shown(value)} is not allowed: give ${wanted}`;
            if (reason !== undefined) {
                found.push({ propertyPath: path, reason });
                return undefined;
            }
            return form(value as T);
        },
    };
}

interface ListLimits {
    readonly least?: number;
    readonly most?: number;
    readonly unique?: boolean;
}

/** A list of which each element follows the rule. */
export function list(rule: Rule, { least = 0, most = Infinity, unique = false }: ListLimits = {}): Rule {
    return {
        judge: (value, path, into) => {
            const fail = (reason: string, at = path): undefined => void into.found.push({ propertyPath: at, reason });
            if (!Array.isArray(value)) {
                return fail(`${shown(value)} is not allowed: give a list`);
            }
            if (value.length < least) {
                fail(`${value.length === 0 ? "is empty" : `has ${value.length}`}: give at least ${least}`);
            }
            if (value.length > most) {
                fail(`has ${value.length}: give at most ${most}`);
            }
            return value.map((item: unknown, index) => {
                if (unique && !isOutput(item) && value.indexOf(item) < index) {
                    return fail(`"${String(item)}" is named twice: give it once`, `${path}[${index}]`);
                }
                return judgeValue(
                    { missing: "give a value, or a shorter list", ...rule },
                    item,
                    `${path}[${index}]`,
                    into,
                );
            });
        },
    };
}

/** Values by keys of one's own choice. */
export function map(rule: Rule, judgeKey: (key: string) => Reason = () => undefined, most = Infinity): Rule {
    const members = keyed((key, path, into) => {
        const reason = judgeKey(key);
        if (reason !== undefined) {
            into.found.push({ propertyPath: path, reason });
        }
        return rule;
    });
    return {
        judge: (value, path, into) => {
            const size = isContainer(value) ? Object.keys(value).length : 0;
            if (size > most) {
                into.found.push({ propertyPath: path, reason: `has ${size}: give at most ${most}` });
            }
            return members.judge(value, path, into);
        },
    };
}

/** An object with these members, and no others. */
export function record<Args>(rules: Rules<Args>): Rule {
    const ruleOf: Readonly<Record<string, Rule>> = rules;
    const members = keyed((key, path, into) => {
        if (!Object.hasOwn(ruleOf, key)) {
            into.found.push({ propertyPath: path, reason: unknownReason(key, Object.keys(ruleOf)) });
            return undefined;
        }
        return ruleOf[key];
    });
    return {
        judge: (value, path, into) => {
            const absent = Object.entries(ruleOf).filter(([key]) => isContainer(value) && value[key] === undefined);
            absent.forEach(([key, rule]) => judgeValue(rule, undefined, below(path, key), into));
            return members.judge(value, path, into);
        },
    };
}

function keyed(ruleOf: (key: string, path: string, into: Verdict) => Rule | undefined): Rule {
    return {
        judge: (value, path, into) => {
            if (!isContainer(value) || Array.isArray(value) || pulumi.Resource.isInstance(value)) {
                into.found.push({ propertyPath: path, reason: `${shown(value)} is not allowed: give an object` });
                return undefined;
            }
            const given = Object.entries(value).filter(([, item]) => item !== undefined);
            return Object.fromEntries(
                given.map(([key, item]) => {
                    const rule = ruleOf(key, below(path, key), into);
                    return [key, rule && judgeValue(rule, item, below(path, key), into)];
                }),
            );
        },
    };
}

function below(path: string, key: string): string {
    return path === "" ? key : `${path}.${key}`;
}

/** What a name that nobody knows was probably meant to be. */
export function unknownReason(name: string, known: readonly string[]): string {
    return `is not known: did you mean ${closest(name, known)}?`;
}

/** A value as an error tells of it. */
function shown(value: unknown): string {
    if (typeof value === "string") {
        return `"${value}" (text)`;
    }
    if (typeof value === "number" || typeof value === "boolean") {
        return `${value} (a ${typeof value})`;
    }
    if (pulumi.Resource.isInstance(value)) {
        return "a whole resource (it has an id, and often an ARN)";
    }
    return Array.isArray(value) ? "a list" : typeof value === "function" ? "a function" : "an object";
}

/** Whether a value is here now. */
export function isPlain<T>(value: pulumi.Input<T> | undefined): value is T {
    return value !== undefined && !isOutput(value);
}
