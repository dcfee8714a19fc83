// IAM documents in one shape and one order, so that no preview shows a difference where there is none.

/** One statement of an IAM policy. */
export interface Statement {
    readonly Sid: string;
    readonly Effect: "Allow" | "Deny";
    readonly Principal?: "*" | { readonly [kind: string]: string };
    readonly Action: string | readonly string[];
    readonly Resource?: string | readonly string[];
    readonly Condition?: { readonly [operator: string]: { readonly [key: string]: string | readonly string[] } };
}

/** An IAM policy as JSON. */
export function policyDocument(statements: readonly Statement[]): string {
    return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

/** Who may assume a role: an AWS service, for this account's resources only where the service can say so (confused deputy). */
export function assumeRolePolicy(service: string, sourceAccount?: string): string {
    return policyDocument([
        {
            Sid: "Assume",
            Effect: "Allow",
            Principal: { Service: service },
            Action: "sts:AssumeRole",
            ...(sourceAccount && { Condition: { StringEquals: { "aws:SourceAccount": sourceAccount } } }),
        },
    ]);
}

/** Write into one log group, and nothing else. */
export function writeLogs(logGroupArn: string): Statement {
    return {
        Sid: "WriteLogs",
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: `${logGroupArn}:*`,
    };
}

/** Pull from the ECR repositories that images name; nothing for other registries. */
export function pullImages(images: readonly string[]): Statement[] {
    const repositories = images.map(repositoryArnOf).filter((arn) => arn !== undefined);
    if (repositories.length === 0) {
        return [];
    }
    return [
        { Sid: "SignInToEcr", Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
        {
            Sid: "PullImages",
            Effect: "Allow",
            Action: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            Resource: sortedSet(repositories),
        },
    ];
}

function repositoryArnOf(image: string): string | undefined {
    const match = /^(\d{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([^:@]+)/.exec(image);
    if (match === null) {
        return undefined;
    }
    const [, account, region, repository] = match;
    const partition = region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
    return `arn:${partition}:ecr:${region}:${account}:repository/${repository}`;
}

/**
 * Read the secrets that ECS puts into containers. A Secrets Manager ARN may end in `:jsonKey:stage:version`, which IAM does not know.
 */
export function readSecrets(references: readonly string[]): Statement[] {
    const secrets = references.filter((arn) => arn.includes(":secretsmanager:")).map(secretArnOf);
    const parameters = references.filter((arn) => arn.includes(":ssm:"));
    const statements: Statement[] = [];
    if (secrets.length > 0) {
        statements.push({
            Sid: "ReadSecrets",
            Effect: "Allow",
            Action: "secretsmanager:GetSecretValue",
            Resource: sortedSet(secrets),
        });
    }
    if (parameters.length > 0) {
        statements.push({
            Sid: "ReadParameters",
            Effect: "Allow",
            Action: "ssm:GetParameters",
            Resource: sortedSet(parameters),
        });
    }
    return statements;
}

function secretArnOf(reference: string): string {
    return reference.split(":").slice(0, 7).join(":");
}

function sortedSet(values: readonly string[]): string[] {
    return [...new Set(values)].sort();
}
