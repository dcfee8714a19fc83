// The one place where a handler becomes a Lambda function, by Pulumi's function serialization.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { assumeRolePolicy, policyDocument, Statement, writeLogs } from "../policies";
import { packageFolders } from "./packages";

/** What a Lambda function of ours is made of. */
export interface CallbackArgs<Event, Result> {
    /** A plain async function: captures no class instance, Map or client; reads process.env; imports its SDK clients inside. */
    readonly handler: aws.lambda.Callback<Event, Result>;
    /** What the function may do, beyond writing its own log. */
    readonly statements: pulumi.Input<readonly Statement[]>;
    /** Environment variables; never secrets. */
    readonly environment: Record<string, pulumi.Input<string>>;
    /** npm packages that its archive carries; Lambda's Node brings the AWS SDK itself. */
    readonly packages: readonly string[];
    /** Seconds. */
    readonly timeout: number;
    /** MiB. */
    readonly memory: number;
    /** What it does, in a line. */
    readonly description: string;
    readonly logRetentionDays: pulumi.Input<number>;
    readonly tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

/** Makes `name` (the function), `${name}-logs`, `${name}-role` and `${name}-policy`, children of `parent`. */
export function callbackFunction<Event, Result>(
    name: string,
    args: CallbackArgs<Event, Result>,
    parent: pulumi.Resource,
): aws.lambda.Function {
    const options = { parent };
    const { tags } = args;
    const logGroup = new aws.cloudwatch.LogGroup(
        `${name}-logs`,
        { retentionInDays: args.logRetentionDays, tags },
        options,
    );
    const role = new aws.iam.Role(
        `${name}-role`,
        { assumeRolePolicy: assumeRolePolicy("lambda.amazonaws.com"), description: args.description, tags },
        options,
    );
    const policy = new aws.iam.RolePolicy(
        `${name}-policy`,
        {
            role: role.name,
            policy: pulumi
                .all([args.statements, logGroup.arn])
                .apply(([statements, logGroupArn]) => policyDocument([...statements, writeLogs(logGroupArn)])),
        },
        options,
    );
    return new aws.lambda.Function(
        name,
        {
            code: archive(args.handler, args.packages),
            handler: "__index.handler",
            description: args.description,
            role: role.arn,
            runtime: aws.lambda.Runtime.NodeJS24dX,
            architectures: ["arm64"],
            timeout: args.timeout,
            memorySize: args.memory,
            environment: { variables: args.environment },
            loggingConfig: { logFormat: "Text", logGroup: logGroup.name },
            tags,
        },
        // A function that runs before its permissions are there fails for no good reason.
        { ...options, dependsOn: [policy] },
    );
}

/**
 * The handler and its packages. aws.lambda.CallbackFunction would pack what the package.json of the current directory names: at a consumer's
 * those are their own dependencies, and a program in YAML or Python has no package.json at all.
 */
export function archive<Event, Result>(
    handler: aws.lambda.Callback<Event, Result>,
    packages: readonly string[],
): pulumi.asset.AssetArchive {
    const folders = [...packageFolders(packages)].map(
        ([place, folder]) => [place, new pulumi.asset.FileArchive(folder)] as const,
    );
    return new pulumi.asset.AssetArchive(
        textOf(handler).then((text) => ({
            "__index.js": new pulumi.asset.StringAsset(text),
            ...Object.fromEntries(folders),
        })),
    );
}

const texts = new Map<unknown, Promise<string>>();

/** Serialized once: it takes half a second, and a stack of several regions makes each function in all of them. */
function textOf<Event, Result>(handler: aws.lambda.Callback<Event, Result>): Promise<string> {
    const text =
        texts.get(handler) ??
        pulumi.runtime.serializeFunction(handler, { exportName: "handler" }).then((code) => code.text);
    texts.set(handler, text);
    return text;
}
