import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import * as fc from "fast-check";
import type { ContainerDefinition } from "@aws-sdk/client-ecs";

import * as components from "../../components";
import { areEquivalent, asStored } from "../../local/aws/ecs/containerDefinitions";
import { pascalKeys } from "../../local/aws/resources/values";
import { adapters, createAwsProvider } from "../../local/pulumi/providers/aws";
import { anyArguments, anyName, given, hush } from "../support/anyArguments";
import { nameRules } from "../support/awsNames";
import { judgedAws, JudgedAws } from "../support/judgedAws";
import { accountId, record, Recording, region, Registered } from "../support/mocks";

// A run is repeated by SEED=<its seed>; SHRINK=1 looks for the least arguments that fail.
const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const runs = Number(process.env.RUNS ?? 6);

type Made = Readonly<Record<string, new (name: string, args: unknown) => unknown>>;
type Inputs = Readonly<Record<string, unknown>>;

/** The requests of what the local system keeps without any, as the provider makes them. */
const requestsOfKept: Readonly<Record<string, (inputs: Inputs) => readonly [string, string, object]>> = {
    "aws:appautoscaling/target:Target": ({ minCapacity, maxCapacity, ...inputs }) => [
        "application-autoscaling",
        "RegisterScalableTarget",
        { ...scaled(inputs), MinCapacity: minCapacity, MaxCapacity: maxCapacity, Tags: inputs.tagsAll },
    ],
    "aws:appautoscaling/policy:Policy": ({
        name,
        policyType,
        targetTrackingScalingPolicyConfiguration: follow,
        ...inputs
    }) => {
        const { predefinedMetricSpecification: metric, ...rest } = follow as Inputs;
        const { predefinedMetricType, resourceLabel } = metric as Inputs;
        return [
            "application-autoscaling",
            "PutScalingPolicy",
            {
                ...scaled(inputs),
                PolicyName: name,
                PolicyType: policyType,
                TargetTrackingScalingPolicyConfiguration: {
                    ...(pascalKeys(rest) as object),
                    PredefinedMetricSpecification: {
                        PredefinedMetricType: predefinedMetricType,
                        ResourceLabel: resourceLabel,
                    },
                },
            },
        ];
    },
    "aws:appautoscaling/scheduledAction:ScheduledAction": ({
        name,
        schedule,
        timezone,
        scalableTargetAction,
        ...inputs
    }) => [
        "application-autoscaling",
        "PutScheduledAction",
        {
            ...scaled(inputs),
            ScheduledActionName: name,
            Schedule: schedule,
            Timezone: timezone,
            ScalableTargetAction: pascalKeys(scalableTargetAction),
        },
    ],
    "aws:wafv2/webAclAssociation:WebAclAssociation": ({ webAclArn, resourceArn }) => [
        "wafv2",
        "AssociateWebACL",
        { WebACLArn: webAclArn, ResourceArn: resourceArn },
    ],
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": ({ securityGroupId, ...rule }) => [
        "ec2",
        "AuthorizeSecurityGroupEgress",
        {
            GroupId: securityGroupId,
            IpPermissions: [
                {
                    IpProtocol: rule.ipProtocol,
                    FromPort: rule.fromPort,
                    ToPort: rule.toPort,
                    IpRanges: rule.cidrIpv4 && [{ CidrIp: rule.cidrIpv4 }],
                    Ipv6Ranges: rule.cidrIpv6 && [{ CidrIpv6: rule.cidrIpv6 }],
                    UserIdGroupPairs: rule.referencedSecurityGroupId && [{ GroupId: rule.referencedSecurityGroupId }],
                },
            ],
        },
    ],
};

function scaled({ serviceNamespace, scalableDimension, resourceId }: Inputs): object {
    return { ServiceNamespace: serviceNamespace, ScalableDimension: scalableDimension, ResourceId: resourceId };
}

const provider = createAwsProvider({ gatewayUrl: "http://127.0.0.1:9", accessKeyId: accountId, region });

/** With what Pulumi's provider fills in: names, defaults, tags. */
function checked({ type, name, sent }: Registered): Inputs {
    const { inputs, failures } = provider.check(`urn:pulumi:test::taskgate::${type}::${name}`, {}, { ...sent });
    expect(failures, `${name} ${type}`).to.deep.equal([]);
    return inputs;
}

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

/** Asks for what the resource is, as the provider does. */
async function make(resource: Registered, inputs: Inputs, judged: JudgedAws): Promise<void> {
    const kept = requestsOfKept[resource.type];
    if (kept !== undefined) {
        judged.ask(...kept(inputs));
        return;
    }
    const before = [...judged.asked.values()].reduce((sum, count) => sum + count, 0);
    await adapters[resource.type].create(judged.aws, inputs, resource.name);
    const after = [...judged.asked.values()].reduce((sum, count) => sum + count, 0);
    expect(after, `requests for ${resource.type}`).to.be.above(before);
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
