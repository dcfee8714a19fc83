import { randomUUID } from "node:crypto";

import { S3 } from "@aws-sdk/client-s3";

import { clientConfig } from "../../machine/awsClients";
import { AwsError, jsonResponse } from "../gateway/overlay";
import type { Permissions } from "../permissions/permissions";
import type { AwsRequest, AwsResponse, Forward, Overlay } from "../gateway/overlay";
import type { Invocation, InvocationResult, LambdaFunction, Runner } from "./runner";
import { createStreamMappings } from "./streamMappings";

const proxyVariable = "MINISTACK_LAMBDA_PROXY_URL";
const pathPrefix = "/_taskgate/lambda/";

interface Code {
    readonly ZipFile?: string;
    readonly S3Bucket?: string;
    readonly S3Key?: string;
    readonly S3ObjectVersion?: string;
}

interface QueueRecord {
    readonly eventSource?: string;
    readonly eventSourceARN?: string;
}

interface FunctionInput {
    readonly FunctionName?: string;
    readonly Runtime?: string;
    readonly Code?: Code;
    readonly Environment?: { readonly Variables?: Readonly<Record<string, string>> };
}

interface FunctionConfiguration {
    readonly FunctionArn: string;
    readonly FunctionName: string;
    readonly Runtime: string;
    readonly Handler: string;
    readonly Timeout: number;
    readonly MemorySize: number;
    readonly Role: string;
    readonly LoggingConfig?: { readonly LogGroup?: string };
    readonly Environment?: { readonly Variables?: Readonly<Record<string, string>> };
}

/** A synchronous invocation on its way through the emulator. */
interface Passage {
    readonly payload: string;
    result?: InvocationResult;
}

/**
 * The emulator keeps the functions and decides when they are invoked. It hands each invocation of a Node.js function
 * to the address in a variable of the function's environment, which we add and hide, and so to our runner.
 */
