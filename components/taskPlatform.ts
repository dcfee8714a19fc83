import * as pulumi from "@pulumi/pulumi";

import { Cluster, clusterArguments, ContainerInsights } from "./cluster";
import { AppArgs, Authentication, EnvoyTask, Rotation, taskPorts } from "./envoyTask";
import { desiredCount, named, subnetIds, vpcId } from "./internal/arguments";
import { dashboard, type Plot, servicePlot } from "./internal/dashboard";
import { outputsOf } from "./internal/outputs";
import { nameReason } from "./internal/rules";
import { authenticationRule } from "./internal/task/authentication";
import { endsAlone, OwnEndArgs, ownEndRules } from "./internal/task/ownEnds";
import { containerCombinations, appRules } from "./internal/task/appTask";
import { taskDnsPlots } from "./internal/taskDns/dashboard";
import { ArgumentRules, choice, faultOf, flag, given, judged, plain, together } from "./internal/validation";
import { Network, networkArguments } from "./network";
import { PublishAt, TaskDns, taskDnsArguments } from "./taskDns";
import {
    CertificateArgs,
    certificateArgs,
    certificateCombinations,
    certificatePlots,
    certificateRules,
    longestCertificateName,
    RsaKeyType,
    WildcardCertificate,
} from "./wildcardCertificate";

/** Arguments of {@link TaskPlatform}. */
export interface TaskPlatformArgs extends AppArgs, CertificateArgs, OwnEndArgs {
    /** A task is `https://<taskId>.<domain>/`. */
    readonly domain: pulumi.Input<string>;
    /** Id of the public Route 53 hosted zone that holds the domain. */
    readonly hostedZoneId: pulumi.Input<string>;
    /**
     * How long resolvers may keep a task's address, in seconds, 1 to 3600.
     * @default 15
     */
    readonly recordTtl?: pulumi.Input<number>;
    /**
     * From when on a task has its name.
     * @default "PENDING"
     */
    readonly publishAt?: pulumi.Input<PublishAt>;
    /**
     * How long resolvers may remember that a name does not exist, in seconds, 1 to 86400; of the whole zone. A destroy leaves it.
     * @default Route 53's own: 900
     */
    readonly negativeTtl?: pulumi.Input<number>;
    /**
     * The certificate authority that may issue wildcard certificates below the domain, as its CAA records name it: `letsencrypt.org` for both of Let's
     * Encrypt's directories. Certificates for single names nobody may issue any more.
     * @default no CAA record
     */
    readonly caaIssuer?: pulumi.Input<string>;
    /**
     * Whether an event tells of each name that every name server answers (docs/dns.md).
     * @default false
     */
    readonly announceNames?: boolean;
    /**
     * IPv4 network of the VPC that is made, 16 to 28 bits.
     * @default "10.0.0.0/16"
     */
    readonly cidrBlock?: string;
    /**
     * In how many Availability Zones the VPC that is made has subnets, 1 to 6.
     * @default 2
     */
    readonly numberOfAvailabilityZones?: number;
    /**
     * Id of a VPC that is there already; goes with `subnetIds`.
     * @default a VPC is made
     */
    readonly vpcId?: pulumi.Input<string>;
    /**
     * Ids of public subnets of that VPC.
     * @default those of the VPC that is made
     */
    readonly subnetIds?: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * What CloudWatch Container Insights collects.
     * @default "disabled"
     */
    readonly containerInsights?: pulumi.Input<ContainerInsights>;
    /**
     * Whose requests reach the app: those with a token of this issuer.
     * @default everybody's who knows the task's name
     */
    readonly authentication?: pulumi.Input<Authentication>;
    /**
     * Kind of the key of a second certificate, which clients get that know no ECDSA. It is renewed by a function of its own, with the same account. Whether it
     * is given decides if there is one.
     * @default all clients get the one of `keyType`
     */
    readonly rsaKeyType?: pulumi.Input<RsaKeyType>;
    /**
     * How a later certificate reaches the tasks. With `hot`, a copy of each is published to everybody, its key encrypted under a password that only the
     * certificate's secret holds.
     * @default "redeploy"
     */
    readonly rotation?: Rotation;
    /**
     * Tasks that an ECS service keeps running, 0 to 5000; the service exists when this is given, even as 0.
     * @default no service: tasks are started on demand, by RunTask
     */
    readonly desiredCount?: number;
    /**
     * Whether there is a CloudWatch dashboard of tasks and names, the certificate, the functions and, where there is one, the service. One costs $3 a month
     * beyond an account's first three.
     * @default false
     */
    readonly dashboard?: boolean;
}

