// Runs a program against Pulumi's mock engine and tells what it registered. The one place that knows Pulumi's internals.
import * as pulumi from "@pulumi/pulumi";
import type * as proto from "@pulumi/pulumi/proto/resource_pb";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import { deserializeProperties } from "@pulumi/pulumi/runtime/rpc";

export const accountId = "111122223333";
export const region = "eu-west-1";

type Properties = Readonly<Record<string, unknown>>;

/** What a program asked the engine to make. */
export interface Registered {
    readonly type: string;
    readonly name: string;
    /** As sent, without what is undefined. A text that is JSON is its value here: what it says counts, not how it is spelt. */
    readonly inputs: Properties;
    /** As its provider gets them: texts as they are, secrets without their mark. */
    readonly sent: Properties;
    /** Name of the parent; undefined at the top. */
    readonly parent: string | undefined;
    /** Name of the explicit provider; undefined when it is a default one. */
    readonly provider: string | undefined;
    /** Names of what has to be there before. */
    readonly dependsOn: readonly string[];
    /** The inputs whose change makes a new one. */
    readonly replaceOnChanges: readonly string[];
    /** The names that it had before. */
    readonly aliases: readonly string[];
    /** Whether it is left in AWS when it is deleted here. */
    readonly retainOnDelete: boolean;
    /** Whether the engine refuses to delete it. */
    readonly protect: boolean;
    /** What a component registered as its outputs; undefined when it has not, or more than once. */
    readonly outputs: Properties | undefined;
}

/** A function of a provider that was called. */
export interface Invoked {
    readonly token: string;
    readonly inputs: Properties;
    readonly provider: string | undefined;
}

export interface Recording<T> {
    readonly result: T;
    readonly resources: readonly Registered[];
    readonly invokes: readonly Invoked[];
    /** The one resource of that name that is no component of ours. */
    find(name: string): Registered;
    /** The one component of ours of that name. */
    component(name: string): Registered;
    /** `name type` of all that has that parent, sorted. */
    childrenOf(name: string): string[];
    /** `group port|all from|to peer` of each rule of a security group, sorted. */
    securityGroupRules(): string[];
    /** `name type.path` of each place of inputs and outputs where the engine got that text without the mark of a secret. */
    exposed(secret: string): string[];
}

export interface RecordOptions {
    readonly stack?: string;
    /** The stack's configuration, keys with their namespaces; none when left out. */
    readonly config?: Readonly<Record<string, string>>;
    /** As before a first deployment: nothing has an id, an ARN or any other output yet. */
    readonly preview?: boolean;
}

/** Runs a program and waits for all that it registered, also inside `apply`. Each call starts from nothing. */
export async function record<T>(program: () => T, options: RecordOptions = {}): Promise<Recording<T>> {
    const { stack = "test", config = {}, preview = false } = options;
    const mocks: pulumi.runtime.Mocks = {
        newResource({ type, name, inputs }) {
            const given = inputs as Properties;
            return preview
                ? { id: undefined, state: given }
                : { id: idOf(type, name), state: { ...given, ...outputsOf(type, name, given) } };
        },
        call: ({ token, inputs }) => answerOf(token, inputs as Properties),
    };
    await pulumi.runtime.setMocks(mocks, "taskgate", stack, preview);
    pulumi.runtime.setAllConfig({ ...config });
    const requests = listen();
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 1; // Pulumi takes a stack trace for each property of each resource: half of the time
    try {
        const result = program();
        await pulumi.runtime.disconnect(false);
        return recording(result, requests);
    } finally {
        await pulumi.runtime.disconnect(false);
        Error.stackTraceLimit = stackTraceLimit;
    }
}

/** The value of an output of a recorded program. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
    return new Promise((resolve) => {
        output.apply(resolve);
    });
}

/** The paths of what an archive holds, sorted. */
export async function pathsIn(archive: unknown): Promise<string[]> {
    if (!(archive instanceof pulumi.asset.AssetArchive)) {
        throw new Error(`${String(archive)} is no archive of assets`);
    }
    return Object.keys(await archive.assets).sort();
}

