// What an operator sees of an example that is up: its services and targets, found in the stack's state and asked of AWS.
import { DescribeServicesCommand, DescribeTasksCommand, ECSClient, ListTasksCommand } from "@aws-sdk/client-ecs";
import type { Service, Task } from "@aws-sdk/client-ecs";
import { DescribeTargetHealthCommand, ElasticLoadBalancingV2Client } from "@aws-sdk/client-elastic-load-balancing-v2";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

import { eventually } from "../../internet/caller";
import type { DeliveredCertificate } from "../../internet/caller";
import { clientConfig } from "../../machine/awsClients";
import type { SystemFile } from "../../machine/systemFile";
import { readState } from "../../pulumi/state";

export const region = "eu-west-1";

export interface Target {
    readonly address: string;
    readonly port: number;
    readonly state: string;
}

/** A stack that is up. */
export interface Deployed {
    readonly system: SystemFile;
    readonly ecs: ECSClient;
    readonly elb: ElasticLoadBalancingV2Client;
    /** ARNs of the target groups, by the names of their resources. */
    readonly targetGroups: Readonly<Record<string, string>>;
    /** What the certificate in the stack's one secret is for; undefined while there is none. */
    certificateNames(): Promise<string[] | undefined>;
    /** Invokes the functions whose resources' names end so, as their schedules do in the end. @throws what one of them throws */
    invoke(nameEnd: string, event?: object): Promise<void>;
    /** The services, by the names of their resources. */
    services(): Promise<Record<string, Service>>;
    /** Resolves when every service has replaced its tasks, with the last of their targets healthy. */
    steady(): Promise<Record<string, Service>>;
    tasks(service: Service): Promise<Task[]>;
    targets(targetGroupArn: string): Promise<Target[]>;
}

export function deployed(system: SystemFile, projectName: string): Deployed {
    const { resources } = readState(system, "local", projectName);
    const config = clientConfig(system.gatewayUrl, { accountId: system.accountId, region });
    const [ecs, elb] = [new ECSClient(config), new ElasticLoadBalancingV2Client(config)];
    const [lambda, secrets] = [new LambdaClient(config), new SecretsManagerClient(config)];
    const ofType = (type: string, property: string) =>
        resources
            .filter((resource) => resource.type === type)
            .map(({ urn, outputs }) => [urn.split("::").at(-1)!, String(outputs?.[property])] as const);
    const names = ofType("aws:ecs/service:Service", "name");
    const [[, cluster]] = ofType("aws:ecs/service:Service", "cluster");
    const up: Deployed = {
        system,
        ecs,
        elb,
        targetGroups: Object.fromEntries(ofType("aws:lb/targetGroup:TargetGroup", "arn")),
        async certificateNames() {
            const [[, SecretId]] = ofType("aws:secretsmanager/secret:Secret", "arn");
            const secret = await secrets.send(new GetSecretValueCommand({ SecretId })).catch((error: Error) => {
                if (error.name === "ResourceNotFoundException") {
                    return undefined;
                }
                throw error;
            });
            return secret && (JSON.parse(secret.SecretString!) as DeliveredCertificate).names;
        },
        async invoke(nameEnd, event = {}) {
            const functions = ofType("aws:lambda/function:Function", "name").filter(([name]) => name.endsWith(nameEnd));
            if (functions.length === 0) {
                throw new Error(`${projectName} has no function whose name ends in ${nameEnd}.`);
            }
            for (const [name, FunctionName] of functions) {
                const command = new InvokeCommand({ FunctionName, Payload: Buffer.from(JSON.stringify(event)) });
                const { FunctionError, Payload } = await lambda.send(command);
                if (FunctionError !== undefined) {
                    throw new Error(`${name} failed: ${Buffer.from(Payload ?? []).toString()}`);
                }
            }
        },
        async services() {
            const services = names.map(([, name]) => name);
            const answer = await ecs.send(new DescribeServicesCommand({ cluster, services }));
            return Object.fromEntries(
                names.map(([resource, name]) => [
                    resource,
                    answer.services!.find(({ serviceName }) => serviceName === name)!,
                ]),
            );
        },
        steady: () =>
            eventually("steady services", async () => {
                const found = await up.services();
                const isSteady = ({ deployments = [], runningCount, desiredCount }: Service): boolean =>
                    deployments.length === 1 &&
                    deployments[0].rolloutState === "COMPLETED" &&
                    runningCount === desiredCount;
                return Object.values(found).every(isSteady) ? found : undefined;
            }),
        async tasks({ serviceName }) {
            const { taskArns: tasks = [] } = await ecs.send(new ListTasksCommand({ cluster, serviceName }));
            return tasks.length === 0 ? [] : (await ecs.send(new DescribeTasksCommand({ cluster, tasks }))).tasks!;
        },
        async targets(TargetGroupArn) {
            const answer = await elb.send(new DescribeTargetHealthCommand({ TargetGroupArn }));
            return (answer.TargetHealthDescriptions ?? []).map(({ Target, TargetHealth }) => ({
                address: Target?.Id ?? "",
                port: Target?.Port ?? 0,
                state: TargetHealth?.State ?? "",
            }));
        },
    };
    return up;
}
