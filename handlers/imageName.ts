// Names of images, and what ECR's tell: the one place that reads them.

/** A repository of ECR. */
export interface EcrRepository {
    readonly partition: string;
    readonly region: string;
    readonly account: string;
    readonly name: string;
}

// [registry/]path[:tag][@digest] (github.com/distribution/reference). A registry has a dot, a port, or is localhost.
const image =
    /^(?:(?<registry>localhost(?::\d+)?|[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)*(?::\d+)|[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+)\/)?(?<path>[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$/;

/** The parts of an image's name; undefined when it is none. */
export function imageParts(
    name: string,
): { readonly registry?: string; readonly path: string; readonly tag?: string; readonly digest?: string } | undefined {
    const { registry, path, tag, digest } = image.exec(name)?.groups ?? {};
    return path === undefined ? undefined : { registry, path, tag, digest };
}

// Classic, FIPS and dual-stack endpoints (docs.aws.amazon.com/general/latest/gr/ecr.html, docs.aws.amazon.com/AmazonECR, ecr-requests).
const ecrHosts = [
    /^(?<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov)$/,
    /^(?<account>\d{12})\.dkr-ecr(?:-fips)?\.(?<region>[a-z0-9-]+)\.on\.(?:aws|amazonwebservices\.com\.cn|amazonwebservices\.eu)$/,
];

/** The repository of ECR that an image is in; undefined when it is elsewhere. */
export function ecrRepositoryOf(name: string): EcrRepository | undefined {
    const { registry = "", path = "" } = imageParts(name) ?? {};
    const host = ecrHosts.map((pattern) => pattern.exec(registry)?.groups).find((groups) => groups !== undefined);
    return host && { partition: partitionOf(host.region), region: host.region, account: host.account, name: path };
}

/** By the beginning of a region's name (docs.aws.amazon.com/general/latest/gr/aws-arns-and-namespaces.html). */
function partitionOf(region: string): string {
    const partitions: readonly [string, string][] = [
        ["cn-", "aws-cn"],
        ["us-gov-", "aws-us-gov"],
        ["us-isob-", "aws-iso-b"],
        ["us-iso-", "aws-iso"],
        ["eusc-", "aws-eusc"],
    ];
    return partitions.find(([prefix]) => region.startsWith(prefix))?.[1] ?? "aws";
}