/**
 * Everything for one region: a network, a cluster, the wildcard certificate, the names of tasks and the task definition. Each task that is
 * started from it is on the internet at `https://<taskId>.<domain>/` as long as it runs.
 */
export class TaskPlatform extends pulumi.ComponentResource {
    /** Id of the VPC. */
    public readonly vpcId: pulumi.Output<string>;
    /** Ids of the subnets in which tasks run. */
    public readonly subnetIds: pulumi.Output<string[]>;
    /** ARN of the cluster. */
    public readonly clusterArn: pulumi.Output<string>;
    /** ARN of the task definition, with its revision. */
    public readonly taskDefinitionArn: pulumi.Output<string>;
    /** Id of the tasks' security group. */
    public readonly securityGroupId: pulumi.Output<string>;
    /** ARN of the app's role, which has no permissions but those of `taskPolicyArns`. */
    public readonly taskRoleArn: pulumi.Output<string>;
    /** ARN of the role by which ECS pulls images, reads secrets and writes logs. */
    public readonly executionRoleArn: pulumi.Output<string>;
    /** Name of the log group of the containers. */
    public readonly logGroupName: pulumi.Output<string>;
    /** Name of the service; empty without one. */
    public readonly serviceName: pulumi.Output<string>;
    /** ARN of the secret with the certificate and its key; without a value until the first certificate is issued. */
    public readonly certificateSecretArn: pulumi.Output<string>;
    /** ARN of the certificate in ACM; empty without `importToAcm`. */
    public readonly certificateArn: pulumi.Output<string>;
    /** ARNs of the certificate in ACM in `acmRegions`, by region. */
    public readonly certificateArns: pulumi.Output<Record<string, string>>;
    /** Name of the Lambda function that renews the certificate. */
    public readonly renewalFunctionName: pulumi.Output<string>;
    /** ARN of the secret with the RSA certificate beside it; empty without `rsaKeyType`. */
    public readonly rsaCertificateSecretArn: pulumi.Output<string>;
    /** Name of the Lambda function that renews that; empty without. */
    public readonly rsaRenewalFunctionName: pulumi.Output<string>;
    /** Name of the Lambda function that writes the DNS records. */
    public readonly dnsFunctionName: pulumi.Output<string>;
    /** Name of the DynamoDB table of names: which task is live, since when, under which name. */
    public readonly namesTableName: pulumi.Output<string>;
    /** ARN of the topic that hears of renewals, failures and alarms. */
    public readonly alertTopicArn: pulumi.Output<string>;
    /** What ECS's RunTask takes to start a task, as JSON. */
    public readonly runTaskInput: pulumi.Output<string>;
    /** A command that starts a task and prints its URL. */
    public readonly runTaskCommand: pulumi.Output<string>;

