import { writeFileSync } from "node:fs";

import type { Command } from "commander";

import { clean } from "./acceptance/clean";
import { isSure, plan, refusal } from "./acceptance/plan";
import type { Request } from "./acceptance/plan";
import { accept, toMarkdown } from "./acceptance/run";
import type { AcceptanceReport } from "./acceptance/run";
import { lives } from "./acceptance/projects";
import type { Life } from "./acceptance/projects";
import type { Target } from "./acceptance/target";
import { chosenSystem, oneOf } from "./chosen";

interface Options extends Omit<Request, "budget" | "minutes" | "aws"> {
    readonly aws?: boolean;
    readonly budget: string;
    readonly minutes: string;
    readonly shape?: readonly string[];
    readonly clean?: boolean;
    readonly yes?: boolean;
    readonly report: string;
}

export function define(command: Command): void {
    command
        .option("--stack <name>", "the stack to deploy; its name begins with accept", "accept")
        .option(
            "--shape <names...>",
            `what to deploy: ${lives.map(({ name }) => name).join(", ")}, or all (default: stack)`,
        )
        .option("--aws", "against AWS, with the credentials at hand; without it, against a local system of its own")
        .option("--account <id>", "with --aws: the account in which this may happen")
        .option("--budget <dollars>", "what it may cost at most", "1")
        .option("--minutes <count>", "when each life ends at the latest", "60")
        .option("--clean", "only remove what an earlier run has left, of every shape unless some are named")
        .option("--yes", "do not ask")
        .option("--report <name>", "writes <name>.json and <name>.md", "acceptance")
        .action((options: Options) => run(options, command));
}

async function run({ clean: cleans, yes, report: name, shape, ...options }: Options, command: Command): Promise<void> {
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
    const chosen = livesCalled(shape ?? [cleans ? "all" : "stack"]);
    const refused = refusal(request, cleans ? [] : chosen, { account });
    if (refused !== undefined) {
        throw new Error(refused);
    }
    const target = await targetOf(request, command);
    const say = (text: string) => console.log(`› ${text}`);
    if (cleans) {
        const left: string[] = [];
        for (const life of chosen) {
            left.push(...(await clean(target, life.project(request.stack, target.settings), say)));
        }
        await target.close();
        console.log(left.length === 0 ? "Nothing is left." : `Left: ${left.join(", ")}`);
        process.exitCode = left.length === 0 ? 0 : 1;
        return;
    }
    console.log(plan(request, chosen, target.account, target.regions.join(", ")));
    if (request.aws && !yes && !(await isSure(target.account, process.stdin, process.stdout))) {
        await target.close();
        throw new Error("Nothing was made.");
    }
    const interrupted = new AbortController();
    const interrupt = () => interrupted.abort();
    process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
    const limits = { minutes: request.minutes, interrupted: interrupted.signal };
    const report = await accept(target, chosen, request.stack, limits, say);
    writeFileSync(`${name}.json`, `${JSON.stringify(report, undefined, 4)}\n`);
    writeFileSync(`${name}.md`, toMarkdown(report));
    console.log(`${toMarkdown(report)}\nWritten to ${name}.json and ${name}.md.`);
    if (!isAccepted(report)) {
        const failed = report.lives.find(({ failure }) => failure !== undefined);
        throw new Error(failed?.failure ?? "Not everything held: see the report.");
    }
}

function livesCalled(names: readonly string[]): readonly Life[] {
    const known = lives.map(({ name }) => name);
    const wanted = names.includes("all") ? known : names;
    for (const name of wanted) {
        if (!known.includes(name)) {
            throw new Error(`--shape ${name}: there is no such shape. ${oneOf(name, [...known, "all"])}`);
        }
    }
    return lives.filter(({ name }) => wanted.includes(name));
}

function isAccepted(report: AcceptanceReport): boolean {
    return report.lives.every(
        ({ failure, facts, left }) =>
            failure === undefined && left.length === 0 && facts.every(({ verdict }) => verdict !== "not held"),
    );
}

/** Locally: the running copy that `--system` names, or one of its own. */
async function targetOf({ aws, account, stack }: Request, command: Command): Promise<Target> {
    if (aws) {
        return (await import("./acceptance/awsTarget")).awsTarget(account!, stack);
    }
    const { localTarget, ownLocalTarget } = await import("./acceptance/localTarget");
    return command.optsWithGlobals<{ system?: string }>().system === undefined
        ? ownLocalTarget(`accept-${process.pid}`)
        : localTarget(chosenSystem(command));
}