/** The AWS operations that a function's own code calls, sorted, e.g. GetSecretValue. */
export async function operationsIn(archive: unknown): Promise<string[]> {
    const code = (await (archive as pulumi.asset.AssetArchive).assets)["__index.js"] as pulumi.asset.StringAsset;
    const calls = (await code.text).matchAll(/\bnew (?:\w+\.)?(\w+)Command\(/g);
    return [...new Set([...calls].map(([, operation]) => operation))].sort();
}

interface Requests {
    readonly resources: proto.RegisterResourceRequest[];
    readonly outputs: proto.RegisterResourceOutputsRequest[];
    readonly invokes: proto.ResourceInvokeRequest[];
}

/** Keeps each request to the mock engine, which itself forgets providers and dependencies. */
function listen(): Requests {
    const requests: Requests = { resources: [], outputs: [], invokes: [] };
    const monitor: unknown = pulumi.runtime.getMonitor();
    if (!(monitor instanceof MockMonitor)) {
        throw new Error("Pulumi's runtime has another monitor than the one of setMocks");
    }
    const keep = <Request>(
        method: "registerResource" | "registerResourceOutputs" | "invoke",
        into: Request[],
    ): void => {
        const original = monitor[method].bind(monitor);
        monitor[method] = (request: Request, callback: Parameters<MockMonitor["invoke"]>[1]) => {
            into.push(request);
            return original(request, callback) as Promise<void>;
        };
    };
    keep("registerResource", requests.resources);
    keep("registerResourceOutputs", requests.outputs);
    keep("invoke", requests.invokes);
    return requests;
}

function recording<T>(result: T, requests: Requests): Recording<T> {
    const inherited = new Map<string, string | undefined>(); // a component's provider, by which the engine makes a remote child
    const resources = requests.resources.map((request): Registered => {
        const type = request.getType();
        const name = request.getName();
        const [ofComponent] = request.getProvidersMap().toArray();
        const provider = request.getProvider() || ofComponent?.[1];
        const fallback = request.getCustom() ? undefined : inherited.get(endOf(request.getParent()));
        const outputs = requests.outputs.filter((one) => endOf(one.getUrn()) === `${type}::${name}`);
        inherited.set(`${type}::${name}`, provider || fallback);
        return {
            type,
            name,
            inputs: propertiesOf(request.getObject()),
            sent: unmarked(sentOf(request.getObject())) as Properties,
            parent: nameOf(request.getParent()),
            provider: nameOf(provider || fallback),
            dependsOn: request.getDependenciesList().map((urn) => nameOf(urn) ?? ""),
            replaceOnChanges: request.getReplaceonchangesList(),
            aliases: request
                .getAliasesList()
                .map((alias) => alias.getSpec()?.getName() ?? "")
                .filter((alias) => alias !== ""),
            retainOnDelete: request.getRetainondelete() ?? false,
            protect: request.getProtect() ?? false,
            outputs: outputs.length === 1 ? propertiesOf(outputs[0].getOutputs()) : undefined,
        };
    });
    const invokes = requests.invokes.map((request) => ({
        token: request.getTok(),
        inputs: propertiesOf(request.getArgs()),
        provider: nameOf(request.getProvider()),
    }));
    const one = (what: string, found: readonly Registered[]): Registered => {
        if (found.length !== 1) {
            const names = resources.map(({ name, type }) => `${name} ${type}`).sort();
            throw new Error(`There are ${found.length} ${what}, of:\n${names.join("\n")}`);
        }
        return found[0];
    };
    return {
        result,
        resources,
        invokes,
        find: (name) =>
            one(
                `resources ${name}`,
                resources.filter((each) => each.name === name && !isComponent(each)),
            ),
        component: (name) =>
            one(
                `components ${name}`,
                resources.filter((each) => each.name === name && isComponent(each)),
            ),
        securityGroupRules: () =>
            resources
                .filter(({ type }) => /SecurityGroup(In|E)gressRule$/.test(type))
                .map(({ type, inputs }) => {
                    const { securityGroupId, ipProtocol, fromPort, toPort } = inputs;
                    const peer = inputs.cidrIpv4 ?? inputs.cidrIpv6 ?? inputs.referencedSecurityGroupId;
                    const port = ipProtocol === "-1" ? "all" : [...new Set([fromPort, toPort])].join("-");
                    return [securityGroupId, port, type.includes("Ingress") ? "from" : "to", peer].join(" ");
                })
                .sort(),
        childrenOf: (name) =>
            resources
                .filter(({ parent }) => parent === name)
                .map((child) => `${child.name} ${child.type}`)
                .sort(),
        exposed: (secret) => [
            ...requests.resources.flatMap((request) =>
                placesOf(secret, request.getObject()?.toJavaScript(), `${request.getName()} ${request.getType()}`),
            ),
            ...requests.outputs.flatMap((request) =>
                placesOf(secret, request.getOutputs()?.toJavaScript(), endOf(request.getUrn())),
            ),
        ],
    };
}

/** Where that text stands, but for what is marked as a secret. */
function placesOf(text: string, value: unknown, path: string): string[] {
    if (typeof value === "string") {
        return value.includes(text) ? [path] : [];
    }
    if (typeof value !== "object" || value === null || isSecret(value)) {
        return [];
    }
    return Object.entries(value).flatMap(([key, item]) => placesOf(text, item, `${path}.${key}`));
}

/** The same without the marks of secrets, all the way down. Assets and archives stay as they are. */
function unmarked(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(unmarked);
    }
    if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) {
        return value;
    }
    return isSecret(value)
        ? unmarked(value.value)
        : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unmarked(item)]));
}

