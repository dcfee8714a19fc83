// IAM documents in one shape and one order, so that no preview shows a difference where there is none.
import { ecrRepositoryOf } from "../../handlers/imageName";

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

/** Put one kind of event on a bus, and no other. */
export function putEvents(
    Sid: string,
    bus: string,
    event: { readonly source: string; readonly detailType: string },
): Statement {
    return {
        Sid,
        Effect: "Allow",
        Action: "events:PutEvents",
        Resource: bus,
        Condition: {
            // Both keys are lists to IAM, although an event has one of each.
            "ForAllValues:StringEquals": {
                "events:source": [event.source],
                "events:detail-type": [event.detailType],
            },
        },
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
    const repository = ecrRepositoryOf(image);
    if (repository === undefined) {
        return undefined;
    }
    const { partition, region, account, name } = repository;
    return `arn:${partition}:ecr:${region}:${account}:repository/${name}`;
}

/**
 * Read the secrets that ECS puts into containers. A Secrets Manager ARN may end in `:jsonKey:stage:version`, which IAM does not know. What is
 * encrypted under one of the keys may be decrypted, by the services that keep it and for nothing else.
 */
export function readSecrets(references: readonly string[], keyArns: readonly string[] = []): Statement[] {
    const secrets = references.filter((arn) => arn.includes(":secretsmanager:"));
    const parameters = references.filter((arn) => arn.includes(":ssm:"));
    const statements: Statement[] = [];
    if (secrets.length > 0) {
        statements.push({
            Sid: "ReadSecrets",
            Effect: "Allow",
            Action: "secretsmanager:GetSecretValue",
            Resource: sortedSet(secrets.flatMap(secretArnsOf)),
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
    if (keyArns.length > 0) {
        const keepers = references.map((arn) => arn.split(":").slice(2, 4).join("."));
        statements.push({
            Sid: "DecryptSecrets",
            Effect: "Allow",
            Action: "kms:Decrypt",
            Resource: sortedSet(keyArns),
            // China's domain has another ending (docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html).
            Condition: {
                StringLike: { "kms:ViaService": sortedSet(keepers).map((keeper) => `${keeper}.amazonaws.com*`) },
            },
        });
    }
    return statements;
}

/**
 * The whole ARNs that a reference may mean. Secrets Manager puts six characters behind the name and takes an ARN without them, but IAM compares
 * with the whole one. A name may end like that by itself (`my-secret`): six lower-case letters are taken for both.
 */
export function secretArnsOf(reference: string): string[] {
    const arn = reference.split(":").slice(0, 7).join(":");
    if (!/-[a-zA-Z0-9]{6}$/.test(arn)) {
        return [`${arn}-??????`];
    }
    return /-[a-z]{6}$/.test(arn) ? [arn, `${arn}-??????`] : [arn];
}

/** One resource is written without a list, as it always was. */
export function oneOrMore(resources: readonly string[]): string | readonly string[] {
    return resources.length === 1 ? resources[0] : resources;
}

function sortedSet(values: readonly string[]): string[] {
    return [...new Set(values)].sort();
}
