// A cluster, its images and a bucket, for the function that patches: what a test plants is what ECS, ECR and S3 say.
import { type FakeRequest, type FakeResponse, type FakeService, json, jsonError, xml } from "./fakeAws";

export interface PlantedService {
    readonly serviceName: string;
    readonly platformVersion?: string;
    deployments: object[];
}

export interface FakePatching {
    readonly services: FakeService[];
    readonly cluster: { services: PlantedService[]; tasks: object[] };
    /** By `<repository>@<digest>` or `<repository>:<tag>`: what DescribeImages says. */
    readonly images: Record<string, object>;
    /** By `<repository>@<digest>`: findings by severity. */
    readonly findings: Record<string, object>;
    /** By key. */
    readonly objects: Record<string, string>;
}

export function createFakePatching(): FakePatching {
    const cluster: FakePatching["cluster"] = { services: [], tasks: [] };
    const images: Record<string, object> = {};
    const findings: Record<string, object> = {};
    const objects: Record<string, string> = {};
    const eTags: Record<string, number> = {};

    function ecs({ operation, body }: FakeRequest): FakeResponse {
        const input = JSON.parse(body) as { service?: string };
        switch (operation) {
            case "ListServices":
                return json({ serviceArns: cluster.services.map(({ serviceName }) => serviceName) });
            case "DescribeServices":
                return json({ services: cluster.services.map((service) => ({ status: "ACTIVE", ...service })) });
            case "ListTasks":
                return json({ taskArns: cluster.tasks.map((task) => (task as { taskArn: string }).taskArn) });
            case "DescribeTasks":
                return json({ tasks: cluster.tasks });
            case "UpdateService": {
                const service = cluster.services.find(({ serviceName }) => serviceName === input.service)!;
                const id = `${input.service}-new`;
                service.deployments = [{ id, status: "PRIMARY", rolloutState: "IN_PROGRESS" }, ...service.deployments];
                return json({ service });
            }
            default:
                return json({});
        }
    }

    function ecr({ operation, body }: FakeRequest): FakeResponse {
        interface Id {
            readonly imageDigest?: string;
            readonly imageTag?: string;
        }
        const { repositoryName, imageIds, imageId } = JSON.parse(body) as {
            readonly repositoryName: string;
            readonly imageIds?: Id[];
            readonly imageId?: Id;
        };
        const { imageDigest, imageTag } = imageIds?.[0] ?? imageId!;
        const key = `${repositoryName}${imageDigest === undefined ? `:${imageTag}` : `@${imageDigest}`}`;
        if (operation === "DescribeImages") {
            return key in images
                ? json({ imageDetails: [images[key]] })
                : jsonError(400, "ImageNotFoundException", `There is no ${key}.`);
        }
        return key in findings
            ? json({ imageScanFindings: { findingSeverityCounts: findings[key] } })
            : jsonError(400, "ScanNotFoundException", `Nobody scanned ${key}.`);
    }

    function s3({ operation, headers, query, body }: FakeRequest): FakeResponse {
        const [method, path] = operation.split(" ");
        const key = path.split("/").slice(2).join("/");
        if (method === "GET" && query.has("list-type")) {
            const found = Object.keys(objects).filter((each) => each.startsWith(query.get("prefix") ?? ""));
            return xml(
                `<ListBucketResult>${found.map((each) => `<Contents><Key>${each}</Key></Contents>`).join("")}</ListBucketResult>`,
            );
        }
        const eTag = `"${eTags[key] ?? 0}"`;
        if (method === "GET") {
            return key in objects
                ? { type: "application/x-amz-json-1.1", headers: { etag: eTag }, body: objects[key] }
                : xml(`<Error><Code>NoSuchKey</Code><Message>There is no ${key}.</Message></Error>`, 404);
        }
        const isStale =
            (headers["if-match"] !== undefined && headers["if-match"] !== eTag) ||
            (headers["if-none-match"] === "*" && key in objects);
        if (isStale) {
            return xml("<Error><Code>PreconditionFailed</Code><Message>It changed.</Message></Error>", 412);
        }
        objects[key] = body;
        eTags[key] = (eTags[key] ?? 0) + 1;
        return { ...xml(""), body: "", headers: { etag: `"${eTags[key]}"` } };
    }

    return {
        services: [
            { service: "ecs", answer: ecs },
            { service: "ecr", answer: ecr },
            { service: "s3", answer: s3 },
            {
                service: "events",
                answer: ({ body }) =>
                    json({
                        FailedEntryCount: 0,
                        Entries: (JSON.parse(body) as { Entries: object[] }).Entries.map(() => ({ EventId: "e" })),
                    }),
            },
        ],
        cluster,
        images,
        findings,
        objects,
    };
}

export const patchingClusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/apps";

/** With a window that has been open for an hour. */
export function patchingEnvironment(): Record<string, string> {
    const opened = new Date(Date.now() - 3_600_000);
    const schedule = `cron(${opened.getUTCMinutes()} ${opened.getUTCHours()} * * ? *)`;
    return {
        CLUSTER_ARN: patchingClusterArn,
        BUCKET_NAME: "reports",
        SERVICES: "[]",
        MAINTENANCE_WINDOW: JSON.stringify({
            ...{ schedule, scheduleTimezone: "UTC", duration: 12, cutoff: 0 },
            ...{ maxConcurrency: 1, maxErrors: 0 },
        }),
        BASELINE: JSON.stringify({ maxTaskAge: 30, newerImages: false, findingSeverity: "HIGH" }),
        STOP_TASKS: "true",
        NOTICE_HOURS: "24",
        STOP_AT_TAG: "taskgate:stop-at",
    };
}
