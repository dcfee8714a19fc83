import type { DescribeImagesCommandInput, ECRClient, ImageDetail } from "@aws-sdk/client-ecr";
import type { ECSClient, Service, Task } from "@aws-sdk/client-ecs";
import { call, clientSettings } from "../calls";
import { describeError } from "../failure";
import { ecrRepositoryOf, imageParts } from "../imageName";
import { load } from "../load";
import { log } from "../log";
import type { ContainerSight, TaskSight } from "./baseline";
import type { ServiceSight, Sight } from "./plan";
import type { PatchingSettings } from "./settings";

// What ECS runs, and what ECR knows of its images.

const TASKS_PER_CALL = 100;
const SERVICES_PER_CALL = 10;
/** ECR's limits for one account are in the thousands a second; this is about sockets. */
const AT_ONCE = 10;

export async function lookAround(settings: PatchingSettings, deadline: number): Promise<Omit<Sight, "retirements">> {
    const { ECSClient } = load("@aws-sdk/client-ecs");
    const { ECRClient } = load("@aws-sdk/client-ecr");
    const [ecs, ecr] = [new ECSClient(clientSettings()), new ECRClient(clientSettings())];
    const services = await servicesOf(ecs, settings, deadline);
    const running = (await tasksOf(ecs, settings.clusterArn, deadline)).filter(
        ({ group, startedAt }) => startedAt !== undefined && isWatched(group, services),
    );
    const imageOf = await imagesOf(ecr, running, settings.clusterArn, deadline);
    return {
        services: services.map(serviceSight),
        tasks: running.map((task) => taskSight(task, services, settings, imageOf)),
    };
}

/** Of these services, or of none. */
function isWatched(group: string | undefined, services: readonly Service[]): boolean {
    const service = serviceName(group);
    return service === undefined || services.some((each) => each.serviceName === service);
}

function serviceName(group: string | undefined): string | undefined {
    return /^service:(.+)$/.exec(group ?? "")?.[1];
}

async function servicesOf(
    ecs: ECSClient,
    { clusterArn, services }: PatchingSettings,
    deadline: number,
): Promise<Service[]> {
    const { DescribeServicesCommand, ListServicesCommand } = load("@aws-sdk/client-ecs");
    const names = [...services];
    let nextToken: string | undefined;
    do {
        if (services.length > 0) {
            break;
        }
        const command = new ListServicesCommand({ cluster: clusterArn, nextToken, maxResults: 100 });
        const page = await call(`ecs:ListServices of ${clusterArn}`, deadline, () => ecs.send(command));
        names.push(...(page.serviceArns ?? []));
        nextToken = page.nextToken;
    } while (nextToken !== undefined);
    const found: Service[] = [];
    for (let first = 0; first < names.length; first += SERVICES_PER_CALL) {
        const some = names.slice(first, first + SERVICES_PER_CALL);
        const command = new DescribeServicesCommand({ cluster: clusterArn, services: some });
        const answer = await call(`ecs:DescribeServices of ${clusterArn}`, deadline, () => ecs.send(command));
        found.push(...(answer.services ?? []));
        for (const { arn, reason } of answer.failures ?? []) {
            log("warn", "a service cannot be seen", { service: arn, reason });
        }
    }
    return found.filter(({ status }) => status === "ACTIVE");
}

