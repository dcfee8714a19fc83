// What all rules have in common: how one is told, and what may be excepted from it, with a reason.
import type { PolicyConfigSchema, ResourceValidationArgs, ResourceValidationPolicy } from "@pulumi/policy";

import type { Reason } from "../components/internal/rules";

/** How a property of a rule's configuration is described. */
type PropertySchema = PolicyConfigSchema["properties"][string];

/** A resource as the engine is about to make it. */
export type Judged = Pick<ResourceValidationArgs, "type" | "urn" | "props" | "opts">;

/** What a rule does not judge, and why that is right. */
export interface Exception {
    /** Part of the URN: a name, or types as they contain each other, such as `taskgate:index:TaskDns$aws:dynamodb/table:Table`. */
    readonly urn: string;
    readonly reason: string;
}

export interface RuleArgs<Config extends object> {
    readonly name: string;
    readonly description: string;
    /** What to do about a violation. */
    readonly remediation: string;
    /** What can be configured beside `exceptions`; each property has a default. */
    readonly properties: { readonly [Key in keyof Config]: PropertySchema };
    /** Excepted whatever is configured. */
    readonly exceptions?: readonly Exception[];
    /** All that is wrong with a resource. */
    readonly judge: (resource: Judged, config: Config) => readonly Reason[];
}

/** A rule as the policy pack has it. */
export function rule<Config extends object>(args: RuleArgs<Config>): ResourceValidationPolicy {
    const { name, description, remediation, properties, judge, exceptions: always = [] } = args;
    return {
        name,
        description,
        remediationSteps: remediation,
        configSchema: { properties: { ...properties, exceptions } },
        validateResource: (resource, report) => {
            const config = resource.getConfig<Config & { readonly exceptions: readonly Exception[] }>();
            if ([...always, ...config.exceptions].some(({ urn }) => resource.urn.includes(urn))) {
                return;
            }
            for (const reason of judge(resource, config)) {
                if (reason !== undefined) {
                    report(`${reason}. ${remediation}`);
                }
            }
        },
    };
}

const exceptions: PropertySchema = {
    type: "array",
    default: [],
    items: {
        type: "object",
        properties: { urn: { type: "string", minLength: 1 }, reason: { type: "string", minLength: 1 } },
        required: ["urn", "reason"],
        additionalProperties: false,
    },
};

/** A list of texts. */
export function texts(...values: readonly string[]): PropertySchema {
    return { type: "array", items: { type: "string" }, default: [...values] };
}
