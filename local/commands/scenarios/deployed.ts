// What an operator sees of an example that is up: its services and targets, found in the stack's state and asked of AWS.
import type { Service, Task } from "@aws-sdk/client-ecs";

import type { Aws } from "../../aws/resources/sdk";
import type { DeliveredCertificate, Eventually } from "../../internet/caller";
import type { Visited } from "../../internet/visitor";
import type { ResourceState } from "../../pulumi/state";
import type { Config } from "../../pulumi/workspace";

export const region = "eu-west-1";

export interface Target {
    readonly address: string;
    readonly port: number;
    readonly state: string;
}

/** Where an example is up, and how it is reached. */
export interface Where {
    /** What its services and load balancers are asked with. */
    readonly aws: Aws;
    /** What its visitors know. */
    readonly internet: Visited;
    readonly eventually: Eventually;
    /** Deploys it again, with that on top of its configuration. */
    redeploy(more: Config): Promise<unknown>;
}

/** A stack that is up. */
export interface Deployed extends Where {
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

/** @param resources the stack's state */
export function deployed(where: Where, resources: readonly ResourceState[]): Deployed {
    const { ecs, elb, lambda, secretsManager: secrets } = where.aws;
    const ofType = (type: string, property: string) =>
        resources
            .filter((resource) => resource.type === type)
            .map(({ urn, outputs }) => [urn.split("::").at(-1)!, String(outputs?.[property])] as const);
    const names = ofType("aws:ecs/service:Service", "name");
    const [[, cluster]] = ofType("aws:ecs/service:Service", "cluster");
    const up: Deployed = {
        ...where,
        targetGroups: Object.fromEntries(ofType("aws:lb/targetGroup:TargetGroup", "arn")),
        async certificateNames() {
            const [[, SecretId]] = ofType("aws:secretsmanager/secret:Secret", "arn");
            const secret = await secrets.getSecretValue({ SecretId }).catch((error: Error) => {
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
                throw new Error(`The stack has no function whose name ends in ${nameEnd}.`);
            }
            for (const [name, FunctionName] of functions) {
                const { FunctionError, Payload } = await lambda.invoke({
                    FunctionName,
                    Payload: Buffer.from(JSON.stringify(event)),
                });
                if (FunctionError !== undefined) {
                    throw new Error(`${name} failed: ${Buffer.from(Payload ?? []).toString()}`);
                }
            }
        },
        async services() {
            const services = names.map(([, name]) => name);
            const answer = await ecs.describeServices({ cluster, services });
            return Object.fromEntries(
                names.map(([resource, name]) => [
                    resource,
                    answer.services!.find(({ serviceName }) => serviceName === name)!,
                ]),
            );
        },
        steady: () =>
            where.eventually("steady services", async () => {
                const found = await up.services();
                const isSteady = ({ deployments = [], runningCount, desiredCount }: Service): boolean =>
                    deployments.length === 1 &&
                    deployments[0].rolloutState === "COMPLETED" &&
                    runningCount === desiredCount;
                return Object.values(found).every(isSteady) ? found : undefined;
            }),
        async tasks({ serviceName }) {
            const { taskArns: tasks = [] } = await ecs.listTasks({ cluster, serviceName });
            return tasks.length === 0 ? [] : (await ecs.describeTasks({ cluster, tasks })).tasks!;
        },
        async targets(TargetGroupArn) {
            const answer = await elb.describeTargetHealth({ TargetGroupArn });
            return (answer.TargetHealthDescriptions ?? []).map(({ Target, TargetHealth }) => ({
                address: Target?.Id ?? "",
                port: Target?.Port ?? 0,
                state: TargetHealth?.State ?? "",
            }));
        },
    };
    return up;
}
