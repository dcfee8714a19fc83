import { AwsError } from "./awsError";

/** What AWS's documents say of a request and its model does not. */
export interface Rule {
    /** The page that says so. */
    readonly source: string;
    /** The error's name. */
    readonly code: string;
    /** What is wrong with the operation's parameters, in AWS's words where they are known; undefined when nothing is. */
    readonly fault: (parameters: never) => string | undefined;
}

/** A service's rules, by its operations. */
export type Rules = Readonly<Record<string, readonly Rule[]>>;

/** The refusal by the first rule that a request breaks. */
export function brokenRule(rules: Rules | undefined, operation: string, parameters: object): AwsError | undefined {
    for (const { code, fault } of rules?.[operation] ?? []) {
        const text = fault(parameters as never);
        if (text !== undefined) {
            return new AwsError(code, text);
        }
    }
    return undefined;
}
