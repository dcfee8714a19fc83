/** The packages that the handlers use. Lambda brings the AWS SDK; acme-client travels in the function's archive. */
interface Packages {
    readonly "@aws-sdk/client-acm": typeof import("@aws-sdk/client-acm");
    readonly "@aws-sdk/client-dynamodb": typeof import("@aws-sdk/client-dynamodb");
    readonly "@aws-sdk/client-ec2": typeof import("@aws-sdk/client-ec2");
    readonly "@aws-sdk/client-ecr": typeof import("@aws-sdk/client-ecr");
    readonly "@aws-sdk/client-ecs": typeof import("@aws-sdk/client-ecs");
    readonly "@aws-sdk/client-eventbridge": typeof import("@aws-sdk/client-eventbridge");
    readonly "@aws-sdk/client-route-53": typeof import("@aws-sdk/client-route-53");
    readonly "@aws-sdk/client-s3": typeof import("@aws-sdk/client-s3");
    readonly "@aws-sdk/client-secrets-manager": typeof import("@aws-sdk/client-secrets-manager");
    readonly "@aws-sdk/client-sns": typeof import("@aws-sdk/client-sns");
    readonly "@aws-sdk/client-sqs": typeof import("@aws-sdk/client-sqs");
    readonly "@aws-sdk/client-ssm": typeof import("@aws-sdk/client-ssm");
    readonly "@aws-sdk/client-sts": typeof import("@aws-sdk/client-sts");
    readonly "acme-client": typeof import("acme-client");
    readonly croner: typeof import("croner");
    readonly "node:crypto": typeof import("node:crypto");
    readonly "node:http": typeof import("node:http");
    readonly "node:https": typeof import("node:https");
    readonly "node:tls": typeof import("node:tls");
}

/**
 * Loads a package when it is needed, by its plain name, as a serialised function must.
 *
 * `await import()` would do so too, but TypeScript makes `__importStar(require(…))` of it, and Pulumi leaves that helper out of a
 * serialised function if there is one on the global object. Any package that uses tslib puts one there, and then the function fails in Lambda.
 */
export function load<Name extends keyof Packages>(name: Name): Packages[Name] {
    const find: NodeJS.Require = require;
    return find(name) as Packages[Name];
}
