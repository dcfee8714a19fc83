/** What the token of a user who authenticates by IAM says. */
export interface Token {
    readonly accessKeyId: string;
    readonly region: string;
}

const longestSeconds = 900;

/**
 * A token is a signed request to connect, without its scheme
 * (https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html). Signatures are not checked here, as nowhere in the local system.
 * @returns undefined for one that AWS would not take: of another cache or user, or older than a quarter of an hour
 */
export function readToken(token: string, cacheId: string, userId: string, now: number): Token | undefined {
    const url = URL.canParse(`http://${token}`) ? new URL(`http://${token}`) : undefined;
    const query = (name: string) => url?.searchParams.get(name) ?? "";
    const [accessKeyId = "", , region = "", service] = query("X-Amz-Credential").split("/");
    const signedAt = Date.parse(
        query("X-Amz-Date").replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"),
    );
    const seconds = Number(query("X-Amz-Expires"));
    const isGood =
        url?.host === cacheId &&
        query("Action") === "connect" &&
        query("User") === userId &&
        query("X-Amz-Signature") !== "" &&
        service === "elasticache" &&
        seconds > 0 &&
        seconds <= longestSeconds &&
        now < signedAt + seconds * 1_000;
    return isGood ? { accessKeyId, region } : undefined;
}
