// The policy pack over a recorded program, as the engine asks it of each resource.
import type { ResourceValidation, ResourceValidationArgs } from "@pulumi/policy";

import { policies } from "../../policy/policies";
import type { Recording, Registered } from "./mocks";

/** By rule, what is configured; the rest is its defaults. */
export type PolicyConfig = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Violation {
    readonly rule: string;
    /** Of the resource. */
    readonly name: string;
    readonly message: string;
}

/** What the rules refuse. */
export async function judgedBy(
    { resources }: Pick<Recording<unknown>, "resources">,
    config: PolicyConfig,
): Promise<Violation[]> {
    const violations: Violation[] = [];
    for (const resource of resources) {
        for (const { name: rule, configSchema, validateResource } of policies) {
            const defaults = Object.entries(configSchema!.properties).map(([key, { default: value }]) => [key, value]);
            const configured = { ...Object.fromEntries(defaults), ...config[rule] } as object;
            const { type, name, sent, protect } = resource;
            const args = {
                ...{ type, name, props: sent, urn: urnOf(resource, resources), opts: { protect } },
                getConfig: () => configured,
            } as unknown as ResourceValidationArgs;
            await (validateResource as ResourceValidation)(args, (message) => violations.push({ rule, name, message }));
        }
    }
    return violations;
}

function urnOf({ type, name, parent }: Registered, all: readonly Registered[]): string {
    const typesOf = (above: string | undefined): string[] => {
        // Components of the mock engine are told from their children, which may have the same name, by not being AWS's.
        const found = all.find((each) => each.name === above && !each.type.startsWith("aws:"));
        return found === undefined ? [] : [...typesOf(found.parent), found.type];
    };
    return `urn:pulumi:test::taskgate::${[...typesOf(parent), type].join("$")}::${name}`;
}
