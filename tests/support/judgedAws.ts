// AWS as far as its service models tell it: every request is judged by them, and answered by what they say an answer is.
import { expect } from "chai";

import { judgeInput } from "../../local/aws/models/request";
import { modelOf, type Ref, type ServiceModel } from "../../local/aws/models/model";
import type { Aws } from "../../local/aws/resources/sdk";
import { pascalKeys } from "../../local/aws/resources/values";
import { adapters, createAwsProvider } from "../../local/pulumi/providers/aws";
import { accountId, region, Registered } from "./mocks";

export type Inputs = Readonly<Record<string, unknown>>;

/** A request that AWS's model does not take. */
export interface Objection {
    readonly operation: string;
    readonly reasons: readonly string[];
}

/** A request as its model reads it. */
export interface Request {
    /** The model's name. */
    readonly service: string;
    readonly operation: string;
    readonly parameters: Inputs;
}

export interface JudgedAws {
    readonly aws: Aws;
    readonly asked: Request[];
    readonly objections: Objection[];
    /** Judges one more request. */
    ask(service: string, operation: string, input: object): unknown;
}

/** The models' names of the clients that have others. */
const services: Readonly<Record<string, string>> = {
    cloudwatchLogs: "logs",
    elb: "elbv2",
    eventbridge: "events",
    secretsManager: "secretsmanager",
    serviceDiscovery: "servicediscovery",
};

const isArn = /arn$/i;
const anArn = `arn:aws:acm:${region}:${accountId}:certificate/12345678-1234-1234-1234-123456789012`;

/** `arn` is what things are called in answers. */
export function judgedAws(arn = anArn): JudgedAws {
    const asked: Request[] = [];
    const objections: Objection[] = [];

    function ask(service: string, operation: string, input: object): unknown {
        const { faults, parameters } = judgeInput(service, operation, input);
        asked.push({ service, operation, parameters });
        if (faults.length > 0) {
            objections.push({ operation: `${service}:${operation}`, reasons: faults.map(({ reason }) => reason) });
        }
        if (
            asked.some(({ operation: earlier }) => /^Delete(Service|Table|Objects)$/.test(earlier)) &&
            /^(Describe|ListObjectVersions)/.test(operation)
        ) {
            return whenGone(service);
        }
        const model = modelOf(service)!;
        const { output } = model.operations[operation];
        return output === undefined ? {} : answerOf(model, output, arn, 0);
    }

    function client(service: string): object {
        const operations = new Map(
            Object.keys(modelOf(service)?.operations ?? {}).map((operation) => [operation.toLowerCase(), operation]),
        );
        return new Proxy(
            {},
            {
                get: (_, method) => async (input: object) => {
                    const isCommand = method === "send";
                    const called = isCommand ? input.constructor.name.replace(/Command$/, "") : String(method);
                    const operation = operations.get(called.toLowerCase()) ?? called;
                    const parameters = isCommand ? (input as { readonly input: object }).input : input;
                    return Promise.resolve(ask(service, operation, parameters));
                },
            },
        );
    }

    const own: Readonly<Record<string, unknown>> = {
        accountId,
        region,
        arn: (service: string, resource: string) => `arn:aws:${service}:${region}:${accountId}:${resource}`,
        globalArn: (service: string, resource: string) => `arn:aws:${service}::${accountId}:${resource}`,
    };
    const aws = new Proxy({}, { get: (_, key: string) => own[key] ?? client(services[key] ?? key) }) as Aws;
    return { aws, asked, objections, ask };
}

function queueUrl(arn: string): string {
    return `https://sqs.${region}.amazonaws.com/${accountId}/${arn.split(":").at(-1)}`;
}

/** What a provider waits for after a deletion. */
function whenGone(service: string): object {
    if (service === "ecs" || service === "s3") {
        return { services: [{ status: "INACTIVE" }] };
    }
    throw Object.assign(new Error("Requested resource not found"), { name: "ResourceNotFoundException" });
}

/** What says that something is there and ready. */
const ready = ["ACTIVE", "Active", "active", "ISSUED", "SUCCESS", "INSYNC", "Enabled", "ENABLED"];

/** The least answer of that shape, with an element in each list: all went well, and there is no next page. */
function answerOf(model: ServiceModel, { shape: name }: Ref, arn: string, depth: number): unknown {
    const shape = model.shapes[name];
    switch (shape.type) {
        case "structure":
            return depth > 6
                ? {}
                : Object.fromEntries(
                      Object.entries(shape.members ?? {})
                          .filter(([key]) => !/error|fail|token|marker/i.test(key))
                          .map(([key, ref]) => [
                              key,
                              isArn.test(key)
                                  ? arn
                                  : key === "QueueUrl"
                                    ? queueUrl(arn)
                                    : key === "Policy" && model.shapes[ref.shape].type === "string"
                                      ? "{}" // a document
                                      : key === "Status" && model.shapes[ref.shape].enum === undefined
                                        ? "available" // ElastiCache's, whose models list none
                                        : answerOf(model, ref, arn, depth + 1),
                          ]),
                  );
        case "list":
            return depth > 6 ? [] : [answerOf(model, shape.member!, arn, depth + 1)];
        case "map":
            return {};
        case "boolean":
            return true;
        case "blob":
            return new Uint8Array();
        case "timestamp":
            return new Date(0);
        case "string":
        case "character":
            return shape.enum?.find((each) => ready.includes(each)) ?? shape.enum?.[0] ?? "x";
        case "bigdecimal":
        case "double":
        case "float":
        case "integer":
        case "long":
            return 0;
    }
}

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
    "aws:ec2/vpcEndpoint:VpcEndpoint": ({ tagsAll, ...inputs }) => [
        "ec2",
        "CreateVpcEndpoint",
        {
            VpcId: inputs.vpcId,
            ServiceName: inputs.serviceName,
            VpcEndpointType: inputs.vpcEndpointType,
            PolicyDocument: inputs.policy,
            PrivateDnsEnabled: inputs.privateDnsEnabled,
            SubnetIds: inputs.subnetIds,
            SecurityGroupIds: inputs.securityGroupIds,
            RouteTableIds: inputs.routeTableIds,
            TagSpecifications: [
                {
                    ResourceType: "vpc-endpoint",
                    Tags: Object.entries((tagsAll ?? {}) as Record<string, string>).map(([Key, Value]) => ({
                        Key,
                        Value,
                    })),
                },
            ],
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
export function checked({ type, name, sent }: Registered): Inputs {
    const { inputs, failures } = provider.check(`urn:pulumi:test::taskgate::${type}::${name}`, {}, { ...sent });
    // AWS takes any image; that only some can be run here is a matter of the local system's.
    const ofAws = (failures ?? []).filter(
        ({ reason }) => !/^container ".*" has the image .*, which the local system cannot run/.test(reason),
    );
    expect(ofAws, `${name} ${type}`).to.deep.equal([]);
    return inputs;
}

/** Asks for what the resource is, as the provider does; gives its id and what AWS added. */
export async function make(
    resource: Registered,
    inputs: Inputs,
    judged: JudgedAws,
): Promise<{ readonly id: string } & Inputs> {
    const kept = requestsOfKept[resource.type];
    if (kept !== undefined) {
        judged.ask(...kept(inputs));
        return { id: resource.name };
    }
    const before = judged.asked.length;
    const made = await adapters[resource.type].create(judged.aws, inputs, resource.name);
    expect(judged.asked.length, `requests for ${resource.type}`).to.be.above(before);
    return made;
}