export function lambdaOverlay(
    runner: Runner,
    permissions?: Pick<Permissions, "allows" | "identities">,
    delivered: (payload: string) => string = (payload) => payload,
): Overlay & { readonly stop: () => Promise<void> } {
    const rolesOf = new Map<string, string>();
    const archives = new Map<string, Buffer>();
    const passages = new Map<string, Passage>();
    const streams = createStreamMappings({
        ...{ gatewayUrl: runner.gatewayUrl, permissions },
        roleOf: (arn) => rolesOf.get(arn),
        invoke: (arn, payload, forward) => measured(arn, { payload }, forward),
    });

    /** The request with the variable added. */
    function withProxy(request: AwsRequest, name: string, input: FunctionInput): AwsRequest {
        const url = `${runner.gatewayUrl}${pathPrefix}${request.accountId}/${request.region}/${name}`;
        const Variables = { ...input.Environment?.Variables, [proxyVariable]: url };
        return { ...request, body: Buffer.from(JSON.stringify({ ...input, Environment: { Variables } })) };
    }

    /** Sends the request on and lets the runner have what the function is after it. */
    async function forwardAndDeploy(request: AwsRequest, forward: Forward, code?: Code): Promise<AwsResponse> {
        const zip = code && (await readArchive(runner.gatewayUrl, request, code));
        const response = await forward(request);
        if (response.status < 300) {
            const configuration = JSON.parse(response.body.toString()) as FunctionConfiguration;
            const definition = toDefinition(
                configuration,
                zip ?? archives.get(arnOf(request, configuration.FunctionName)),
            );
            if (definition) {
                archives.set(definition.arn, definition.zip);
                rolesOf.set(definition.arn, definition.role);
                runner.deploy(definition);
            }
        }
        return withoutProxy(response);
    }

    /** Through the emulator, for its checks, limits and metrics, but with an answer that it could not carry. */
    async function invoke(request: AwsRequest, forward: Forward): Promise<AwsResponse> {
        const passageId = randomUUID();
        const passage: Passage = { payload: request.body.toString() || "{}" };
        requireJson(passage.payload);
        passages.set(passageId, passage);
        const body = Buffer.from(JSON.stringify({ taskgatePassage: passageId }));
        const response = await forward({ ...request, body }).finally(() => passages.delete(passageId));
        const { result } = passage;
        if (!result) {
            return response;
        }
        const wantsLog = request.headers["x-amz-log-type"]?.toString().toLowerCase() === "tail";
        return {
            status: 200,
            headers: {
                "content-type": "application/json",
                "x-amz-executed-version": response.headers["x-amz-executed-version"] ?? "$LATEST",
                ...(result.isError && { "x-amz-function-error": "Unhandled" }),
                ...(wantsLog && { "x-amz-log-result": Buffer.from(result.log).subarray(-4_096).toString("base64") }),
            },
            body: Buffer.from(result.payload),
        };
    }

    /** The emulator invokes a function. */
    async function runProxied(request: AwsRequest, forward: Forward): Promise<AwsResponse> {
        const [accountId, region, name] = request.path.slice(pathPrefix.length).split("/");
        const event = request.body.toString();
        const passage = passages.get((JSON.parse(event) as { taskgatePassage?: string } | null)?.taskgatePassage ?? "");
        const arn = `arn:aws:lambda:${region}:${accountId}:function:${name}`;
        const queue = (JSON.parse(event) as { Records?: QueueRecord[] } | null)?.Records?.[0];
        if (!passage && queue?.eventSource === "aws:sqs") {
            await requireQueueAccess(arn, queue.eventSourceARN!);
        }
        const invocation = {
            payload: passage?.payload ?? delivered(event),
            requestId: request.headers["x-amzn-lambda-request-id"]?.toString(),
            invokedFunctionArn: request.headers["x-amzn-lambda-function-arn"]?.toString(),
        };
        const result = await (passage ? runner.invoke(arn, invocation) : measured(arn, invocation, forward));
        if (passage) {
            passage.result = result;
        }
        return jsonResponse(JSON.parse(result.payload), result.isError ? 500 : 200);
    }

    async function measured(arn: string, invocation: Invocation, forward: Forward): Promise<InvocationResult> {
        const [, , , region, accountId, , name] = arn.split(":");
        const started = performance.now();
        const result = await runner.invoke(arn, invocation);
        await forward(metrics({ accountId, region, name, result, durationMs: performance.now() - started }));
        return result;
    }

    /** Lambda takes messages from a queue in the name of the function's role. @throws as CreateEventSourceMapping does */
    async function requireQueueAccess(functionArn: string, queueArn: string): Promise<void> {
        const role = rolesOf.get(functionArn);
        for (const call of ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"]) {
            const region = queueArn.split(":")[3];
            if (
                role !== undefined &&
                permissions &&
                !(await permissions.allows(role, region, `sqs:${call}`, queueArn))
            ) {
                throw new AwsError(
                    "InvalidParameterValueException",
                    `The provided execution role does not have permissions to call ${call} on SQS`,
                );
            }
        }
    }

    return {
        service: "lambda",
        pathPrefix,
        stop: () => streams.stop(),
        async handle(request, forward) {
            if (request.path.startsWith(pathPrefix)) {
                return runProxied(request, forward);
            }
            if (request.operation?.includes("EventSourceMapping")) {
                const { FunctionName, EventSourceArn } = request.parameters as Record<string, string | undefined>;
                const functionArn = arnOf(request, functionName(FunctionName ?? ""));
                if (request.operation === "CreateEventSourceMapping" && EventSourceArn?.startsWith("arn:aws:sqs:")) {
                    await requireQueueAccess(functionArn, EventSourceArn);
                }
                return streams.handle(request, functionArn, forward);
            }
            const [, reference, sub] =
                /^\/\d{4}-\d{2}-\d{2}\/functions(?:\/([^/]+))?(?:\/([^/]+))?\/?$/.exec(request.path) ?? [];
            const name = functionName(reference ?? "");
            switch ([request.method, reference && "NAME", sub].filter(Boolean).join(" ")) {
                case "POST": {
                    const input = parse(request.body) as FunctionInput;
                    if (!input.Runtime?.startsWith("nodejs")) {
                        return withoutProxy(await forward(request));
                    }
                    return forwardAndDeploy(withProxy(request, input.FunctionName ?? "", input), forward, input.Code);
                }
                case "PUT NAME code":
                    return forwardAndDeploy(request, forward, parse(request.body) as Code);
                case "PUT NAME configuration": {
                    const input = parse(request.body) as FunctionInput;
                    const isOurs = runner.has(arnOf(request, name));
                    return forwardAndDeploy(
                        isOurs && input.Environment ? withProxy(request, name, input) : request,
                        forward,
                    );
                }
                case "DELETE NAME": {
                    const response = await forward(request);
                    if (response.status < 300 && !request.query.includes("Qualifier=")) {
                        archives.delete(arnOf(request, name));
                        runner.remove(arnOf(request, name));
                    }
                    return response;
                }
                case "POST NAME invocations": {
                    const type = request.headers["x-amz-invocation-type"]?.toString() ?? "RequestResponse";
                    const isOurs = runner.has(arnOf(request, name));
                    return isOurs && type === "RequestResponse" ? invoke(request, forward) : undefined;
                }
                default:
                    return request.path.includes("/functions") ? withoutProxy(await forward(request)) : undefined;
            }
        },
    };
}

