/** What somebody asks for with `npm run accept`. */
export interface Request {
    readonly stack: string;
    readonly aws: boolean;
    /** The account in which it may happen, as its user names it. */
    readonly account?: string;
    /** The most it may cost, in dollars. */
    readonly budget: number;
    readonly minutes: number;
}

/** Prices in dollars, us-east-1, https://aws.amazon.com/fargate/pricing/, /secrets-manager/pricing/, /cloudwatch/pricing/, /vpc/pricing/, /route53/pricing/. */
const hourly: readonly (readonly [what: string, dollars: number])[] = [
    ["a Fargate task of 0.25 vCPU and 0.5 GB", 0.0124],
    ["its public IPv4 address", 0.005],
    ["a secret, by the hour", 0.4 / 730],
    ["ten alarms, by the hour", 1 / 730],
];
/** Of requests, log lines, invocations and records, far more than a run makes. */
const requests = 0.05;

/** What a run costs at most, in dollars: all of it for the whole of its time. */
export function cost(minutes: number): number {
    const perHour = hourly.reduce((sum, [, dollars]) => sum + dollars, 0);
    return Math.ceil((perHour * (minutes / 60) + requests) * 100) / 100;
}

/** What will be made, in lines for whoever is asked. */
export function plan({ stack, minutes }: Request, account: string, region: string): string {
    return [
        `In account ${account}, region ${region}, as stack ${stack}, each thing tagged taskgate:stack=taskgate/${stack}:`,
        "  network, cluster, certificate renewal, DNS sync, task definition, roles, alarms: what `pulumi preview` lists",
        "  one certificate from the certificate authority of the stack's configuration",
        "  one task, for some minutes",
        `It costs at most $${cost(minutes).toFixed(2)}, ends after ${minutes} minutes at the latest, and removes all of it again.`,
    ].join("\n");
}

/** Why a run may not begin; undefined when it may. Nothing has been made yet. */
export function refusal(request: Request, found: { readonly account?: string }): string | undefined {
    const { aws, account, budget, minutes } = request;
    if (!aws) {
        return account === undefined
            ? undefined
            : "--account names an account of AWS: give --aws as well, or leave it out to run against the local system.";
    }
    if (account === undefined || !/^\d{12}$/.test(account)) {
        return `--account ${account ?? "is missing"}: with --aws, give the 12 digits of the account in which this may happen.`;
    }
    if (found.account === undefined) {
        return "There are no AWS credentials: sign in first, so that `aws sts get-caller-identity` answers.";
    }
    if (found.account !== account) {
        return `The credentials are of account ${found.account}, and --account names ${account}: nothing was made.`;
    }
    if (cost(minutes) > budget) {
        return `It could cost $${cost(minutes).toFixed(2)}, and --budget allows $${budget.toFixed(2)}: shorten --minutes, or allow more.`;
    }
    return undefined;
}