async function tasksOf(ecs: ECSClient, cluster: string, deadline: number): Promise<Task[]> {
    const { DescribeTasksCommand, ListTasksCommand } = load("@aws-sdk/client-ecs");
    const found: Task[] = [];
    let nextToken: string | undefined;
    do {
        const list = new ListTasksCommand({ cluster, nextToken, maxResults: TASKS_PER_CALL });
        const page = await call(`ecs:ListTasks of ${cluster}`, deadline, () => ecs.send(list));
        const { taskArns: tasks = [] } = page;
        if (tasks.length > 0) {
            const describe = new DescribeTasksCommand({ cluster, tasks, include: ["TAGS"] });
            const answer = await call(`ecs:DescribeTasks of ${cluster}`, deadline, () => ecs.send(describe));
            found.push(...(answer.tasks ?? []));
        }
        nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return found.filter(({ lastStatus, desiredStatus }) => lastStatus === "RUNNING" && desiredStatus === "RUNNING");
}

function serviceSight({ serviceName: name = "", deployments = [], deploymentController }: Service): ServiceSight {
    return {
        name,
        isRolling: (deploymentController?.type ?? "ECS") === "ECS",
        deployments: deployments.map(({ id = "", status, rolloutState, createdAt }) => ({
            id,
            isPrimary: status === "PRIMARY",
            ...(rolloutState !== undefined && { rolloutState }),
            createdAt: createdAt?.getTime() ?? 0,
        })),
    };
}

function taskSight(
    { taskArn = "", group, startedAt, startedBy, platformVersion, containers = [], tags = [] }: Task,
    services: readonly Service[],
    { stopAtTag }: PatchingSettings,
    imageOf: (image: string, digest: string | undefined) => Partial<ContainerSight>,
): TaskSight {
    const name = serviceName(group);
    const service = services.find((each) => each.serviceName === name);
    const deployed = service?.deployments?.find(({ id }) => id === startedBy)?.createdAt;
    const started = startedAt!.getTime();
    const pinned = service?.platformVersion;
    const stopAt = tags.find(({ key }) => key === stopAtTag)?.value;
    return {
        taskArn,
        ...(name !== undefined && { service: name }),
        startedAt: started,
        resolvedAt: Math.min(started, deployed?.getTime() ?? started),
        ...(platformVersion !== undefined && { platformVersion }),
        ...(pinned !== undefined && pinned !== "LATEST" && { pinnedPlatformVersion: pinned }),
        containers: containers.map(({ name: container = "", image = "", imageDigest: digest }) => ({
            ...{ name: container, image },
            ...(digest !== undefined && { digest }),
            ...imageOf(image, digest),
        })),
        ...(stopAt !== undefined && { stopAt }),
    };
}

/** What ECR tells of each image that these tasks run; of images elsewhere nothing is known. */
async function imagesOf(
    ecr: ECRClient,
    tasks: readonly Task[],
    clusterArn: string,
    deadline: number,
): Promise<(image: string, digest: string | undefined) => Partial<ContainerSight>> {
    const [, , , region, account] = clusterArn.split(":");
    const keyOf = (image: string, digest: string | undefined): string => `${image} ${digest}`;
    const wanted: Record<string, readonly [string, string | undefined]> = {};
    for (const { image = "", imageDigest } of tasks.flatMap(({ containers = [] }) => containers)) {
        const repository = ecrRepositoryOf(image);
        if (repository?.account === account && repository.region === region) {
            wanted[keyOf(image, imageDigest)] = [image, imageDigest];
        }
    }
    const known: Record<string, Partial<ContainerSight>> = {};
    const keys = Object.keys(wanted);
    for (let first = 0; first < keys.length; first += AT_ONCE) {
        await Promise.all(
            keys.slice(first, first + AT_ONCE).map(async (key) => {
                known[key] = await imageFacts(ecr, account, wanted[key], deadline);
            }),
        );
    }
    return (image, digest) => known[keyOf(image, digest)] ?? {};
}

async function imageFacts(
    ecr: ECRClient,
    registryId: string,
    [image, digest]: readonly [string, string | undefined],
    deadline: number,
): Promise<Partial<ContainerSight>> {
    const { path: repositoryName = "", tag = "latest", digest: named } = imageParts(image) ?? {};
    const one = (imageId: { readonly imageDigest?: string; readonly imageTag?: string }) =>
        imageDetail(ecr, { registryId, repositoryName, imageIds: [imageId] }, deadline);
    const [own, tagged, findings] = await Promise.all([
        digest === undefined ? undefined : one({ imageDigest: digest }),
        named === undefined ? one({ imageTag: tag }) : undefined,
        digest === undefined ? undefined : findingsOf(ecr, registryId, repositoryName, digest, deadline),
    ]);
    return {
        ...(own?.imagePushedAt !== undefined && { pushedAt: own.imagePushedAt.getTime() }),
        ...(tagged?.imageDigest !== undefined &&
            tagged.imagePushedAt !== undefined && {
                tagged: { digest: tagged.imageDigest, pushedAt: tagged.imagePushedAt.getTime() },
            }),
        ...(findings !== undefined && { findings }),
    };
}

async function imageDetail(
    ecr: ECRClient,
    input: DescribeImagesCommandInput,
    deadline: number,
): Promise<ImageDetail | undefined> {
    const { DescribeImagesCommand } = load("@aws-sdk/client-ecr");
    const what = `ecr:DescribeImages of ${input.repositoryName}`;
    return unlessUnknown(async () => {
        const { imageDetails = [] } = await call(what, deadline, () => ecr.send(new DescribeImagesCommand(input)));
        return imageDetails[0];
    });
}

async function findingsOf(
    ecr: ECRClient,
    registryId: string,
    repositoryName: string,
    imageDigest: string,
    deadline: number,
): Promise<Record<string, number> | undefined> {
    const { DescribeImageScanFindingsCommand } = load("@aws-sdk/client-ecr");
    // The counts are of all findings, however few of them are listed.
    const command = new DescribeImageScanFindingsCommand({
        ...{ registryId, repositoryName, imageId: { imageDigest } },
        maxResults: 1,
    });
    return unlessUnknown(async () => {
        const answer = await call(`ecr:DescribeImageScanFindings of ${repositoryName}`, deadline, () =>
            ecr.send(command),
        );
        const counts = answer.imageScanFindings?.findingSeverityCounts;
        return counts && Object.fromEntries(Object.entries(counts));
    });
}

/** An image that nobody scanned, or that was deleted while it runs, is not known; that is no fault. */
async function unlessUnknown<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
        return await ask();
    } catch (error) {
        if (/^(Scan|Image|Repository)NotFoundException$/.test((error as Error).name)) {
            log("info", "ECR does not know it", { reason: describeError(error) });
            return undefined;
        }
        throw error;
    }
}
