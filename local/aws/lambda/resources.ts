import { createHash } from "node:crypto";
import type {
    CreateEventSourceMappingCommandInput,
    FunctionConfiguration,
    PutFunctionEventInvokeConfigCommandInput,
    UpdateFunctionConfigurationCommandInput,
} from "@aws-sdk/client-lambda";
import type { EventSourceMappingArgs, EventSourceMappingState } from "@pulumi/aws/lambda/eventSourceMapping";
import type { FunctionArgs, FunctionState } from "@pulumi/aws/lambda/function";
import type {
    FunctionEventInvokeConfigArgs,
    FunctionEventInvokeConfigState,
} from "@pulumi/aws/lambda/functionEventInvokeConfig";
import type { InvocationArgs, InvocationState } from "@pulumi/aws/lambda/invocation";
import type { PermissionArgs, PermissionState } from "@pulumi/aws/lambda/permission";
import { adapter, type Adapters, changeTags, fields, Gone, type Inputs, service, tagsAll } from "../resources/adapter";
import { patiently } from "../resources/patience";
import type { Aws } from "../resources/sdk";
import { camelKeys, isArchive, isSame, pascalKeys, within } from "../resources/values";
import { zip } from "./archive";

const gone = ["ResourceNotFoundException"];

/** Of a role that is not known everywhere yet. */
const freshRole = /The role defined for the function cannot be assumed by Lambda/;

