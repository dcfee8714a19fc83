// The one place where a handler becomes a Lambda function, by Pulumi's function serialization.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { assumeRolePolicy, policyDocument, Statement, writeLogs } from "./policies";

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

/** Packages that function serialization would add to each archive because package.json names them. */
const dependencies = ["acme-client"];

/** Makes `name` (the function), `${name}-logs`, `${name}-role` and `${name}-policy`, children of `parent`. */
export function callbackFunction<Event, Result>(
    name: string,
    args: CallbackArgs<Event, Result>,
    parent: pulumi.Resource,
): aws.lambda.CallbackFunction<Event, Result> {
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
    return new aws.lambda.CallbackFunction(
        name,
        {
            callback: args.handler,
            description: args.description,
            role,
            runtime: aws.lambda.Runtime.NodeJS24dX,
            architectures: ["arm64"],
            timeout: args.timeout,
            memorySize: args.memory,
            environment: { variables: args.environment },
            loggingConfig: { logFormat: "Text", logGroup: logGroup.name },
            codePathOptions: {
                extraIncludePackages: [...args.packages],
                extraExcludePackages: dependencies.filter((dependency) => !args.packages.includes(dependency)),
            },
            tags,
        },
        // A function that runs before its permissions are there fails for no good reason.
        { ...options, dependsOn: [policy] },
    );
}
