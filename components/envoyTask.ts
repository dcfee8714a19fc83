import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { desiredCount, domain, placement, secretArn } from "./internal/arguments";
import { Front } from "./internal/envoy/front";
import { redeployOnRenewal } from "./internal/functions/redeployment";
import { outputsOf } from "./internal/outputs";
import { nameReason } from "./internal/rules";
import { allowIn, allowOutAnywhere, anywhere } from "./internal/securityGroups";
import {
    AccessLog,
    AppArgs,
    containerCombinations,
    appDefaults,
    appRules,
    appTask,
    ContainerHealthCheck,
    CpuArchitecture,
    ImageBuild,
    portClashes,
} from "./internal/task/appTask";
import { Authentication, authenticationRule } from "./internal/task/authentication";
import { OwnEndArgs, ownEndRules, endsAlone, endsByName } from "./internal/task/ownEnds";
import { Rotation, RotationsArgs, rotationFaults, rotationRules } from "./internal/task/rotation";
import { ArgumentRules, faultOf, given, judged, plain, required, together } from "./internal/validation";

export { AccessLog, CpuArchitecture, Rotation };
export type { AppArgs, Authentication, ContainerHealthCheck, ImageBuild };

/** A role's name has 64 characters, of which its ending and Pulumi take 23, or 31 where a function looks after a service. */
const longestName = { onDemand: 41, service: 33 };

/** Arguments of {@link EnvoyTask}. */
export interface EnvoyTaskArgs extends AppArgs, RotationsArgs, OwnEndArgs {
    /** Id of the VPC in which tasks run. */
    readonly vpcId: pulumi.Input<string>;
    /** Ids of the subnets in which tasks run: public ones when clients connect directly. */
    readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
    /** ARN of the ECS cluster in which tasks run. */
    readonly clusterArn: pulumi.Input<string>;
    /** ARN of a Secrets Manager secret with `certificateChain` and `privateKey` (PEM), such as WildcardCertificate's. */
    readonly certificateSecretArn: pulumi.Input<string>;
    /**
     * Tasks are `<taskId>.<domain>`: each answers to its own name alone.
     * @default every name is served
     */
    readonly domain?: pulumi.Input<string>;
    /**
     * Whose requests reach the app: those with a token of this issuer. Needs a domain.
     * @default everybody's who knows the task's name
     */
    readonly authentication?: pulumi.Input<Authentication>;
    /**
     * Tasks that an ECS service keeps running, 0 to 5000; the service exists when this is given, even as 0.
     * @default no service: tasks are started on demand, by RunTask
     */
    readonly desiredCount?: number;
}

/**
 * A Fargate task definition of the app and an Envoy that ends TLS in front of it; with its roles, its security group and its log group. The
 * certificate's key reaches Envoy alone, through the execution role. A stop lets requests under way end. Tasks are started on demand, or
 * kept running by a service, which replaces them after a renewal of the certificate.
 */
export class EnvoyTask extends pulumi.ComponentResource {
    /** ARN of the task definition, with its revision. */
    public readonly taskDefinitionArn: pulumi.Output<string>;
    /** Id of the security group: open on the two served ports, to the allowed networks. */
    public readonly securityGroupId: pulumi.Output<string>;
    /** ARN of the app's role, which has no permissions but those of `taskPolicyArns`. */
    public readonly taskRoleArn: pulumi.Output<string>;
    /** ARN of the role by which ECS pulls images, reads secrets and writes logs. */
    public readonly executionRoleArn: pulumi.Output<string>;
    /** Name of the log group of the containers. */
    public readonly logGroupName: pulumi.Output<string>;
    /** Name of the service; empty without one. */
    public readonly serviceName: pulumi.Output<string>;
    /** What ECS's RunTask takes to start a task, as JSON (`aws ecs run-task --cli-input-json`). */
    public readonly runTaskInput: pulumi.Output<string>;