    /** @throws pulumi.InputPropertiesError naming every refused argument */
    constructor(name: string, args: TaskPlatformArgs, opts?: pulumi.ComponentResourceOptions) {
        args = judged("TaskPlatform", name, args, taskPlatformArguments);
        super("taskgate:index:TaskPlatform", name, args, opts);
        const { domain, hostedZoneId, tags, logRetentionDays } = args;
        const options = { parent: this };

        const isHot = args.rotation === Rotation.Hot;
        const { vpcId, subnetIds } = tasksNetwork(name, args, this);
        const cluster = new Cluster(`${name}-cluster`, { containerInsights: args.containerInsights, tags }, options);
        const certificateOf = {
            ...certificateArgs(args),
            domain,
            hostedZoneId,
            sealedCopy: isHot || undefined,
            watchedPort: args.httpsPort ?? 443,
            logRetentionDays,
            tags,
        };
        const certificate = new WildcardCertificate(`${name}-certificate`, certificateOf, options);
        const rsaCertificate =
            args.rsaKeyType === undefined
                ? undefined
                : new WildcardCertificate(
                      `${name}-rsa-certificate`,
                      {
                          ...certificateOf,
                          keyType: args.rsaKeyType,
                          accountKeyParameterName: certificate.accountKeyParameterName,
                          alertTopicArn: certificate.topicArn,
                          notificationEmail: undefined,
                          importToAcm: undefined,
                          acmRegions: undefined,
                      },
                      options,
                  );
        const task = new EnvoyTask(
            `${name}-task`,
            {
                ...appArgs(args),
                secretKeyArns: secretKeys(args),
                vpcId,
                subnetIds,
                clusterArn: cluster.clusterArn,
                certificateSecretArn: certificate.secretArn,
                rotation: args.rotation,
                rsaCertificateSecretArn: rsaCertificate?.secretArn,
                sealedCertificateUrl: isHot ? certificate.sealedCopyUrl : undefined,
                rsaSealedCertificateUrl: isHot ? rsaCertificate?.sealedCopyUrl : undefined,
                domain,
                idleTimeout: args.idleTimeout,
                maxLifetime: args.maxLifetime,
                authentication: args.authentication,
                desiredCount: args.desiredCount,
            },
            options,
        );
        const dns = new TaskDns(
            `${name}-dns`,
            {
                clusterArn: cluster.clusterArn,
                hostedZoneId,
                domain,
                recordTtl: args.recordTtl,
                publishAt: args.publishAt,
                negativeTtl: args.negativeTtl,
                caaIssuer: args.caaIssuer,
                announceNames: args.announceNames,
                stopTasksOnDestroy: true,
                alarmTopicArn: certificate.topicArn,
                logRetentionDays,
                tags,
            },
            // A destroy stops tasks and takes their names away first: security group, subnets and zone go only without them.
            { ...options, dependsOn: [task] },
        );

        if (args.dashboard === true) {
            const plots = platformPlots(cluster, certificate, task, dns, args.desiredCount !== undefined);
            dashboard(name, { dashboardName: cluster.clusterName, plots }, this);
        }

        this.vpcId = pulumi.output(vpcId);
        this.subnetIds = pulumi.output(subnetIds);
        this.clusterArn = cluster.clusterArn;
        this.taskDefinitionArn = task.taskDefinitionArn;
        this.securityGroupId = task.securityGroupId;
        this.taskRoleArn = task.taskRoleArn;
        this.executionRoleArn = task.executionRoleArn;
        this.logGroupName = task.logGroupName;
        this.serviceName = task.serviceName;
        this.certificateSecretArn = certificate.secretArn;
        this.certificateArn = certificate.certificateArn;
        this.certificateArns = certificate.certificateArns;
        this.renewalFunctionName = certificate.functionName;
        this.rsaCertificateSecretArn = rsaCertificate?.secretArn ?? pulumi.output("");
        this.rsaRenewalFunctionName = rsaCertificate?.functionName ?? pulumi.output("");
        this.dnsFunctionName = dns.functionName;
        this.namesTableName = dns.tableName;
        this.alertTopicArn = certificate.topicArn;
        this.runTaskInput = task.runTaskInput;
        this.runTaskCommand = pulumi
            .all([task.runTaskInput, domain, cluster.clusterArn, args.httpsPort ?? 443])
            .apply(([input, base, clusterArn, port]) => runTaskCommand(input, base, clusterArn, port));
        this.registerOutputs(outputsOf(this));
    }
}

/** What the operator of a platform asks: are tasks named, is the certificate renewed, do functions and service do well. */
function platformPlots(
    cluster: Cluster,
    certificate: WildcardCertificate,
    task: EnvoyTask,
    dns: TaskDns,
    hasService: boolean,
): pulumi.Output<Plot[]> {
    const ofNames = taskDnsPlots({
        registry: dns.tableName,
        queue: dns.queueUrl.apply((url) => url.slice(url.lastIndexOf("/") + 1)),
        sync: dns.functionName,
        sweep: dns.sweepFunctionName,
    });
    return pulumi
        .all([ofNames, certificate.functionName, cluster.clusterName, task.serviceName])
        .apply(([names, renewal, clusterName, serviceName]) => [
            ...names,
            ...certificatePlots(renewal),
            ...(hasService ? [servicePlot(clusterName, serviceName)] : []),
        ]);
}

/** The VPC and subnets that were given, or those of a Network of our own. */
function tasksNetwork(
    name: string,
    { vpcId, subnetIds, cidrBlock, numberOfAvailabilityZones, tags }: TaskPlatformArgs,
    parent: pulumi.Resource,
): { vpcId: pulumi.Input<string>; subnetIds: pulumi.Input<pulumi.Input<string>[]> } {
    if (vpcId !== undefined && subnetIds !== undefined) {
        return { vpcId, subnetIds };
    }
    const network = new Network(`${name}-network`, { cidrBlock, numberOfAvailabilityZones, tags }, { parent });
    return { vpcId: network.vpcId, subnetIds: network.publicSubnetIds };
}

