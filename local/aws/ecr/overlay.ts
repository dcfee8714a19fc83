import type {
    DescribeImageScanFindingsRequest,
    DescribeImageScanFindingsResponse,
    DescribeImagesResponse,
    DescribeRepositoriesResponse,
    Repository,
} from "@aws-sdk/client-ecr";

import type { Scope } from "../../machine/awsClients";
import { AwsError, jsonResponse } from "../gateway/overlay";
import type { AwsRequest, AwsResponse, Forward, Overlay } from "../gateway/overlay";

/** How many findings there are, by severity. */
export type Findings = Readonly<Record<string, number>>;

export interface Ecr {
    readonly overlay: Overlay;
    /** What scans of an image in that repository find from now on. */
    readonly setFindings: (scope: Scope, repositoryName: string, imageDigest: string, findings: Findings) => void;
}

const manifestPath = /^\/v2\/(.+)\/manifests\/([^/:]+)$/;

/**
 * What the emulator's ECR lacks: a tag of an immutable repository cannot be pushed again even with the same image, and images are scanned:
 * nothing is found in them but what is planted.
 */
export function createEcr(): Ecr {
    const planted = new Map<string, Findings>();
    const keyOf = ({ accountId, region }: Scope, repositoryName: string, imageDigest: string): string =>
        `${accountId} ${region} ${repositoryName}@${imageDigest}`;

    async function scan(request: AwsRequest, forward: Forward): Promise<AwsResponse> {
        const { repositoryName = "", imageId = {} } = request.parameters as Partial<DescribeImageScanFindingsRequest>;
        const repository = await repositoryCalled(request, forward, repositoryName);
        const answer = await ask<DescribeImagesResponse>(request, forward, "DescribeImages", {
            ...{ repositoryName, imageIds: [imageId] },
        });
        const { registryId, imageDigest = "" } = answer.imageDetails?.[0] ?? {};
        const named = `{imageDigest:'${imageId.imageDigest ?? null}', imageTag:'${imageId.imageTag ?? null}'}`;
        const where = `in the repository with name '${repositoryName}' in the registry with id '${request.accountId}'`;
        if (imageDigest === "") {
            throw new AwsError("ImageNotFoundException", `The image with imageId ${named} does not exist ${where}`);
        }
        const found = planted.get(keyOf(request, repositoryName, imageDigest));
        if (found === undefined && repository.imageScanningConfiguration?.scanOnPush !== true) {
            throw new AwsError(
                "ScanNotFoundException",
                `Image scan does not exist for the image with ${named} ${where}`,
            );
        }
        return jsonResponse({
            ...{ registryId, repositoryName, imageId: { ...imageId, imageDigest } },
            imageScanStatus: { status: "COMPLETE", description: "The scan was completed successfully." },
            imageScanFindings: { findings: [], findingSeverityCounts: { ...found } },
        } satisfies DescribeImageScanFindingsResponse);
    }

    return {
        overlay: {
            service: "ecr",
            pathPrefix: "/v2/",
            async handle(request, forward) {
                if (request.operation === "DescribeImageScanFindings") {
                    return scan(request, forward);
                }
                const [, repository, tag] = manifestPath.exec(request.path) ?? [];
                if (request.method !== "PUT" || tag === undefined) {
                    return undefined;
                }
                const [accountId, , , region] = new URLSearchParams(request.query).get("ns")?.split(".") ?? [];
                const existing = await forward({ ...request, method: "HEAD", body: Buffer.of() });
                const isThere = existing.status === 200;
                const known = isThere
                    ? await repositoryCalled({ ...request, accountId, region }, forward, repository)
                    : {};
                return known.imageTagMutability === "IMMUTABLE" ? refusal(repository, tag) : undefined;
            },
        },
        setFindings(scope, repositoryName, imageDigest, findings) {
            planted.set(keyOf(scope, repositoryName, imageDigest), findings);
        },
    };
}

/** @throws as ECR does when there is none */
async function repositoryCalled(request: AwsRequest, forward: Forward, repositoryName: string): Promise<Repository> {
    const input = { repositoryNames: [repositoryName] };
    const { repositories = [] } = await ask<DescribeRepositoriesResponse>(
        request,
        forward,
        "DescribeRepositories",
        input,
    );
    return repositories[0];
}

/** Asks the emulator, as whoever made a request. */
async function ask<T>(request: AwsRequest, forward: Forward, operation: string, input: object): Promise<T> {
    const { accountId, region } = request;
    const { status, body } = await forward({
        ...{ ...request, method: "POST", path: "/", query: "" },
        headers: {
            authorization: `AWS4-HMAC-SHA256 Credential=${accountId}/20260101/${region}/ecr/aws4_request`,
            "x-amz-target": `AmazonEC2ContainerRegistry_V20150921.${operation}`,
            "content-type": "application/x-amz-json-1.1",
        },
        body: Buffer.from(JSON.stringify(input)),
    });
    const answer = JSON.parse(body.toString()) as T & { readonly __type?: string; readonly message?: string };
    if (status !== 200) {
        throw new AwsError(answer.__type ?? "ServerException", answer.message ?? "", status);
    }
    return answer;
}

function refusal(repository: string, tag: string): AwsResponse {
    const message = `The image tag '${tag}' already exists in the '${repository}' repository and cannot be overwritten because the repository is immutable.`;
    return {
        status: 400,
        headers: { "content-type": "application/json" },
        body: Buffer.from(JSON.stringify({ errors: [{ code: "TAG_INVALID", message, detail: {} }] })),
    };
}
