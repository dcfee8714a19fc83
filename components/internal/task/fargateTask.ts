// A Fargate task definition with what belongs to it: a log group and two roles.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { assumeRolePolicy, policyDocument, pullImages, readSecrets, Statement, writeLogs } from "../policies";
import { containersReason } from "../rules";

export interface FargateTaskArgs {
    /** Images of all containers, of which those in ECR may be pulled. */
    readonly images: readonly pulumi.Input<string>[];
    /** ARNs of the parameters and secrets that ECS puts into containers. */
    readonly secretArns: pulumi.Input<readonly string[]>;
    /** ARNs of the keys under which some of them are encrypted. */
    readonly keyArns?: pulumi.Input<pulumi.Input<string>[]>;
    /** Names of the volumes that containers share. */
    readonly volumes: readonly string[];
    /** The containers, by the name of the log group and the region. */
    readonly containers: (logGroupName: pulumi.Output<string>, region: pulumi.Output<string>) => pulumi.Output<string>;
    readonly cpu: pulumi.Input<number>;
    readonly memory: pulumi.Input<number>;
    readonly cpuArchitecture: pulumi.Input<string>;
    /** Policies of the containers' role; it may do nothing else. */
    readonly taskPolicyArns?: readonly pulumi.Input<string>[];
    /** What the containers' role may do besides. */
    readonly taskStatements?: pulumi.Input<readonly Statement[]>;
    readonly logRetentionDays: pulumi.Input<number>;
    readonly tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

export interface FargateTask {
    readonly taskDefinitionArn: pulumi.Output<string>;
    readonly taskRoleArn: pulumi.Output<string>;
    readonly executionRoleArn: pulumi.Output<string>;
    readonly logGroupName: pulumi.Output<string>;
}

/** Makes `name` (the task definition), `${name}-logs`, `${name}-execution-role`, `${name}-task-role` and their policies. */
export function fargateTask(name: string, args: FargateTaskArgs, parent: pulumi.Resource): FargateTask {
    const options = { parent };
    const { tags } = args;
    const logGroup = new aws.cloudwatch.LogGroup(
        `${name}-logs`,
        { retentionInDays: args.logRetentionDays, tags },
        options,
    );
    const execution = executionRole(name, args, logGroup, parent);
    const task = taskRole(name, args, parent);
    const { region } = aws.getRegionOutput({}, options);
    const taskDefinition = new aws.ecs.TaskDefinition(
        name,
        {
            family: name,
            requiresCompatibilities: ["FARGATE"],
            networkMode: "awsvpc",
            cpu: pulumi.interpolate`${args.cpu}`,
            memory: pulumi.interpolate`${args.memory}`,
            runtimePlatform: { operatingSystemFamily: "LINUX", cpuArchitecture: args.cpuArchitecture },
            executionRoleArn: execution.arn,
            taskRoleArn: task.arn,
            containerDefinitions: args.containers(logGroup.name, region).apply((json) => sized(name, json)),
            volumes: args.volumes.length === 0 ? undefined : args.volumes.map((volume) => ({ name: volume })),
            tags,
        },
        { ...options, dependsOn: [...execution.policies, ...task.policies] },
    );
    return {
        taskDefinitionArn: taskDefinition.arn,
        taskRoleArn: task.arn,
        executionRoleArn: execution.arn,
        logGroupName: logGroup.name,
    };
}

/** @throws pulumi.RunError when ECS would refuse it for its length */
function sized(name: string, containers: string): string {
    const reason = containersReason(containers);
    if (reason !== undefined) {
        throw new pulumi.RunError(`The containers of the task ${name} ${reason}`);
    }
    return containers;
}

interface RoleWithPolicies {
    readonly arn: pulumi.Output<string>;
    readonly policies: pulumi.Resource[];
}

/** By this role ECS itself prepares a task; no container can use it. */
function executionRole(
    name: string,
    args: FargateTaskArgs,
    logGroup: aws.cloudwatch.LogGroup,
    parent: pulumi.Resource,
): RoleWithPolicies {
    const { accountId } = aws.getCallerIdentityOutput({}, { parent });
    const role = new aws.iam.Role(
        `${name}-execution-role`,
        {
            description: "Lets ECS pull the images, read the secrets and write the logs of a task",
            assumeRolePolicy: accountId.apply((account) => assumeRolePolicy("ecs-tasks.amazonaws.com", account)),
            tags: args.tags,
        },
        { parent },
    );
    const policy = new aws.iam.RolePolicy(
        `${name}-execution-policy`,
        {
            role: role.name,
            policy: pulumi
                .all([pulumi.all([...args.images]), args.secretArns, args.keyArns ?? [], logGroup.arn])
                .apply(([images, secretArns, keyArns, logGroupArn]) =>
                    policyDocument([
                        ...readSecrets(secretArns, keyArns),
                        ...pullImages(images),
                        writeLogs(logGroupArn),
                    ]),
                ),
        },
        { parent },
    );
    return { arn: role.arn, policies: [policy] };
}

/** The role of the containers: it may do nothing but what was asked for. */
function taskRole(name: string, args: FargateTaskArgs, parent: pulumi.Resource): RoleWithPolicies {
    const { accountId } = aws.getCallerIdentityOutput({}, { parent });
    const role = new aws.iam.Role(
        `${name}-task-role`,
        {
            description: "What the app may do in AWS",
            assumeRolePolicy: accountId.apply((account) => assumeRolePolicy("ecs-tasks.amazonaws.com", account)),
            tags: args.tags,
        },
        { parent },
    );
    const policies: pulumi.Resource[] = (args.taskPolicyArns ?? []).map(
        (policyArn, index) =>
            new aws.iam.RolePolicyAttachment(
                `${name}-task-policy-${index + 1}`,
                { role: role.name, policyArn },
                { parent },
            ),
    );
    if (args.taskStatements !== undefined) {
        const policy = pulumi
            .output(args.taskStatements)
            .apply((statements) => policyDocument(statements as Statement[]));
        policies.push(new aws.iam.RolePolicy(`${name}-task-policy`, { role: role.name, policy }, { parent }));
    }
    return { arn: role.arn, policies };
}
