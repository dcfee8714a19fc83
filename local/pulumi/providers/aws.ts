import { acm } from "../../aws/acm/resources";
import { apigatewayv2 } from "../../aws/apigatewayv2/resources";
import { appautoscaling } from "../../aws/appautoscaling/resources";
import { cloudwatch } from "../../aws/cloudwatch/resources";
import { cognito } from "../../aws/cognito/resources";
import { dynamodb } from "../../aws/dynamodb/resources";
import { ec2DataSources } from "../../aws/ec2/dataSources";
import { ec2 } from "../../aws/ec2/resources";
import { securityGroups } from "../../aws/ec2/securityGroupResources";
import { ecrDataSources } from "../../aws/ecr/dataSources";
import { ecr } from "../../aws/ecr/resources";
import { ecs } from "../../aws/ecs/resources";
import { elasticache } from "../../aws/elasticache/resources";
import { elbDataSources } from "../../aws/elb/dataSources";
import { lb } from "../../aws/elb/resources";
import { events } from "../../aws/events/resources";
import { iamDataSources } from "../../aws/iam/dataSources";
import { iam } from "../../aws/iam/resources";
import { kinesis } from "../../aws/kinesis/resources";
import { lambda } from "../../aws/lambda/resources";
import { logs } from "../../aws/logs/resources";
import { type Adapters, type AnyAdapter, type Existing, Gone } from "../../aws/resources/adapter";
import type { DataSources } from "../../aws/resources/dataSources";
import { kept } from "../../aws/resources/kept";
import { autoName } from "../../aws/resources/naming";
import { type Aws, createAws } from "../../aws/resources/sdk";
import { changedKeys, containsUnknown, type Properties, saysTheSame, UNKNOWN } from "../../aws/resources/values";
import { route53DataSources } from "../../aws/route53/dataSources";
import { route53 } from "../../aws/route53/resources";
import { s3 } from "../../aws/s3/resources";
import { scheduler } from "../../aws/scheduler/resources";
import { secretsmanager } from "../../aws/secretsmanager/resources";
import { servicediscovery } from "../../aws/servicediscovery/resources";
import { sns } from "../../aws/sns/resources";
import { sqs } from "../../aws/sqs/resources";
import { ssm } from "../../aws/ssm/resources";
import { stsDataSources } from "../../aws/sts/dataSources";
import { wafv2 } from "../../aws/wafv2/resources";
import { type Checked, type Difference, type Provider, serve, type State } from "./server";

/** Every resource type the local system knows. */
export const adapters: Adapters = {
    ...acm,
    ...apigatewayv2,
    ...appautoscaling,
    ...cloudwatch,
    ...cognito,
    ...dynamodb,
    ...ec2,
    ...ecr,
    ...ecs,
    ...elasticache,
    ...events,
    ...iam,
    ...kinesis,
    ...lambda,
    ...lb,
    ...logs,
    ...route53,
    ...s3,
    ...scheduler,
    ...secretsmanager,
    ...securityGroups,
    ...servicediscovery,
    ...sns,
    ...sqs,
    ...ssm,
    ...wafv2,
};

/** Every data source it knows. */
const dataSources: DataSources = {
    ...ec2DataSources,
    ...ecrDataSources,
    ...elbDataSources,
    ...iamDataSources,
    ...route53DataSources,
    ...stsDataSources,
};

export interface AwsEnvironment {
    readonly gatewayUrl: string;
    /** Of a role's session, or the account's id: then it is the account itself. */
    readonly accessKeyId: string;
    /** Default: `accessKeyId`. */
    readonly accountId?: string;
    readonly region?: string;
}