function arnOf(request: AwsRequest, name: string): string {
    return `arn:aws:lambda:${request.region}:${request.accountId}:function:${name}`;
}

/** Of a name, a partial or a full ARN, each with or without a version or alias. */
function functionName(reference: string): string {
    const parts = decodeURIComponent(reference).split(":");
    return parts[parts.indexOf("function") + 1] ?? "";
}

function toDefinition(configuration: FunctionConfiguration, zip: Buffer | undefined): LambdaFunction | undefined {
    const { [proxyVariable]: proxyUrl, ...environment } = configuration.Environment?.Variables ?? {};
    return proxyUrl && zip
        ? {
              arn: configuration.FunctionArn,
              name: configuration.FunctionName,
              handler: configuration.Handler,
              timeout: configuration.Timeout,
              memorySize: configuration.MemorySize,
              logGroup: configuration.LoggingConfig?.LogGroup ?? `/aws/lambda/${configuration.FunctionName}`,
              role: configuration.Role,
              environment,
              zip,
          }
        : undefined;
}

interface Metered {
    readonly accountId: string;
    readonly region: string;
    readonly name: string;
    readonly result: InvocationResult;
    readonly durationMs: number;
}

/** The emulator measures synchronous invocations only; alarms look at the others too. */
function metrics({ accountId, region, name, result, durationMs }: Metered): AwsRequest {
    const data = [
        ["Invocations", 1, "Count"],
        ["Errors", result.isError ? 1 : 0, "Count"],
        ["Duration", durationMs, "Milliseconds"],
    ];
    const body = new URLSearchParams({ Action: "PutMetricData", Version: "2010-08-01", Namespace: "AWS/Lambda" });
    data.forEach(([metric, value, unit], index) => {
        const prefix = `MetricData.member.${index + 1}`;
        body.set(`${prefix}.MetricName`, String(metric));
        body.set(`${prefix}.Value`, String(value));
        body.set(`${prefix}.Unit`, String(unit));
        body.set(`${prefix}.Dimensions.member.1.Name`, "FunctionName");
        body.set(`${prefix}.Dimensions.member.1.Value`, name);
    });
    return {
        method: "POST",
        path: "/",
        query: "",
        headers: {
            "content-type": "application/x-www-form-urlencoded",
            authorization: `AWS4-HMAC-SHA256 Credential=${accountId}/20260101/${region}/monitoring/aws4_request`,
        },
        body: Buffer.from(body.toString()),
        service: "monitoring",
        region,
        accountId,
        accessKeyId: accountId,
    };
}

async function readArchive(gatewayUrl: string, request: AwsRequest, code: Code): Promise<Buffer | undefined> {
    if (code.ZipFile !== undefined) {
        return Buffer.from(code.ZipFile, "base64");
    }
    if (!code.S3Bucket || !code.S3Key) {
        return undefined;
    }
    const s3 = new S3({ ...clientConfig(gatewayUrl, request), forcePathStyle: true });
    try {
        const object = await s3.getObject({ Bucket: code.S3Bucket, Key: code.S3Key, VersionId: code.S3ObjectVersion });
        return Buffer.from((await object.Body?.transformToByteArray()) ?? []);
    } catch (error) {
        const { name, message } = error as Error;
        throw new AwsError(
            "InvalidParameterValueException",
            `Error occurred while GetObject. S3 Error Code: ${name}. S3 Error Message: ${message}`,
        );
    } finally {
        s3.destroy();
    }
}

/** An answer as it would be had the variable never been added, with no reasons but those that Lambda knows. */
function withoutProxy(response: AwsResponse): AwsResponse {
    if (response.body.length === 0) {
        return response;
    }
    const body: unknown = JSON.parse(response.body.toString(), (key, value: unknown) => {
        const isEmpty = key === "Environment" && JSON.stringify(value) === '{"Variables":{}}';
        const isNoReason =
            /^(State|LastUpdateStatus)Reason(Code)?$/.test(key) && (value === "" || value === "Updating");
        return key === proxyVariable || isEmpty || isNoReason ? undefined : value;
    });
    return { ...response, body: Buffer.from(JSON.stringify(body)) };
}

function parse(body: Buffer): unknown {
    return JSON.parse(body.toString() || "{}");
}

function requireJson(payload: string): void {
    try {
        JSON.parse(payload);
    } catch (error) {
        throw new AwsError(
            "InvalidRequestContentException",
            `Could not parse request body into json: ${(error as Error).message}`,
        );
    }
}
