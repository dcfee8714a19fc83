import { createInterface } from "node:readline/promises";

import type { Life } from "./projects";
import { tagKey } from "./projects";

/** What somebody asks for with `npm run accept`. */
export interface Request {
    readonly stack: string;
    readonly aws: boolean;
    /** The account in which it may happen, as its user names it. */
    readonly account?: string;
    /** The most it may cost, in dollars. */
    readonly budget: number;
    /** For each life. */
    readonly minutes: number;
}

/** Of requests, log lines, invocations, images and records, far more than a life makes. */
const requests = 0.05;

/** What lives cost at most, in dollars: each of them all it makes for the whole of its time. */
export function cost(lives: readonly Pick<Life, "hourly">[], minutes: number): number {
    const perHour = lives.flatMap(({ hourly }) => hourly).reduce((sum, [, dollars]) => sum + dollars, 0);
    return Math.ceil((perHour * (minutes / 60) + requests * lives.length) * 100) / 100;
}

/** What will be made, in lines for whoever is asked. */
export function plan({ stack, minutes }: Request, lives: readonly Life[], account: string, region: string): string {
    return [
        `In account ${account}, region ${region}, one after another:`,
        ...lives.flatMap((life) => {
            const { projectName } = life.project(stack, { domain: "", hostedZoneId: "", acmeDirectory: "" });
            return [
                `  ${life.name}, as stack ${stack} of ${projectName}, each thing tagged ${tagKey}=${projectName}/${stack}, at most $${cost([life], minutes).toFixed(2)}:`,
                ...life.makes.map((text) => `    ${text}`),
            ];
        }),
        `It costs at most $${cost(lives, minutes).toFixed(2)}, ends after ${minutes * lives.length} minutes at the latest, and removes all of it again.`,
    ].join("\n");
}

/** Why a run may not begin; undefined when it may. Nothing has been made yet. */
export function refusal(
    request: Request,
    lives: readonly Pick<Life, "hourly">[],
    found: { readonly account?: string },
): string | undefined {
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
    const most = cost(lives, minutes);
    if (!(most <= budget)) {
        return `It could cost $${most.toFixed(2)}, and --budget allows $${budget.toFixed(2)}: shorten --minutes, leave a --shape out, or allow more.`;
    }
    return undefined;
}

/** Asks whoever is there to type the account's number. Where nobody is, there is no answer, and that is none. */
export async function isSure(
    account: string,
    input: NodeJS.ReadableStream,
    output: NodeJS.WritableStream,
): Promise<boolean> {
    const terminal = createInterface({ input, output });
    const gone = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
    const answer = await Promise.race([terminal.question(`Type the account's number, ${account}, to begin: `), gone]);
    terminal.close();
    return answer.trim() === account;
}