/** The provider `aws` of @pulumi/aws 7.48.0, for AWS as the local system emulates it. */
export function createAwsProvider(environment: AwsEnvironment): Provider {
    let region: string | undefined;
    let { accessKeyId, accountId = accessKeyId } = environment;
    let defaultTags: Readonly<Record<string, string>> = {};
    const byRegion = new Map<string, Aws>();

    function configure(config: Readonly<Record<string, string>>): void {
        region = config.region ?? environment.region;
        ({ accessKeyId, accountId = accessKeyId } = environment);
        if (config.accessKey !== undefined) {
            accessKeyId = accountId = config.accessKey;
        }
        const given = JSON.parse(config.defaultTags ?? "{}") as { readonly tags?: Readonly<Record<string, string>> };
        defaultTags = given.tags ?? {};
    }

    /** Resources and data sources may name a region of their own. */
    function awsFor({ region: own }: Properties): Aws {
        const wanted = (own as string | undefined) ?? region;
        if (wanted === undefined) {
            throw new Error(
                'Missing region configuration: set "aws:region" in the stack\'s configuration, or `region` on the aws.Provider.',
            );
        }
        const aws =
            byRegion.get(wanted) ?? createAws(environment.gatewayUrl, { region: wanted, accountId, accessKeyId });
        byRegion.set(wanted, aws);
        return aws;
    }

    function check(urn: string, olds: Properties, news: Properties): Checked {
        const adapter = adapterOf(urn);
        const refused = (adapter.refuses ?? []).filter((property) => news[property] !== undefined);
        const failures = refused.map((property) => ({
            property,
            reason: `the local system does not emulate it for the type ${typeOf(urn)}`,
        }));
        const known = Object.fromEntries(Object.entries(news).filter(([, value]) => !containsUnknown(value)));
        failures.push(...(adapter.judge?.(known) ?? []));
        const inputs: Properties = { ...adapter.defaults, ...news };
        if (adapter.taggable) {
            inputs.tagsAll = containsUnknown(news.tags)
                ? UNKNOWN
                : { ...defaultTags, ...(news.tags as Properties | undefined) };
        }
        const property = adapter.autoName?.property;
        if (adapter.autoName && property !== undefined && inputs[property] === undefined) {
            const kept = isAutoNamed(olds, property) ? olds[property] : undefined;
            inputs[property] = kept ?? autoName(adapter.autoName, nameOf(urn), inputs);
            inputs.__defaults = [property];
        }
        return { inputs, failures };
    }

    function diff(urn: string, old: State, inputs: Properties): Difference {
        const adapter = adapterOf(urn);
        const changed = changedKeys(old.inputs, inputs).filter(
            (key) => key !== "__defaults" && adapter.isSame?.[key] === undefined,
        );
        for (const [key, isSame] of Object.entries(adapter.isSame ?? {})) {
            const [read, sent] = [old.outputs[key] ?? old.inputs[key], inputs[key]];
            if (read !== sent && (containsUnknown(sent) || !isSame?.(String(read), String(sent), inputs))) {
                changed.push(key);
            }
        }
        const replaces = changed.filter(
            (key) => key === "region" || !adapter.update || (adapter.replaceOn ?? []).includes(key),
        );
        const name = adapter.autoName?.property;
        // Two of the same name cannot be side by side, unless the name is one we make up.
        const nameStays = name !== undefined && !changed.includes(name) && !isAutoNamed(inputs, name);
        return {
            changed,
            replaces,
            deleteBeforeReplace: replaces.length > 0 && (adapter.deleteBeforeReplace === true || nameStays),
        };
    }

    async function create(urn: string, inputs: Properties, preview: boolean) {
        const adapter = adapterOf(urn);
        const aws = awsFor(inputs);
        if (preview) {
            return { id: "", outputs: outputsOf({}, {}, inputs, {}) };
        }
        const { id, ...made } = await explained(`creating ${adapter.label} (${calledBy(adapter, inputs, urn)})`, () =>
            adapter.create(aws, inputs as never, nameOf(urn)),
        );
        return { id, outputs: outputsOf({}, {}, inputs, { ...made, region: aws.region }) };
    }

    async function update(urn: string, old: State, inputs: Properties, preview: boolean): Promise<Properties> {
        const adapter = adapterOf(urn);
        const outputs = outputsOf(old.outputs, old.inputs, inputs, {});
        if (preview) {
            return outputs;
        }
        const change = { id: old.id, inputs, old: old.inputs, outputs: old.outputs };
        const made = await explained(`updating ${adapter.label} (${old.id})`, async () =>
            adapter.update?.(awsFor(inputs), change as never),
        );
        return { ...outputs, ...made };
    }

    async function read(urn: string, old: State): Promise<Omit<State, "id"> | undefined> {
        const adapter = adapterOf(urn);
        if (Object.keys(old.outputs).length === 0) {
            throw new Error(
                `reading ${adapter.label} (${old.id}): the local system can refresh what it made, and cannot import or look up anything else`,
            );
        }
        const found = await unlessGone(adapter, () =>
            explained(`reading ${adapter.label} (${old.id})`, async () => ({
                ...(await adapter.read?.(awsFor(old.inputs), old as never)),
            })),
        );
        if (found === undefined) {
            return undefined;
        }
        // What was changed behind the program's back shows as a difference next time.
        const isSaid = (key: string) => key in old.inputs || adapter.emptyByDefault?.includes(key);
        const changed = Object.entries(found).filter(([key, value]) =>
            isSaid(key) ? !saysTheSame(value, old.inputs[key]) : key in old.outputs,
        );
        const drifted = changed.filter(([key]) => isSaid(key));
        return {
            inputs: { ...old.inputs, ...Object.fromEntries(drifted) },
            outputs: { ...old.outputs, ...Object.fromEntries(changed) },
        };
    }

    async function remove(urn: string, old: State): Promise<void> {
        const adapter = adapterOf(urn);
        await unlessGone(adapter, () =>
            explained(`deleting ${adapter.label} (${old.id})`, async () =>
                adapter.delete?.(awsFor(old.inputs), old as never as Existing<Properties, Properties>),
            ),
        );
    }

    async function invoke(token: string, args: Properties): Promise<Properties> {
        const handle = dataSources[token];
        if (!handle) {
            throw new Error(
                `The local system does not know the data source ${token}: add it to dataSources.ts of its service's folder in local/aws/.`,
            );
        }
        return handle(awsFor(args), args);
    }

    return { version: "7.48.0", configure, check, diff, create, update, read, delete: remove, invoke };
}

