import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import * as fc from "fast-check";
import type { ContainerDefinition } from "@aws-sdk/client-ecs";

import * as components from "../../components";
import { areEquivalent, asStored } from "../../local/aws/ecs/containerDefinitions";
import { adapters } from "../../local/pulumi/providers/aws";
import { anyArguments, anyName, given, hush } from "../support/anyArguments";
import { nameRules } from "../support/awsNames";
import { checked, Inputs, judgedAws, make } from "../support/judgedAws";
import { record, Recording, Registered } from "../support/mocks";

// A run is repeated by SEED=<its seed>; SHRINK=1 looks for the least arguments that fail.
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const runs = Number(process.env.RUNS ?? 6);

type Made = Readonly<Record<string, new (name: string, args: unknown) => unknown>>;

/** Names are within the limits of what they name. */
function checkName({ type, name }: Registered, inputs: Inputs): void {
    const property = nameRules[type]?.property ?? adapters[type].autoName?.property;
    if (property === undefined || inputs[property] === undefined) {
        return;
    }
    const rule = nameRules[type];
    expect(rule, `a rule for ${property} of ${type} in tests/support/awsNames.ts`).not.to.equal(undefined);
    const text = inputs[property] as string;
    expect(text.length, `${name} ${type}: "${text}"`).to.be.at.most(rule.most);
    expect(text, `${name} ${type}`).to.match(rule.pattern);
}

async function judge(made: Recording<unknown>): Promise<void> {
    for (const resource of made.resources.filter(({ type }) => type.startsWith("aws:"))) {
        const inputs = checked(resource);
        checkName(resource, inputs);
        const judged = judgedAws();
        await make(resource, inputs, judged);
        const told = `${resource.name} ${resource.type}: ${JSON.stringify(judged.objections)}`;
        expect(judged.objections, told).to.deep.equal([]);
        if (resource.type === "aws:ecs/taskDefinition:TaskDefinition") {
            const text = String(inputs.containerDefinitions);
            const stored = JSON.stringify((JSON.parse(text) as ContainerDefinition[]).map(asStored));
            expect(areEquivalent(stored, text, true), `${resource.name} is stored as ${stored}`).to.equal(true);
        }
    }
    expect(made.exposed(hush), "secrets in plain").to.deep.equal([]);
}

describe(`whatever a component is given, SEED=${seed}`, () => {
    it("is told of every component", () => {
        const all = Object.entries(components).flatMap(([name, exported]) =>
            typeof exported === "function" && exported.prototype instanceof pulumi.ComponentResource ? [name] : [],
        );
        expect(Object.keys(anyArguments).sort()).to.deep.equal(all.sort());
    });

    for (const [component, { longest, args }] of Object.entries(anyArguments)) {
        it(`makes what AWS takes, and keeps its secrets: ${runs} ${component}`, async () => {
            const Made = (components as unknown as Made)[component];
            await fc.assert(
                fc.asyncProperty(anyName(longest), args, async (name, some) => {
                    await judge(await record(() => new Made(name, given(some))));
                }),
                { seed, numRuns: runs, endOnFailure: process.env.SHRINK === undefined },
            );
        });
    }
});
