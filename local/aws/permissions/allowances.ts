// What policies allow by their wildcards alone.
import type { NamedPolicy } from "./policies";

/** What a policy allows: one action on one resource, as they stand there, with their wildcards. */
export interface Allowance {
    readonly action: string;
    readonly resource: string;
}

interface Statement {
    readonly Effect: string;
    readonly Action?: string | readonly string[];
    readonly Resource?: string | readonly string[];
}

/** What policies answer without the conditions of their statements: for kinds of resources that the simulator does not know of an action. */
export function byWildcards(
    policies: readonly NamedPolicy[],
    use: Allowance,
): "Allowed" | "ExplicitlyDenied" | "ImplicitlyDenied" {
    const has = (of: typeof allowances) => policies.flatMap(of).some((each) => covers(each, use));
    return has(denials) ? "ExplicitlyDenied" : has(allowances) ? "Allowed" : "ImplicitlyDenied";
}

/** Each action with each resource of the statements that allow. */
export function allowances(policy: NamedPolicy): readonly Allowance[] {
    return pairs(policy, "Allow");
}

/** The same of those that deny. */
function denials(policy: NamedPolicy): readonly Allowance[] {
    return pairs(policy, "Deny");
}

function pairs({ policy }: NamedPolicy, effect: "Allow" | "Deny"): readonly Allowance[] {
    const { Statement: statements } = policy as { readonly Statement: Statement | readonly Statement[] };
    return listOf(statements)
        .filter(({ Effect }) => Effect === effect)
        .flatMap(({ Action, Resource }) =>
            listOf(Action).flatMap((action) => listOf(Resource).map((resource) => ({ action, resource }))),
        );
}

function listOf<T>(value: T | readonly T[] | undefined): readonly T[] {
    return value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** Whether that is allowed by this. */
export function covers(allowance: Allowance, use: Allowance): boolean {
    return isLike(allowance.action.toLowerCase(), use.action.toLowerCase()) && isLike(allowance.resource, use.resource);
}

/** By IAM's wildcards. */
function isLike(pattern: string, text: string): boolean {
    const expression = pattern
        .replace(/[.+^$()|[\]{}\\]/g, "\\$&")
        .replaceAll("*", ".*")
        .replaceAll("?", ".");
    return new RegExp(`^${expression}$`, "s").test(text);
}