/** What somebody else's project has and nothing here knows: state and no more. */
const unknownType = kept<Properties, Properties>({
    idPrefix: "kept",
    outputs: (aws, _, id) => ({ arn: aws.arn("kept", id) }),
}) as AnyAdapter;

function adapterOf(urn: string): AnyAdapter {
    const type = typeOf(urn);
    const adapter = adapters[type] ?? (process.env.TASKGATE_LOCAL_KEEP === "1" ? unknownType : undefined);
    if (!adapter) {
        throw new Error(
            `The local system has no adapter for the resource type "${type}": add a row for it to resources.ts of its service's folder in local/aws/ ` +
                "(made of `kept`, when nothing observes what it does).",
        );
    }
    return adapter;
}

/** urn:pulumi:<stack>::<project>::<parent types>$<type>::<name> */
function typeOf(urn: string): string {
    return urn.split("::")[2].split("$").at(-1)!;
}

function nameOf(urn: string): string {
    return urn.split("::").slice(3).join("::");
}

function isAutoNamed(inputs: Properties, property: string): boolean {
    return Array.isArray(inputs.__defaults) && inputs.__defaults.includes(property);
}

function calledBy(adapter: AnyAdapter, inputs: Properties, urn: string): string {
    const name = inputs[adapter.autoName?.property ?? "name"];
    return typeof name === "string" ? name : nameOf(urn);
}

/** Arguments are outputs; what AWS added earlier stays; an argument taken away is taken away. */
function outputsOf(before: Properties, oldInputs: Properties, inputs: Properties, made: Properties): Properties {
    const added = Object.entries(before).filter(([key]) => !(key in oldInputs));
    const given = Object.entries(inputs).filter(([key]) => key !== "__defaults");
    return { ...Object.fromEntries([...added, ...given]), ...made };
}

/** An SDK error as "creating SQS Queue (jobs-1234567): QueueNameExists: …", with its name kept for `unlessGone`. */
async function explained<T>(doing: string, call: () => Promise<T>): Promise<T> {
    try {
        return await call();
    } catch (error) {
        const { name, message } = error as Error;
        throw Object.assign(new Error(`${doing}: ${name === "Error" ? message : `${name}: ${message}`}`), { name });
    }
}

async function unlessGone<T>(adapter: AnyAdapter, call: () => Promise<T>): Promise<T | undefined> {
    try {
        return await call();
    } catch (error) {
        if ([Gone.name, ...(adapter.gone ?? [])].includes((error as Error).name)) {
            return undefined;
        }
        throw error;
    }
}

if (require.main === module) {
    const { AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_ACCOUNT_ID, AWS_REGION } = process.env;
    if (!AWS_ENDPOINT_URL || !AWS_ACCESS_KEY_ID || !/^127\./.test(new URL(AWS_ENDPOINT_URL).hostname)) {
        throw new Error(
            "AWS_ENDPOINT_URL must be the local system's gateway on 127.0.0.0/8, and AWS_ACCESS_KEY_ID its account id or a key it has given: " +
                `they are "${AWS_ENDPOINT_URL}" and "${AWS_ACCESS_KEY_ID}".`,
        );
    }
    const as = { accessKeyId: AWS_ACCESS_KEY_ID, accountId: AWS_ACCOUNT_ID };
    void serve(createAwsProvider({ gatewayUrl: AWS_ENDPOINT_URL, ...as, region: AWS_REGION }));
}