/** Those of all parts, so that none is refused when others are made already. */
const taskPlatformArguments: ArgumentRules<TaskPlatformArgs> = {
    // The certificates have the least room.
    name: (name, { importToAcm, rsaKeyType }) => {
        const rooms = [longestCertificateName(importToAcm) - "-certificate".length];
        rooms.push(...(rsaKeyType === undefined ? [] : [longestCertificateName() - "-rsa-certificate".length]));
        return nameReason(name, Math.min(...rooms));
    },
    rules: {
        ...appRules,
        ...certificateRules,
        domain: named.domain(32),
        hostedZoneId: named.hostedZoneId,
        recordTtl: taskDnsArguments.rules.recordTtl,
        publishAt: taskDnsArguments.rules.publishAt,
        negativeTtl: taskDnsArguments.rules.negativeTtl,
        caaIssuer: taskDnsArguments.rules.caaIssuer,
        announceNames: taskDnsArguments.rules.announceNames,
        cidrBlock: networkArguments.rules.cidrBlock,
        numberOfAvailabilityZones: networkArguments.rules.numberOfAvailabilityZones,
        vpcId,
        subnetIds: subnetIds(),
        containerInsights: clusterArguments.rules.containerInsights,
        ...ownEndRules,
        authentication: authenticationRule,
        rsaKeyType: choice(RsaKeyType),
        rotation: plain(choice(Rotation)),
        desiredCount: plain(desiredCount),
        dashboard: plain(flag),
    },
    combinations: [
        ...containerCombinations,
        taskPorts,
        endsAlone,
        ...certificateCombinations,
        together<TaskPlatformArgs, "keyType" | "rsaKeyType">(["keyType", "rsaKeyType"], ({ keyType, rsaKeyType }) =>
            faultOf(
                "rsaKeyType",
                rsaKeyType !== undefined && keyType?.startsWith("RSA")
                    ? `stands beside an ECDSA key, and keyType is ${keyType}: leave one of them out`
                    : undefined,
            ),
        ),
        together<TaskPlatformArgs, "acmeProfile" | "rotation" | "desiredCount">(
            ["acmeProfile", "rotation", "desiredCount"],
            ({ acmeProfile, rotation, desiredCount: count }) =>
                faultOf(
                    "rotation",
                    acmeProfile === "shortlived" && count === undefined && rotation !== Rotation.Hot
                        ? `is to be "hot" where certificates live for days: a task that was started on demand keeps what it was started with, and could outlive it`
                        : undefined,
                ),
        ),
        given([], (args) => {
            const missing = (["vpcId", "subnetIds"] as const).filter((property) => args[property] === undefined);
            const reason = "is missing: vpcId and subnetIds go together, give both, or neither to have a VPC made";
            return faultOf(missing[0], missing.length === 1 ? reason : undefined);
        }),
    ],
};

/** The arguments that EnvoyTask shares, without the rest, so that none of it ends in the task's inputs. */
function appArgs(args: TaskPlatformArgs): AppArgs {
    return {
        image: args.image,
        build: args.build,
        containerPort: args.containerPort,
        command: args.command,
        environment: args.environment,
        secrets: args.secrets,
        secretKeyArns: args.secretKeyArns,
        cpu: args.cpu,
        memory: args.memory,
        cpuArchitecture: args.cpuArchitecture,
        healthCheck: args.healthCheck,
        healthCheckPath: args.healthCheckPath,
        taskPolicyArns: args.taskPolicyArns,
        stopTimeout: args.stopTimeout,
        drainSeconds: args.drainSeconds,
        dockerLabels: args.dockerLabels,
        httpsPort: args.httpsPort,
        httpPort: args.httpPort,
        allowedCidrBlocks: args.allowedCidrBlocks,
        allowedSecurityGroupIds: args.allowedSecurityGroupIds,
        envoyImage: args.envoyImage,
        helperImage: args.helperImage,
        accessLog: args.accessLog,
        logRetentionDays: args.logRetentionDays,
        tags: args.tags,
    };
}

/** ECS decrypts the certificate's secret, too. */
function secretKeys({ secretKeyArns, kmsKeyArn }: TaskPlatformArgs): AppArgs["secretKeyArns"] {
    return kmsKeyArn === undefined
        ? secretKeyArns
        : pulumi.all([secretKeyArns ?? [], kmsKeyArn]).apply(([keys, own]) => [...new Set([...keys, own])]);
}

function runTaskCommand(input: string, domain: string, clusterArn: string, httpsPort: number): string {
    const region = clusterArn.split(":")[3];
    const port = httpsPort === 443 ? "" : `:${httpsPort}`;
    return (
        `aws ecs run-task --region ${region} --cli-input-json '${input}' --query 'tasks[0].taskArn' --output text` +
        ` | sed 's|.*/\\(.*\\)|https://\\1.${domain}${port}/|'`
    );
}
