import { AwsError } from "./awsError";
import type { Fault } from "./judge";
import type { Call } from "./request";

/** What a service calls a request that its model does not allow; the others call it ValidationException. */
const codes: Readonly<Record<string, string>> = {
    cloudwatch: "ValidationError",
    ecr: "InvalidParameterException",
    ecs: "InvalidParameterException",
    elasticache: "InvalidParameterValue",
    elbv2: "ValidationError",
    iam: "ValidationError",
    logs: "InvalidParameterException",
    route53: "InvalidInput",
    s3: "InvalidArgument",
    sns: "InvalidParameter",
    sqs: "InvalidParameterValue",
    sts: "ValidationError",
};

/** EC2 and SQS have a name for each kind. */
const codesByKind: Readonly<Record<string, Readonly<Partial<Record<Fault["kind"], string>>>>> = {
    ec2: { unknown: "UnknownParameter", missing: "MissingParameter" },
    sqs: { missing: "MissingParameter" },
};

/** The error by which AWS refuses what its own model does not allow; undefined when there is nothing to refuse. */
export function refusalOf({ model, faults }: Call): AwsError | undefined {
    if (faults.length === 0) {
        return undefined;
    }
    const otherwise = model.name === "ec2" ? "InvalidParameterValue" : "ValidationException";
    const code = codesByKind[model.name]?.[faults[0].kind] ?? codes[model.name] ?? otherwise;
    return new AwsError(code, explain(faults));
}

/** `1 validation error detected: Value 'x' at 'y' failed to satisfy constraint: …`, as AWS words it. */
export function explain(faults: readonly Fault[]): string {
    const reasons = faults.map(({ reason }) => reason).join("; ");
    return `${faults.length} validation error${faults.length === 1 ? "" : "s"} detected: ${reasons}`;
}