export const lambda: Adapters = service("Lambda", {
    "lambda/function:Function": adapter<FunctionArgs, FunctionState>({
        taggable: true,
        autoName: { property: "name", maxLength: 64 },
        defaults: { memorySize: 128, timeout: 3, publish: false, packageType: "Zip", skipDestroy: false },
        replaceOn: ["name", "packageType"],
        refuses: ["imageUri", "snapStart"],
        emptyByDefault: ["deadLetterConfig", "description", "environment", "kmsKeyArn", "layers", "vpcConfig"],
        gone,
        async create(aws, inputs) {
            const Code = await codeOf(inputs);
            await patiently(2, freshRole, () =>
                aws.lambda.createFunction({
                    ...configuration(inputs),
                    Role: inputs.role,
                    Code,
                    Architectures: architectures(inputs),
                    PackageType: "Zip",
                    Publish: inputs.publish,
                    Tags: inputs.tagsAll,
                }),
            );
            await reserveConcurrency(aws, inputs);
            return { id: inputs.name!, ...(await described(aws, inputs.name!)) };
        },
        async update(aws, change) {
            const { id: FunctionName, inputs, old } = change;
            if (codeKeys.some((key) => !isSame(inputs[key], old[key]))) {
                await aws.lambda.updateFunctionCode({
                    FunctionName,
                    ...(await codeOf(inputs)),
                    Architectures: architectures(inputs),
                    Publish: inputs.publish,
                });
            }
            await aws.lambda.updateFunctionConfiguration(configuration(inputs));
            if (inputs.reservedConcurrentExecutions !== old.reservedConcurrentExecutions) {
                await reserveConcurrency(aws, inputs);
            }
            const outputs = await described(aws, FunctionName);
            await changeTags(
                change,
                (Tags) => aws.lambda.tagResource({ Resource: outputs.arn, Tags }),
                (TagKeys) => aws.lambda.untagResource({ Resource: outputs.arn, TagKeys }),
            );
            return outputs;
        },
        delete: async (aws, { id, inputs }) => inputs.skipDestroy || aws.lambda.deleteFunction({ FunctionName: id }),
        async read(aws, { id, inputs }) {
            const { Configuration: found = {}, Concurrency, Tags } = await aws.lambda.getFunction({ FunctionName: id });
            const { SubnetIds: subnetIds, SecurityGroupIds: securityGroupIds } = found.VpcConfig ?? {};
            return {
                ...fields(found, "architectures", "description", "handler", "memorySize", "role", "runtime", "timeout"),
                ...fields(found, "deadLetterConfig", "ephemeralStorage", "tracingConfig"),
                ...describe(aws, id, found),
                environment: { variables: found.Environment?.Variables },
                kmsKeyArn: found.KMSKeyArn,
                layers: found.Layers?.map(({ Arn }) => Arn),
                loggingConfig: within(camelKeys(found.LoggingConfig), inputs.loggingConfig),
                reservedConcurrentExecutions: Concurrency?.ReservedConcurrentExecutions ?? -1,
                vpcConfig: { subnetIds, securityGroupIds },
                ...tagsAll(Tags),
            };
        },
    }),
    "lambda/eventSourceMapping:EventSourceMapping": adapter<EventSourceMappingArgs, EventSourceMappingState>({
        taggable: true,
        defaults: { enabled: true },
        replaceOn: ["eventSourceArn", "startingPosition", "startingPositionTimestamp"],
        gone,
        async create(aws, inputs) {
            const mapping = await aws.lambda.createEventSourceMapping({
                ...eventSource(inputs),
                EventSourceArn: inputs.eventSourceArn,
                StartingPosition: inputs.startingPosition as "LATEST" | undefined,
                Tags: inputs.tagsAll,
            });
            return {
                id: mapping.UUID!,
                uuid: mapping.UUID,
                arn: aws.arn("lambda", `event-source-mapping:${mapping.UUID}`),
                functionArn: mapping.FunctionArn,
                state: mapping.State,
            };
        },
        async update(aws, change) {
            const mapping = await aws.lambda.updateEventSourceMapping({
                ...eventSource(change.inputs),
                UUID: change.id,
            });
            const Resource = aws.arn("lambda", `event-source-mapping:${change.id}`);
            await changeTags(
                change,
                (Tags) => aws.lambda.tagResource({ Resource, Tags }),
                (TagKeys) => aws.lambda.untagResource({ Resource, TagKeys }),
            );
            return { functionArn: mapping.FunctionArn, state: mapping.State };
        },
        delete: (aws, { id }) => aws.lambda.deleteEventSourceMapping({ UUID: id }),
        async read(aws, { id }) {
            const { State = "", ...found } = await aws.lambda.getEventSourceMapping({ UUID: id });
            const { Destination: destinationArn } = found.DestinationConfig?.OnFailure ?? {};
            const { Tags } = await aws.lambda.listTags({ Resource: aws.arn("lambda", `event-source-mapping:${id}`) });
            return {
                ...fields(found, "batchSize", "bisectBatchOnFunctionError", "filterCriteria", "functionResponseTypes"),
                ...fields(found, "maximumBatchingWindowInSeconds", "maximumRecordAgeInSeconds", "maximumRetryAttempts"),
                ...fields(found, "parallelizationFactor", "scalingConfig", "tumblingWindowInSeconds"),
                enabled: !/^Disabl/.test(State),
                destinationConfig: { onFailure: { destinationArn } },
                ...tagsAll(Tags),
            };
        },
    }),
    "lambda/permission:Permission": adapter<PermissionArgs, PermissionState>({
        autoName: { property: "statementId", maxLength: 100 },
        emptyByDefault: ["principalOrgId", "sourceAccount", "sourceArn"],
        gone,
        async create(aws, inputs) {
            await aws.lambda.addPermission({
                FunctionName: inputs.function,
                StatementId: inputs.statementId,
                Action: inputs.action,
                Principal: inputs.principal,
                PrincipalOrgID: inputs.principalOrgId,
                SourceArn: inputs.sourceArn,
                SourceAccount: inputs.sourceAccount,
                Qualifier: inputs.qualifier,
                EventSourceToken: inputs.eventSourceToken,
                FunctionUrlAuthType: inputs.functionUrlAuthType as "NONE" | undefined,
            });
            return { id: inputs.statementId! };
        },
        delete: (aws, { id, inputs }) =>
            aws.lambda.removePermission({
                FunctionName: inputs.function,
                StatementId: id,
                Qualifier: inputs.qualifier,
            }),
        async read(aws, { id, inputs }) {
            const { Policy = "{}" } = await aws.lambda.getPolicy({
                FunctionName: inputs.function,
                Qualifier: inputs.qualifier,
            });
            const { Statement = [] } = JSON.parse(Policy) as { readonly Statement?: readonly Statement[] };
            const found = Statement.find(({ Sid }) => Sid === id);
            if (found === undefined) {
                throw new Gone(`The function ${inputs.function} has no statement ${id}.`);
            }
            const { Action: action, Principal, Condition = {} } = found;
            const principal = typeof Principal === "string" ? Principal : (Principal.Service ?? Principal.AWS);
            const conditions = Object.fromEntries(
                Object.values(Condition).flatMap((values) =>
                    Object.entries(values).map(([key, value]) => [key.toLowerCase(), value]),
                ),
            );
            return {
                ...{ action, principal: /^\d+$/.test(inputs.principal) ? principal?.split(":").at(-2) : principal },
                eventSourceToken: conditions["lambda:eventsourcetoken"],
                functionUrlAuthType: conditions["lambda:functionurlauthtype"],
                principalOrgId: conditions["aws:principalorgid"],
                sourceAccount: conditions["aws:sourceaccount"],
                sourceArn: conditions["aws:sourcearn"],
            };
        },
    }),
    "lambda/invocation:Invocation": adapter<InvocationArgs, InvocationState>({
        defaults: { lifecycleScope: "CREATE_ONLY", qualifier: "$LATEST", terraformKey: "tf" },
        replaceOn: ["functionName", "qualifier"],
        gone,
        create: async (aws, inputs) => ({
            id: `${inputs.functionName}_${inputs.qualifier}_${createHash("md5").update(inputs.input).digest("hex")}`,
            result: await invoke(aws, inputs, "create"),
        }),
        update: async (aws, { inputs, old }) => ({ result: await invoke(aws, inputs, "update", old.input) }),
        delete: async (aws, { inputs }) =>
            inputs.lifecycleScope === "CRUD" ? invoke(aws, inputs, "delete", inputs.input) : undefined,
    }),
    "lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": adapter<
        FunctionEventInvokeConfigArgs,
        FunctionEventInvokeConfigState
    >({
        replaceOn: ["functionName", "qualifier"],
        emptyByDefault: ["destinationConfig"],
        gone,
        async create(aws, inputs) {
            await aws.lambda.putFunctionEventInvokeConfig(eventInvokeConfig(inputs));
            return { id: inputs.qualifier ? `${inputs.functionName}:${inputs.qualifier}` : inputs.functionName };
        },
        async update(aws, { inputs }) {
            await aws.lambda.putFunctionEventInvokeConfig(eventInvokeConfig(inputs));
        },
        delete: (aws, { inputs }) =>
            aws.lambda.deleteFunctionEventInvokeConfig({
                FunctionName: inputs.functionName,
                Qualifier: inputs.qualifier,
            }),
        async read(aws, { inputs }) {
            const found = await aws.lambda.getFunctionEventInvokeConfig({
                FunctionName: inputs.functionName,
                Qualifier: inputs.qualifier,
            });
            return fields(found, "maximumEventAgeInSeconds", "maximumRetryAttempts", "destinationConfig");
        },
    }),
});