    /** @throws pulumi.InputPropertiesError naming every refused argument */
    constructor(name: string, args: EnvoyTaskArgs, opts?: pulumi.ComponentResourceOptions) {
        args = judged("EnvoyTask", name, args, envoyTaskArguments);
        super("taskgate:index:EnvoyTask", name, args, opts);
        const { allowedCidrBlocks = anywhere, tags } = args;
        const options = { parent: this };

        const sidecar = {
            // Where only groups may connect, there is a proxy, which says who the client is.
            front: allowedCidrBlocks.length === 0 ? Front.ApplicationLoadBalancer : undefined,
            httpsPort: args.httpsPort ?? appDefaults.httpsPort,
            httpPort: args.httpPort ?? appDefaults.httpPort,
            domain: args.domain,
            healthCheckPath: args.healthCheckPath,
            idleSeconds: args.idleTimeout,
            lifetimeSeconds: args.maxLifetime,
            authentication: args.authentication,
            certificateSecretArn: args.certificateSecretArn,
            rsaCertificateSecretArn: args.rsaCertificateSecretArn,
            sealedCertificateUrl: args.sealedCertificateUrl,
            rsaSealedCertificateUrl: args.rsaSealedCertificateUrl,
        };
        const task = appTask(name, args, sidecar, this);
        const securityGroup = servedPorts(name, args, allowedCidrBlocks, this);
        const network = {
            subnets: args.subnetIds,
            securityGroups: [securityGroup.id],
        };
        const service =
            args.desiredCount === undefined
                ? undefined
                : new aws.ecs.Service(
                      `${name}-service`,
                      {
                          cluster: args.clusterArn,
                          taskDefinition: task.taskDefinitionArn,
                          desiredCount: args.desiredCount,
                          launchType: "FARGATE",
                          networkConfiguration: { ...network, assignPublicIp: true },
                          deploymentCircuitBreaker: { enable: true, rollback: true },
                          deploymentMinimumHealthyPercent: 100,
                          deploymentMaximumPercent: 200,
                          propagateTags: "SERVICE",
                          tags,
                      },
                      options,
                  );

        if (service !== undefined) {
            redeployOnRenewal(
                name,
                {
                    clusterArn: args.clusterArn,
                    serviceName: service.name,
                    serviceArn: service.arn,
                    certificateSecretArn: args.certificateSecretArn,
                    rsaCertificateSecretArn: args.rsaCertificateSecretArn,
                    onlyIncomplete: args.rotation === Rotation.Hot,
                    logRetentionDays: args.logRetentionDays ?? appDefaults.logRetentionDays,
                    tags,
                },
                this,
            );
        }

        this.taskDefinitionArn = task.taskDefinitionArn;
        this.securityGroupId = securityGroup.id;
        this.taskRoleArn = task.taskRoleArn;
        this.executionRoleArn = task.executionRoleArn;
        this.logGroupName = task.logGroupName;
        this.serviceName = service?.name ?? pulumi.output("");
        this.runTaskInput = pulumi.jsonStringify({
            cluster: args.clusterArn,
            taskDefinition: task.taskDefinitionArn,
            launchType: "FARGATE",
            propagateTags: "TASK_DEFINITION",
            networkConfiguration: { awsvpcConfiguration: { ...network, assignPublicIp: "ENABLED" } },
        });
        this.registerOutputs(outputsOf(this));
    }
}

/** The containers of a task share its ports. */
export const taskPorts = together<AppArgs, "containerPort" | "httpsPort" | "httpPort">(
    ["containerPort", "httpsPort", "httpPort"],
    ({
        containerPort = appDefaults.containerPort,
        httpsPort = appDefaults.httpsPort,
        httpPort = appDefaults.httpPort,
    }) => portClashes({ containerPort, httpsPort, httpPort }),
);

const envoyTaskArguments: ArgumentRules<EnvoyTaskArgs> = {
    name: (name, { desiredCount }) =>
        nameReason(name, desiredCount === undefined ? longestName.onDemand : longestName.service),
    rules: {
        ...appRules,
        ...placement,
        certificateSecretArn: required(
            secretArn,
            "give the ARN of the certificate's secret, e.g. WildcardCertificate's secretArn",
        ),
        ...rotationRules,
        domain: domain(32),
        ...ownEndRules,
        authentication: authenticationRule,
        desiredCount: plain(desiredCount),
    },
    combinations: [
        ...containerCombinations,
        taskPorts,
        endsAlone,
        given(["rotation"], rotationFaults),
        endsByName,
        given([], ({ authentication, domain: name }) =>
            faultOf(
                "authentication",
                authentication !== undefined && name === undefined
                    ? "needs domain: a cookie is for the task's own name alone"
                    : undefined,
            ),
        ),
    ],
};

/** In on the two served ports, from the allowed networks; out to anywhere, for images, secrets, logs and whatever the app calls. */
function servedPorts(
    name: string,
    args: EnvoyTaskArgs,
    allowed: readonly string[],
    parent: pulumi.Resource,
): aws.ec2.SecurityGroup {
    const { httpsPort = appDefaults.httpsPort, httpPort = appDefaults.httpPort, tags } = args;
    const securityGroup = new aws.ec2.SecurityGroup(
        `${name}-security-group`,
        { vpcId: args.vpcId, description: "HTTPS, and HTTP for the redirect, to tasks", tags },
        { parent },
    );
    for (const [protocol, port] of Object.entries({ https: httpsPort, http: httpPort })) {
        for (const cidr of allowed) {
            const rule = { securityGroupId: securityGroup.id, port, peer: { cidr }, tags };
            allowIn(`${name}-${protocol}-from-${cidr}`, rule, parent);
        }
        (args.allowedSecurityGroupIds ?? []).forEach((securityGroupId, index) => {
            const rule = { securityGroupId: securityGroup.id, port, peer: { securityGroupId }, tags };
            allowIn(`${name}-${protocol}-from-group-${index + 1}`, rule, parent);
        });
    }
    allowOutAnywhere(name, securityGroup.id, tags, parent);
    return securityGroup;
}