function isSecret(value: object): value is { readonly value: unknown } {
    return (value as Properties)[pulumi.runtime.specialSigKey] === pulumi.runtime.specialSecretSig;
}

function isComponent({ type }: Registered): boolean {
    return type.startsWith("taskgate:");
}

function sentOf(struct: Struct | undefined): Properties {
    return struct === undefined ? {} : deserializeProperties(struct);
}

function propertiesOf(struct: Struct | undefined): Properties {
    const properties = sentOf(struct);
    return Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, parsed(value)]));
}

/** The value of a text that is JSON; anything else as it is. */
export function parsed(value: unknown): unknown {
    if (typeof value !== "string" || !/^[{[]/.test(value)) {
        return value;
    }
    try {
        return JSON.parse(value);
    } catch {
        return value; // a template of names, `{taskId}`
    }
}

/** The name in a URN (`urn:pulumi:<stack>::<project>::<types>::<name>`) or in a provider's reference (`<URN>::<id>`). */
function nameOf(urn: string | undefined): string | undefined {
    return urn ? urn.split("::")[3] : undefined;
}

/** `<type>::<name>` of a URN, without the parents' types. */
function endOf(urn: string): string {
    return urn.split("::").slice(2).join("::").split("$").pop() ?? "";
}

function idOf(type: string, name: string): string {
    switch (type) {
        case "aws:sqs/queue:Queue":
            return `https://sqs.${region}.amazonaws.com/${accountId}/${name}`;
        case "aws:ec2/securityGroup:SecurityGroup":
            return `sg-${name}`;
        default:
            return `${name}-id`;
    }
}

/** The ARN that it has in a recording; undefined when it has none. */
export function arnOf({ type, name, sent }: Registered): string | undefined {
    return outputsOf(type, name, sent).arn as string | undefined;
}

/** What AWS would add, as far as a program reads it. */
function outputsOf(type: string, name: string, inputs: Properties): Properties {
    const arn = (service: string, resource: string): string => `arn:aws:${service}:${region}:${accountId}:${resource}`;
    const registry = `${accountId}.dkr.ecr.${region}.amazonaws.com`;
    switch (type) {
        case "awsx:ec2:Vpc":
            return {
                vpcId: `vpc-${name}`,
                publicSubnetIds: [`subnet-${name}-public-1`, `subnet-${name}-public-2`],
                privateSubnetIds: [`subnet-${name}-private-1`, `subnet-${name}-private-2`],
                isolatedSubnetIds: [`subnet-${name}-isolated-1`, `subnet-${name}-isolated-2`],
                routeTables: [{ id: `rtb-${name}-1` }, { id: `rtb-${name}-2` }],
            };
        case "awsx:ecr:Image":
            return { imageUri: `${String(inputs.repositoryUrl)}@sha256:${"a1".repeat(32)}` };
        case "aws:apigatewayv2/api:Api":
            return {
                apiEndpoint: `https://${name}.execute-api.${region}.amazonaws.com`,
                executionArn: arn("execute-api", name),
            };
        case "aws:cloudwatch/eventRule:EventRule":
            return { name, arn: arn("events", `rule/${name}`) };
        case "aws:cloudwatch/logGroup:LogGroup":
            return { name, arn: arn("logs", `log-group:${name}`) };
        case "aws:dynamodb/table:Table":
            return { name, arn: arn("dynamodb", `table/${name}`) };
        case "aws:ecr/repository:Repository":
            return { name, arn: arn("ecr", `repository/${name}`), repositoryUrl: `${registry}/${name}` };
        case "aws:ecs/cluster:Cluster":
            return { name, arn: arn("ecs", `cluster/${name}`) };
        case "aws:ecs/service:Service":
            return { name, arn: arn("ecs", `service/${name}`) };
        case "aws:ecs/taskDefinition:TaskDefinition":
            return { arn: arn("ecs", `task-definition/${String(inputs.family)}:1`) };
        case "aws:elasticache/replicationGroup:ReplicationGroup":
            return { arn: arn("elasticache", `replicationgroup:${name}`), primaryEndpointAddress: `${name}.cache` };
        case "aws:elasticache/subnetGroup:SubnetGroup":
            return { name, arn: arn("elasticache", `subnetgroup:${name}`) };
        case "aws:elasticache/user:User":
            return { arn: arn("elasticache", `user:${String(inputs.userId)}`) };
        case "aws:iam/policy:Policy":
            return { name, arn: `arn:aws:iam::${accountId}:policy/${name}` };
        case "aws:iam/role:Role":
            return { name, arn: `arn:aws:iam::${accountId}:role/${name}` };
        case "aws:kinesis/stream:Stream":
            return { name, arn: arn("kinesis", `stream/${name}`) };
        case "aws:lambda/function:Function":
            return { name, arn: arn("lambda", `function:${name}`) };
        case "aws:s3/bucket:Bucket":
            return {
                bucket: name,
                arn: `arn:aws:s3:::${name}`,
                bucketRegionalDomainName: `${name}.s3.eu-west-1.amazonaws.com`,
            };
        case "aws:acm/certificate:Certificate":
            return {
                arn: arn("acm", `certificate/${name}`),
                domainValidationOptions: [
                    {
                        domainName: inputs.domainName,
                        resourceRecordName: `_validation.${String(inputs.domainName)}`,
                        resourceRecordType: "CNAME",
                        resourceRecordValue: "_value.acm-validations.aws",
                    },
                ],
            };
        case "aws:lambda/invocation:Invocation":
            return { result: JSON.stringify({ certificateArn: arn("acm", "certificate/imported"), imported: true }) };
        case "aws:lb/listener:Listener":
            return { arn: arn("elasticloadbalancing", `listener/app/${name}/1/2`) };
        case "aws:lb/loadBalancer:LoadBalancer":
            return {
                arn: arn("elasticloadbalancing", `loadbalancer/app/${name}/1`),
                dnsName: `${name}.elb.amazonaws.com`,
                zoneId: "Z-elb",
            };
        case "aws:lb/targetGroup:TargetGroup":
            return { arn: arn("elasticloadbalancing", `targetgroup/${name}/3`) };
        case "aws:route53/record:Record":
            return { fqdn: inputs.name };
        case "aws:secretsmanager/secret:Secret":
            return { name, arn: arn("secretsmanager", `secret:${name}-AbCdEf`) };
        case "aws:servicediscovery/httpNamespace:HttpNamespace":
            return { arn: arn("servicediscovery", `namespace/ns-${name}`) };
        case "aws:sns/topic:Topic":
            return { name, arn: arn("sns", name) };
        case "aws:sqs/queue:Queue":
            return { name, arn: arn("sqs", name), url: idOf(type, name) };
        default:
            return {};
    }
}

/** The id of the zone of that name. */
export function zoneIdOf(name: string): string {
    return `Z${name.toUpperCase().replace(/[^A-Z0-9]/g, "0")}`;
}

function answerOf(token: string, inputs: Properties): Properties {
    switch (token) {
        case "aws:index/getCallerIdentity:getCallerIdentity":
            return { accountId };
        case "aws:index/getPartition:getPartition":
            return { partition: "aws" };
        case "aws:index/getRegion:getRegion":
            return { region };
        case "aws:lb/getLoadBalancer:getLoadBalancer":
            return { dnsName: "shared.elb.amazonaws.com", zoneId: "Z-elb" };
        case "aws:route53/getZone:getZone":
            // Asked by its id, a zone says its name.
            return {
                zoneId: inputs.zoneId ?? zoneIdOf(String(inputs.name)),
                name: inputs.name ?? "example.com",
                primaryNameServer: "ns-1.awsdns-01.com",
                privateZone: false,
            };
        default:
            throw new Error(`Give ${token} an answer in tests/support/mocks.ts`);
    }
}