/** Of a function's policy. */
interface Statement {
    readonly Sid: string;
    readonly Action: string;
    readonly Principal: string | { readonly Service?: string; readonly AWS?: string };
    readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What a CRUD invocation tells the function beside its input: why it is invoked (terraform's own words). */
async function invoke(
    aws: Aws,
    inputs: Inputs<InvocationArgs>,
    action: "create" | "update" | "delete",
    previous: string | null = null,
): Promise<string> {
    const input = JSON.parse(inputs.input) as object;
    const lifecycle = {
        [inputs.terraformKey ?? "tf"]: { action, prev_input: previous && (JSON.parse(previous) as object) },
    };
    const { FunctionError, Payload } = await aws.lambda.invoke({
        FunctionName: inputs.functionName,
        Qualifier: inputs.qualifier,
        Payload: Buffer.from(JSON.stringify(inputs.lifecycleScope === "CRUD" ? { ...input, ...lifecycle } : input)),
    });
    const result = Buffer.from(Payload ?? []).toString();
    if (FunctionError !== undefined) {
        throw new Error(`Lambda function (${inputs.functionName}) returned error: (${FunctionError}) ${result}`);
    }
    return result;
}

const codeKeys = ["code", "s3Bucket", "s3Key", "s3ObjectVersion", "sourceCodeHash", "architectures"] as const;

async function codeOf(inputs: Inputs<FunctionArgs>) {
    return isArchive(inputs.code)
        ? { ZipFile: await zip(inputs.code) }
        : { S3Bucket: inputs.s3Bucket, S3Key: inputs.s3Key, S3ObjectVersion: inputs.s3ObjectVersion };
}

function architectures(inputs: Inputs<FunctionArgs>) {
    return (inputs.architectures ?? ["x86_64"]) as ["x86_64"];
}

/** Every setting, those left out too: what the program takes away must go. */
function configuration(inputs: Inputs<FunctionArgs>) {
    const config: UpdateFunctionConfigurationCommandInput = {
        FunctionName: inputs.name,
        Description: inputs.description ?? "",
        Role: inputs.role,
        Runtime: inputs.runtime as "nodejs24.x",
        Handler: inputs.handler,
        MemorySize: inputs.memorySize,
        Timeout: inputs.timeout,
        Environment: { Variables: inputs.environment?.variables ?? {} },
        KMSKeyArn: inputs.kmsKeyArn,
        Layers: inputs.layers ?? [],
        DeadLetterConfig: { TargetArn: inputs.deadLetterConfig?.targetArn ?? "" },
        TracingConfig: { Mode: (inputs.tracingConfig?.mode ?? "PassThrough") as "PassThrough" },
        EphemeralStorage: { Size: inputs.ephemeralStorage?.size ?? 512 },
        LoggingConfig: pascalKeys(inputs.loggingConfig) as UpdateFunctionConfigurationCommandInput["LoggingConfig"],
        VpcConfig: {
            SubnetIds: inputs.vpcConfig?.subnetIds ?? [],
            SecurityGroupIds: inputs.vpcConfig?.securityGroupIds ?? [],
        },
    };
    return config;
}

async function reserveConcurrency(aws: Aws, inputs: Inputs<FunctionArgs>): Promise<void> {
    const [FunctionName, reserved] = [inputs.name, inputs.reservedConcurrentExecutions ?? -1];
    if (reserved >= 0) {
        await aws.lambda.putFunctionConcurrency({ FunctionName, ReservedConcurrentExecutions: reserved });
    } else {
        await aws.lambda.deleteFunctionConcurrency({ FunctionName });
    }
}

async function described(aws: Aws, FunctionName: string) {
    const { Configuration } = await aws.lambda.getFunction({ FunctionName });
    return describe(aws, FunctionName, Configuration);
}

function describe(aws: Aws, name: string, found: FunctionConfiguration = {}) {
    const arn = aws.arn("lambda", `function:${name}`);
    return {
        arn,
        qualifiedArn: `${arn}:${found.Version}`,
        invokeArn: `arn:aws:apigateway:${aws.region}:lambda:path/2015-03-31/functions/${arn}/invocations`,
        version: found.Version,
        lastModified: found.LastModified,
        codeSha256: found.CodeSha256,
        sourceCodeHash: found.CodeSha256,
        sourceCodeSize: found.CodeSize,
    };
}

function eventSource(inputs: Inputs<EventSourceMappingArgs>) {
    const { onFailure } = inputs.destinationConfig ?? {};
    const mapping: CreateEventSourceMappingCommandInput = {
        FunctionName: inputs.functionName,
        Enabled: inputs.enabled,
        BatchSize: inputs.batchSize,
        BisectBatchOnFunctionError: inputs.bisectBatchOnFunctionError,
        FunctionResponseTypes: inputs.functionResponseTypes as ["ReportBatchItemFailures"] | undefined,
        MaximumBatchingWindowInSeconds: inputs.maximumBatchingWindowInSeconds,
        MaximumRecordAgeInSeconds: inputs.maximumRecordAgeInSeconds,
        MaximumRetryAttempts: inputs.maximumRetryAttempts,
        ParallelizationFactor: inputs.parallelizationFactor,
        TumblingWindowInSeconds: inputs.tumblingWindowInSeconds,
        DestinationConfig: onFailure && { OnFailure: { Destination: onFailure.destinationArn } },
        FilterCriteria: pascalKeys(inputs.filterCriteria) as CreateEventSourceMappingCommandInput["FilterCriteria"],
        ScalingConfig: pascalKeys(inputs.scalingConfig) as CreateEventSourceMappingCommandInput["ScalingConfig"],
    };
    return mapping;
}

function eventInvokeConfig(inputs: Inputs<FunctionEventInvokeConfigArgs>) {
    return {
        FunctionName: inputs.functionName,
        Qualifier: inputs.qualifier,
        MaximumEventAgeInSeconds: inputs.maximumEventAgeInSeconds,
        MaximumRetryAttempts: inputs.maximumRetryAttempts,
        DestinationConfig: pascalKeys(
            inputs.destinationConfig,
        ) as PutFunctionEventInvokeConfigCommandInput["DestinationConfig"],
    };
}
