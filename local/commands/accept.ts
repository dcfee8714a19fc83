import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline/promises";

import type { Command } from "commander";

import { plan, refusal } from "./acceptance/plan";
import type { Request } from "./acceptance/plan";
import { accept, toMarkdown } from "./acceptance/run";
import type { AcceptanceReport } from "./acceptance/run";
import type { Target } from "./acceptance/target";

interface Options extends Omit<Request, "budget" | "minutes" | "aws"> {
    readonly aws?: boolean;
    readonly budget: string;
    readonly minutes: string;
    readonly clean?: boolean;
    readonly yes?: boolean;
    readonly report: string;
}

export function define(command: Command): void {
    command
        .option("--stack <name>", "the stack to deploy; its name begins with accept", "accept")
        .option("--aws", "against AWS, with the credentials at hand; without it, against a local system of its own")
        .option("--account <id>", "with --aws: the account in which this may happen")
        .option("--budget <dollars>", "what it may cost at most", "1")
        .option("--minutes <count>", "when it ends at the latest", "60")
        .option("--clean", "only remove what an earlier run has left")
        .option("--yes", "do not ask")
        .option("--report <name>", "writes <name>.json and <name>.md", "acceptance")
        .action((options: Options) => run(options));
}

async function run({ clean, yes, report: name, ...options }: Options): Promise<void> {
    const request: Request = {
        ...options,
        aws: options.aws === true,
        budget: Number(options.budget),
        minutes: Number(options.minutes),
    };
    if (!/^accept[a-z0-9-]*$/.test(request.stack)) {
        throw new Error(
            `--stack ${request.stack}: it is destroyed in the end, so its name must begin with "accept", e.g. accept-dev.`,
        );
    }
    // Not even loaded without --aws.
    const account = request.aws ? await (await import("./acceptance/awsTarget")).accountOfCredentials() : undefined;
    const refused = refusal(request, { account });
    if (refused !== undefined) {
        throw new Error(refused);
    }
    const target = await targetOf(request);
    if (clean) {
        const left = await target.clean();
        await target.close();
        console.log(left.length === 0 ? "Nothing is left." : `Left: ${left.join(", ")}`);
        process.exitCode = left.length === 0 ? 0 : 1;
        return;
    }
    console.log(plan(request, target.account, target.region));
    if (request.aws && !yes && !(await isSure(target.account))) {
        await target.close();
        throw new Error("Nothing was made.");
    }
    const report = await accept(target, request.minutes, (text) => console.log(`› ${text}`));
    writeFileSync(`${name}.json`, `${JSON.stringify(report, undefined, 4)}\n`);
    writeFileSync(`${name}.md`, toMarkdown(report));
    console.log(`${toMarkdown(report)}\nWritten to ${name}.json and ${name}.md.`);
    if (!isAccepted(report)) {
        throw new Error(report.failure ?? "Not everything held: see the report.");
    }
}

function isAccepted({ failure, facts, left }: AcceptanceReport): boolean {
    return failure === undefined && left.length === 0 && facts.every(({ verdict }) => verdict !== "not held");
}

async function targetOf({ aws, account, stack }: Request): Promise<Target> {
    if (aws) {
        return (await import("./acceptance/awsTarget")).awsTarget(account!, stack);
    }
    return (await import("./acceptance/localTarget")).localTarget(`accept-${process.pid}`, stack);
}

async function isSure(account: string): Promise<boolean> {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await terminal.question(`Type the account's number, ${account}, to begin: `);
    terminal.close();
    return answer.trim() === account;
}
